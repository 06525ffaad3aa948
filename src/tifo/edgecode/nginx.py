"""A block of nginx that checks secure links, and a server behind a socket for each older key.

nginx computes `$secure_link` once in a request, so a second key needs a second request.
"""

import re

from tifo.edgecode.filling import filled, headed, identifier
from tifo.edgecode.model import EdgeCode, EdgeFile, Subject
from tifo.kernel.errors import SettingsError

FOLDERS = "/live/[^/]+/|/ads/"
"""The folders that addresses are signed for: a channel's, and the ads'."""

BLOCK = "nginx.conf"
OLDER = "nginx-older-keys.conf"

_LINK = r"(?<code>[\w-]{22})\.(?<until>\d{1,12})\.(?<session>[\w.:@-]*)"

_TAKEN = '    if ($arg_{name} ~ "^{link}$") {{ set $taken 1; }}\n'

_ARGUMENT = re.compile(r"[A-Za-z0-9_]+")


def edge_code(subject: Subject) -> EdgeCode:
    """The block, the servers of older keys, and the file that the secrets go into."""
    if not subject.in_path and not _ARGUMENT.fullmatch(subject.chosen.name):
        where = f"pathways.{subject.pathway}.token.name"
        raise SettingsError(
            (f"{where}: {subject.chosen.name!r}; nginx reads parameters of letters, digits and _",)
        )
    name = identifier(subject.pathway)
    keys_file = f"tifo-{subject.pathway}-keys.conf"
    goes = "Goes into the `server` block of this host; the `http` block has an `upstream tifo_origin`."
    bare = filled("nginx-bare.conf", FOLDERS=FOLDERS) if subject.in_path else ""
    block = f"include {keys_file};\n\n{_location(subject, name, 0)}{bare}"
    files = [EdgeFile(BLOCK, headed("#", subject, goes, block)), _keys(subject, name, keys_file)]
    if len(subject.kids) > 1:
        files.append(_older(subject, name, keys_file))
    return EdgeCode(tuple(files), _steps(subject, keys_file))


def _location(subject: Subject, name: str, number: int) -> str:
    """The location that checks with one key, and where the next one is asked."""
    following = f"tifo_{name}_{number + 1}"
    last = number == len(subject.kids) - 1
    location = filled(
        "nginx-location.conf",
        BEFORE=f"/{subject.chosen.name.replace('.', '[.]')}/{_LINK}" if subject.in_path else "",
        FOLDERS=FOLDERS,
        TAKEN="" if subject.in_path else _TAKEN.format(name=subject.chosen.name, link=_LINK),
        NEXT="" if last else f"    error_page 418 = @{following};\n",
        KEY=_variable(name, number),
        REFUSED="403" if last else "418",
    )
    return location if last else location + "\n" + filled("nginx-next.conf", NEXT=following)


def _older(subject: Subject, name: str, keys_file: str) -> EdgeFile:
    servers = [
        filled(
            "nginx-older.conf",
            NAME=f"tifo_{name}_{number}",
            SOCKET=f"/run/tifo-{subject.pathway}-{number}.sock",
            KEYS_FILE=keys_file,
            LOCATION=_location(subject, name, number),
        )
        for number in range(1, len(subject.kids))
    ]
    goes = "Goes into the `http` block: what the block of the host asks about tokens of older keys."
    return EdgeFile(OLDER, headed("#", subject, goes, "\n".join(servers)))


def _keys(subject: Subject, name: str, keys_file: str) -> EdgeFile:
    goes = "Goes beside nginx.conf, for root alone to read. nginx does not start without the secrets."
    lines = (
        f"set ${_variable(name, number)} put {subject.where(kid)} here;\n"
        for number, kid in enumerate(subject.kids)
    )
    return EdgeFile(keys_file, headed("#", subject, goes, "".join(lines)))


def _variable(name: str, number: int) -> str:
    return f"tifo_{name}_key_{number}"


def _steps(subject: Subject, keys_file: str) -> tuple[str, ...]:
    secrets = ", ".join(f"`{subject.where(kid)}`" for kid in subject.kids)
    older = f"Include `{OLDER}` in the `http` block: it checks tokens of older keys, by sockets in `/run`."
    return (
        f"Put `{keys_file}` beside nginx's own configuration, owned by root with mode 0600, and replace "
        f"each `put ... here` in it by the secret that it names ({secrets}), hexadecimal digits in small "
        "letters. nginx has no store of its own for secrets.",
        f"Include `{BLOCK}` in the `server` block of the host, and name the origin in the `http` block: "
        "`upstream tifo_origin { server ...; }`.",
        *((older,) if len(subject.kids) > 1 else ()),
        "Key a cache by `$uri$arg__HLS_msn$arg__HLS_part`, never by `$request_uri`, which holds the token.",
        "When a key is added or taken away, make the files again and reload nginx.",
    )
