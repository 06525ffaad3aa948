"""VCL that checks `fastly` tokens; the secrets are in a private dictionary of the service."""

from tifo.edgecode.filling import filled, headed, identifier
from tifo.edgecode.model import EdgeCode, EdgeFile, Subject
from tifo.tokens.fastly import PATTERN
from tifo.tokens.jws import CLOCK_SKEW_S

DICTIONARY_PREFIX = "tifo_keys_"

_FROM_PATH = """\
  if (req.url.path !~ "^/{name}/([^/]+)(/.*)\\z") {{
    error 403 "No token";
  }}
  set var.token = urldecode(re.group.1);
  set var.path = re.group.2;
  set var.query = req.url.qs;"""

_FROM_QUERY = """\
  set var.token = urldecode(subfield(req.url.qs, "{name}", "&"));
  set var.path = req.url.path;
  set var.query = req.url.qs;"""


def edge_code(subject: Subject) -> EdgeCode:
    """One subroutine for `vcl_recv`."""
    name = identifier(subject.pathway)
    take = _FROM_PATH if subject.in_path else _FROM_QUERY
    text = filled(
        "fastly.vcl",
        IDENTIFIER=name,
        DICTIONARY=DICTIONARY_PREFIX + name,
        TAKE_TOKEN=take.format(name=subject.chosen.name.replace(".", "[.]" if subject.in_path else ".")),
        PATTERN=PATTERN,
        CLOCK_SKEW_S=str(CLOCK_SKEW_S),
    )
    goes = (
        f"Goes to Fastly as a VCL snippet of type `init`; `vcl_recv` calls it first: call tifo_{name}_token;"
    )
    return EdgeCode((EdgeFile("fastly.vcl", headed("#", subject, goes, text)),), _steps(subject, name))


def _steps(subject: Subject, name: str) -> tuple[str, ...]:
    dictionary = DICTIONARY_PREFIX + name
    items = ", ".join(f"the item `{kid}` whose value is `{subject.where(kid)}`" for kid in subject.kids)
    return (
        f"Make a private (write-only) dictionary `{dictionary}` in the service, and put into it {items}: "
        "the secret as it stands in the settings, hexadecimal digits in small letters. A rotation changes "
        "the dictionary and nothing else.",
        f"Add `fastly.vcl` as a snippet of type `init`, and `call tifo_{name}_token;` as a snippet of type "
        "`recv` with a small priority, so that it comes before everything that looks at the address.",
        "Where logs should name the session, log `req.http.Tifo-Session`; unset it in `vcl_miss` and "
        "`vcl_pass` if the origin should not see it.",
    )
