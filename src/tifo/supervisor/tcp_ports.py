"""Are the ports free, and if not, who has them? Asked before anything is started."""

import errno
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from tifo.kernel.errors import SettingsError

COMMAND_CHARACTERS_MAX = 80
"""Characters of another process's command line that an error quotes."""

PORT_MAX = 65_535

_LISTEN = "0A"
_EVERY_HOST = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


class Wanted(NamedTuple):
    """A port that a part will listen on; `option` is what chooses another."""

    what: str
    host: str
    port: int
    option: str = "--port"


class Holder(NamedTuple):
    """The process that listens on a port."""

    pid: int
    command: str


class PortsTaken(SettingsError):
    """Ports that cannot be listened on; `problems` has a sentence for each, with what to do."""


def check_ports(wanted: Sequence[Wanted]) -> None:
    """Raise PortsTaken unless every port can be listened on now; port 0 (any) always can.

    A port can still be taken between this check and the start: then the part's own log says so.
    """
    problems = (*clashes(wanted), *(text for want in wanted if (text := _problem(want))))
    if problems:
        raise PortsTaken(problems)


def clashes(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    """A sentence for each two that want the same port."""
    return tuple(
        f"{one.what} and {other.what} both want port {one.port}; choose another with {other.option}"
        for one, other in combinations(wanted, 2)
        if one.port and one.port == other.port and _same_host(one.host, other.host)
    )


def holder_of(port: int, proc: Path = Path("/proc")) -> Holder | None:
    """The process that listens on the port; None where the system does not say (other users', not Linux)."""
    tables = [_text(proc / "net" / name) for name in ("tcp", "tcp6")]
    sockets = {f"socket:[{inode}]" for table in tables for inode in listening_inodes(table, port)}
    if not sockets:
        return None
    pids = (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    pid = next((pid for pid in pids if sockets & set(_open_files(proc / str(pid)))), None)
    return None if pid is None else Holder(pid, _command(proc / str(pid)))


def listening_inodes(table: str, port: int) -> tuple[str, ...]:
    """The socket inodes that listen on the port, from the text of `/proc/net/tcp` or `tcp6`."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return tuple(row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port)


def _problem(want: Wanted) -> str:
    if want.port == 0:
        return ""
    where = f"{want.what}: {want.host}:{want.port}"
    if not 0 < want.port <= PORT_MAX:  # the system would take it modulo 65536
        return f"{where} is not an address (ports end at {PORT_MAX}); choose another with {want.option}"
    try:
        code = _bind_error(want.host, want.port)
    except socket.gaierror as error:
        return f"{where} is not an address ({error}); choose another with {want.option}"
    if code == errno.EADDRINUSE:
        return f"{where} is taken{_by(want.port)}; choose another with {want.option}"
    return f"{where} cannot be used ({os.strerror(code)}); choose another with {want.option}" if code else ""


def _bind_error(host: str, port: int) -> int:
    # A name may have several addresses, some on protocols this machine has not: one usable is enough,
    # one taken is too many.
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    codes = [_bind_one(family, address) for family, _, _, _, address in found]
    if errno.EADDRINUSE in codes:
        return errno.EADDRINUSE
    return 0 if 0 in codes else codes[0]


def _bind_one(family: int, address: tuple[object, ...]) -> int:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections of an earlier run that are still fading away do not take the port. Not
            # SO_REUSEPORT: with it we would share the port of another Envoy without noticing.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def _by(port: int) -> str:
    holder = holder_of(port)
    return "" if holder is None else f" by process {holder.pid} ({holder.command})"


def _same_host(one: str, other: str) -> bool:
    return one == other or one in _EVERY_HOST or other in _EVERY_HOST


def _open_files(process: Path) -> Iterator[str]:
    with suppress(OSError):  # it has ended, or belongs to another user
        for entry in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(entry.readlink())


def _command(process: Path) -> str:
    text = _text(process / "cmdline").replace("\0", " ").strip() or _text(process / "comm").strip()
    plain = "".join(character for character in text if character.isprintable())
    return plain if len(plain) <= COMMAND_CHARACTERS_MAX else f"{plain[:COMMAND_CHARACTERS_MAX]}..."


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
