"""Where a live origin's document leads: to paths on its own server, which is all that a CDN fetches."""

import itertools
import re
from collections.abc import Iterable
from urllib.parse import quote, urljoin

import msgspec

from tifo.kernel.errors import TifoError
from tifo.kernel.web import web_address

REFERENCE_LENGTH_MAX = 1_500
FOLDER_LENGTH_MAX = 180
"""Characters of a folder that tokens open; the channel's own stands before it."""

_AS_IT_IS = "/:?#[]@!$&'()*+,;=%~"
"""What escaping leaves alone: it means something in an address, or is escaped already."""

_FOLDER = re.compile(r"/[A-Za-z0-9._:@/-]*")


class BadDocument(TifoError):
    """An origin's document that cannot be carried; its text is a sentence for operators."""


class Reference(msgspec.Struct, frozen=True, gc=False):
    """A path on the origin's server, which begins with a slash, and its query without the question mark."""

    path: str
    query: str = ""


def referred(base: str, text: str) -> Reference | None:
    """What `text` in a document at `base` leads to; None where that is on another server.

    Raises `BadDocument` for what is no reference at all.
    """
    if len(text) > REFERENCE_LENGTH_MAX:
        raise BadDocument(f"an address in it has more than {REFERENCE_LENGTH_MAX} characters")
    if text.startswith("\\") or any(not one.isprintable() for one in text):
        raise BadDocument(f"an address in it is none: {shown(text)}")
    try:
        joined = urljoin(base, quote(text.partition("#")[0], safe=_AS_IT_IS))
        if not joined.startswith(("http://", "https://")):
            return None
        found = web_address(joined)
    except ValueError as error:
        raise BadDocument(f"an address in it is none: {shown(text)}: {error}") from None
    return Reference(found.path, found.query) if found.server == web_address(base).server else None


def shared_folder(paths: Iterable[str]) -> str:
    """The deepest folder that holds all the paths, with its slashes; raises `BadDocument` where no token
    could name it."""
    folders = [path.split("/")[:-1] for path in paths]
    least, most = min(folders), max(folders)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(least, most, strict=False))
    folder = "".join(f"{name}/" for name, _ in same)
    if len(folder) > FOLDER_LENGTH_MAX or not _FOLDER.fullmatch(folder):
        raise BadDocument(
            f"all that it names is in {shown(folder)}; tokens open folders of letters, digits and . _ : @ -, "
            f"of {FOLDER_LENGTH_MAX} characters at the most"
        )
    return folder


def shown(text: str) -> str:
    """The beginning of a text of somebody else's, fit for a line of a log."""
    return repr(text if len(text) <= 60 else text[:60] + "…")
