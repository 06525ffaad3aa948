"""What edge code is made from, and what it comes to."""

from collections.abc import Mapping
from dataclasses import dataclass

from tifo.settings import PathwaySettings
from tifo.tokens.formats import Choice, TokenSettings, choice

INSTALL = "INSTALL.md"
"""The file that says where the others go."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One CDN and how its addresses are signed; `secrets` are by key id, as the settings have them."""

    pathway: str
    base_url: str
    token: TokenSettings
    chosen: Choice
    current: str
    secrets: Mapping[str, str]

    @classmethod
    def of(cls, one: PathwaySettings) -> "Subject":
        """The CDN of one pathway's settings; raises `SettingsError` where it could sign nothing."""
        one.tokens()
        return cls(
            one.id, one.base_url.rstrip("/"), one.token, choice(one.token), one.keys.current, one.keys.secrets
        )

    @property
    def kids(self) -> tuple[str, ...]:
        """Every key id that is accepted, the one that signs first."""
        return (self.current, *(kid for kid in self.secrets if kid != self.current))

    @property
    def in_path(self) -> bool:
        """Whether the token stands in the path."""
        return self.chosen.place == "path"

    def where(self, kid: str) -> str:
        """How the settings call a secret."""
        return f"pathways.{self.pathway}.keys.secrets.{kid}"


@dataclass(frozen=True, slots=True)
class EdgeFile:
    """One file for the CDN."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class EdgeCode:
    """What a CDN has to run, and what a person has to do with it, step by step.

    Without files there is nothing to install, and `why_none` says why.
    """

    files: tuple[EdgeFile, ...] = ()
    steps: tuple[str, ...] = ()
    why_none: str = ""
