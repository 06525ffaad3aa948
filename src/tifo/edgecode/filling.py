"""Templates: files of this package with `@MARKS@` that a CDN's own values take the place of."""

import re
from importlib.resources import files

from tifo import __version__
from tifo.edgecode.model import Subject

_MARK = re.compile(r"@([A-Z0-9_]+)@")


def filled(template: str, **values: str) -> str:
    """The template's text with each mark's value; raises `KeyError` for a mark without one."""
    text = (files("tifo.edgecode") / "templates" / template).read_text()
    return _MARK.sub(lambda found: values[found[1]], text)


def headed(comment: str, subject: Subject, goes: str, text: str) -> str:
    """The text below a header, each line after `comment`, that says what made it and where it goes."""
    lines = (
        f"Made by `tifo export edge-code {subject.pathway}` of Tifo {__version__}: make it again, do not "
        "edit it.",
        f"Checks tokens of the format {subject.token.format} for {subject.base_url}.",
        goes,
    )
    return "".join(f"{comment} {line}\n" for line in lines) + "\n" + text


def identifier(text: str) -> str:
    """The text as a name in languages that know letters, digits and `_` only."""
    return re.sub(r"[^A-Za-z0-9]", "_", text)
