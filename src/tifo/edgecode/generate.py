"""One CDN's edge code: which format has which, and the page that says where its files go."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tifo import __version__
from tifo.edgecode import akamai, cat, cloudfront, fastly, media_cdn, nginx, path_jws, uri_signing
from tifo.edgecode.model import INSTALL, EdgeCode, EdgeFile, Subject
from tifo.settings import PathwaySettings

GENERATORS: Mapping[str, Callable[[Subject], EdgeCode]] = MappingProxyType(
    {
        "path-jws": path_jws.edge_code,
        "cat": cat.edge_code,
        "akamai": akamai.edge_code,
        "cloudfront": cloudfront.edge_code,
        "media-cdn": media_cdn.edge_code,
        "uri-signing": uri_signing.edge_code,
        "nginx": nginx.edge_code,
        "fastly": fastly.edge_code,
    }
)
"""By the token's format."""


def edge_code(pathway: PathwaySettings) -> EdgeCode:
    """All files of one CDN, the page of steps first; raises `SettingsError` where it could sign nothing."""
    subject = Subject.of(pathway)
    made = GENERATORS[subject.token.format](subject)
    if made.why_none:
        return made
    return EdgeCode((EdgeFile(INSTALL, _install(subject, made)), *made.files), made.steps)


def _install(subject: Subject, made: EdgeCode) -> str:
    lines = [
        f"# Edge code of {subject.pathway}",
        "",
        f"Made by `tifo export edge-code {subject.pathway}` of Tifo {__version__}, for {subject.base_url} "
        f"with tokens of the format `{subject.token.format}` ({subject.chosen.algorithm}, in the "
        f"{subject.chosen.place}). No file here holds a secret: where one goes, its name in the settings "
        "stands.",
        "",
        *(f"{number}. {step}" for number, step in enumerate(made.steps, 1)),
    ]
    return "\n".join(lines) + "\n"
