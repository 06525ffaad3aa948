"""A block of nginx that checks secure links, each key in a location of its own."""

from tifo.edgecode.filling import filled, headed, identifier
from tifo.edgecode.model import EdgeCode, EdgeFile, Subject

FOLDERS = "/live/[^/]+/|/ads/"
"""The folders that addresses are signed for: a channel's, and the ads'."""

_LINK = r"(?<code>[\w-]{22})\.(?<until>\d{1,12})\.(?<session>[\w.:@-]*)"

_FIRST = """\
location ~ "^{before}(?<rest>(?<prefix>{folders}).*)$" {{
{take}    error_page 418 = @{following};
{check}}}
"""

_LATER = """\
location @{name} {{
    error_page 418 = @{following};
{check}}}
"""

_CHECK = """\
    secure_link $code,$until;
    secure_link_md5 "$secure_link_expires $session $prefix ${secret}";
    if ($secure_link = "") {{ return {refused}; }}
    if ($secure_link = "0") {{ return 410; }}
    rewrite ^ $rest break;
    proxy_pass http://tifo_origin;
"""


def edge_code(subject: Subject) -> EdgeCode:
    """The block, and the file that its secrets go into."""
    name = identifier(subject.pathway)
    keys_file = f"tifo-{subject.pathway}-keys.conf"
    text = filled("nginx.conf", KEYS_FILE=keys_file, LOCATIONS=_locations(subject, name))
    goes = "Goes into the `server` block of this host, which has an `upstream tifo_origin`."
    secrets = "".join(
        f"set ${_secret(name, number)} put {subject.where(kid)} here;\n"
        for number, kid in enumerate(subject.kids)
    )
    keys = headed(
        "#",
        subject,
        "Goes beside the block, for root alone to read. nginx does not start before its secrets are in.",
        secrets,
    )
    files = (EdgeFile("nginx.conf", headed("#", subject, goes, text)), EdgeFile(keys_file, keys))
    return EdgeCode(files, _steps(subject, keys_file))


def _locations(subject: Subject, name: str) -> str:
    count = len(subject.kids)
    checks = [_check(name, number, last=number == count - 1) for number in range(count)]
    following = [f"tifo_{name}_{number}" for number in range(1, count + 1)]
    first = _FIRST.format(
        before=f"/{_literal(subject.chosen.name)}/{_LINK}" if subject.in_path else "",
        folders=FOLDERS,
        take="" if subject.in_path else _taken(subject),
        following=following[0],
        check=checks[0],
    )
    later = [
        _LATER.format(name=following[number - 1], following=following[number], check=checks[number])
        for number in range(1, count)
    ]
    text = "\n".join((first, *later))
    # The last key's location has nobody to ask: it refuses for itself.
    return text.replace(f"    error_page 418 = @{following[-1]};\n", "")


def _taken(subject: Subject) -> str:
    return f'    if ($arg_{subject.chosen.name} ~ "^{_LINK}$") {{ set $tifo_taken 1; }}\n'


def _check(name: str, number: int, *, last: bool) -> str:
    return _CHECK.format(secret=_secret(name, number), refused=403 if last else 418)


def _secret(name: str, number: int) -> str:
    return f"tifo_{name}_key_{number}"


def _literal(text: str) -> str:
    return text.replace(".", "[.]")


def _steps(subject: Subject, keys_file: str) -> tuple[str, ...]:
    return (
        f"Put `{keys_file}` where nginx finds it, owned by root with mode 0600, and replace each `put ... "
        "here` in it by the "
        "secret that it names: "
        + ", ".join(f"`{subject.where(kid)}`" for kid in subject.kids)
        + ". nginx has no store of its own for secrets.",
        "Include `nginx.conf` in the `server` block, and name your origin: `upstream tifo_origin "
        "{ server ...; }`.",
        "Key a cache by `$uri$arg__HLS_msn$arg__HLS_part`, never by `$request_uri`, which holds the token.",
        "When a key is added or taken away, make the block again and reload nginx.",
    )
