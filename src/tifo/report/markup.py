"""HTML and SVG that cannot be broken out of: what is no `Markup` is text, and is escaped."""

from collections.abc import Iterable
from html import escape

VOID = frozenset({"meta", "br", "path", "rect", "line"})
"""Elements that are written without an end."""


class Markup(str):
    """Text that is markup already, made by `element` or written by us."""

    __slots__ = ()


Inside = str | Iterable[str]


def element(name: str, /, *inside: Inside, **attributes: str | float) -> Markup:
    """An element; `cls` is its class, `_` in a name of an attribute is `-`. Numbers have two digits at the
    most."""
    told = "".join(f' {_name(key)}="{escape(_value(value))}"' for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(*inside)}</{name}>")


def joined(*inside: Inside) -> Markup:
    """One after the other, what is text escaped."""
    return Markup("".join(_text(one) for one in inside))


def _text(inside: Inside) -> str:
    if isinstance(inside, Markup):
        return str(inside)
    return escape(inside) if isinstance(inside, str) else joined(*inside)


def _name(key: str) -> str:
    return "class" if key == "cls" else key.replace("_", "-")


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
