"""Who the viewers of a rehearsal are: people who log in, or tokens of a file or of the platform's keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError
from tifo.rehearsal import target as platform
from tifo.rehearsal.target import Target
from tifo.settings import Settings


@dataclass(frozen=True, slots=True)
class Identities:
    """The viewers are named by `prefix` and their number.

    Where they do not start sessions (`starting` is false) they bring playback tokens, for which `settings`
    must be there.
    """

    target: Target
    clock: Clock
    prefix: str
    event: str
    file: Path | None
    settings: Settings | None
    starting: bool

    @property
    def log_in(self) -> bool:
        """Whether each of them logs in at the laptop's issuer, and needs no token beforehand."""
        return self.file is None and self.settings is None

    def interval_s(self) -> float:
        """The seconds between two questions of a player; raises `SettingsError` where nobody may ask."""
        with self._watching() as token:
            return self.target.interval_of(token)

    def breaks(self, since: int) -> tuple[platform.Listed, ...]:
        """The breaks to come, counted from `since` (epoch seconds); raises `SettingsError` as above."""
        with self._watching() as token:
            return self.target.breaks(token, since)

    @contextmanager
    def _watching(self) -> Iterator[str]:
        """The playback token of one of them, who comes for this alone."""
        if not self.starting:
            yield self.tokens(1, 0.0)
            return
        with self.target.viewer(
            self.event, self._logged_in() if self.log_in else self.tokens(1, 0.0)
        ) as token:
            yield token

    def tokens(self, viewers: int, seconds: float) -> str:
        """A token for each that outlives so many seconds, one a line; nothing where they log in."""
        if not self.starting:
            return self._playback_tokens(viewers, seconds)
        if self.file is not None:
            return platform.read_tokens(self.file, viewers)
        if self.settings is not None:
            return platform.access_tokens_of(self.settings, self.clock, self.prefix, viewers, seconds)
        self._logged_in()
        return ""

    def _playback_tokens(self, viewers: int, seconds: float) -> str:
        if self.settings is None or self.file is not None:
            raise SettingsError(
                (
                    "--without sessions: give --config FILE, the platform's settings, whose keys.playback "
                    "signs the tokens that viewers would be given at a start, and no --tokens, which are "
                    "for starts",
                )
            )
        return platform.playback_tokens_of(
            self.settings, self.clock, self.prefix, self.event, viewers, seconds
        )

    def _logged_in(self) -> str:
        token = self.target.log_in()
        if not token:
            raise SettingsError(
                (
                    f"{self.target.base} has no /v1/dev/login, where anybody may log in: give --tokens FILE "
                    "with access tokens, one a line, or --config FILE, the platform's settings, whose "
                    "keys.access signs them",
                )
            )
        return token
