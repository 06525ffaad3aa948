"""What holds for every format alike: what is signed opens what it names, and nothing else ever does."""

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pems import pem, public_pem

from tifo.tokens.addresses import AddressSigner
from tifo.tokens.formats import FORMATS, TokenSettings, pathway_tokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.ports import Grant, UrlTokens
from tifo.tokens.texts import percent_encoded

NOW = 1_800_000_000
BASE_URL = "https://cdn.example"


def p256() -> tuple[str, str]:
    """A private key and its public half, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return pem(key), public_pem(key)


def rsa2048() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    return pem(key), public_pem(key)


def ed25519_pair() -> tuple[str, str]:
    key = ed25519.Ed25519PrivateKey.generate()
    return pem(key), public_pem(key)


def secrets() -> dict[str, str]:
    return {kid: f"{n:02x}" * 32 for n, kid in enumerate(("k1", "k2", "k3"), 1)}


def pairs(make: Callable[[], tuple[str, str]]) -> dict[str, str]:
    return {kid: make()[0] for kid in ("k1", "k2", "k3")}


FORMS: Mapping[str, tuple[TokenSettings, dict[str, str]]] = {
    "path-jws": (TokenSettings(), secrets()),
    "cat": (TokenSettings("cat"), secrets()),
    "cat-es256": (TokenSettings("cat", algorithm="ES256"), pairs(p256)),
    "akamai": (TokenSettings("akamai"), secrets()),
    "akamai-early": (TokenSettings("akamai", algorithm="sha1", salt="s", escape_early=True), secrets()),
    "media-cdn": (TokenSettings("media-cdn"), pairs(ed25519_pair)),
    "media-cdn-hmac": (TokenSettings("media-cdn", algorithm="sha256"), secrets()),
    "uri-signing": (TokenSettings("uri-signing"), pairs(p256)),
    "uri-signing-hs256": (TokenSettings("uri-signing", algorithm="HS256"), secrets()),
    "nginx": (TokenSettings("nginx"), secrets()),
    "fastly": (TokenSettings("fastly"), secrets()),
    "cloudfront": (TokenSettings("cloudfront"), pairs(rsa2048)),
    "cloudfront-ecdsa": (TokenSettings("cloudfront", algorithm="SHA256"), pairs(p256)),
}
"""Each format in each of its algorithms, with three keys."""


class Form:
    """One format under test, and the same with other keys."""

    def __init__(self, name: str) -> None:
        self._told, self._keys = FORMS[name]
        self.tokens = self.with_keys("k1", "k2")

    def with_keys(self, current: str, *others: str) -> UrlTokens:
        keys = {kid: self._keys[kid] for kid in (current, *others)}
        return pathway_tokens("fast", BASE_URL, self._told, current, keys).tokens

    def signers(self) -> Iterator[tuple[str, AddressSigner]]:
        """What signs addresses in each place where the token may stand, and what precedes it in a query."""
        form = FORMATS[self._told.format]
        for place in form.places:
            told = replace(self._told, place=place)
            before = f"?{form.name}=" if form.name else "?"
            yield before, pathway_tokens("fast", BASE_URL, told, "k1", self._keys).signer


@pytest.fixture(scope="module", params=list(FORMS))
def form(request) -> Form:
    return Form(request.param)


@pytest.fixture(scope="module")
def tokens(form: Form) -> UrlTokens:
    return form.tokens


# Two dots alone are no name in a path: they climb.
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_:@.", min_size=1, max_size=12).filter(
    lambda name: name != ".."
)
grants = st.builds(
    lambda session, folders, begin, life: Grant(session, f"/{'/'.join(folders)}/", begin, begin + life),
    st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:@", min_size=1, max_size=64),
    st.lists(names, min_size=1, max_size=3),
    st.integers(NOW - 1000, NOW + 1000),
    st.integers(10, 100_000),
)
GRANT = Grant("ses_1", "/live/demo/", NOW, NOW + 120)

examples = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def refused(tokens: UrlTokens, token: str, path: str, now: float) -> str:
    with pytest.raises(TokenRefused) as caught:
        tokens.verify(token, path, now)
    return caught.value.reason


@examples
@given(grants, st.lists(names, max_size=4), st.floats(0, 0.99))
def test_what_is_signed_opens_every_path_below_it(tokens, grant, rest, part) -> None:
    now = grant.begin + part * (grant.end - grant.begin)
    found = tokens.verify(tokens.sign(grant), grant.prefix + "/".join(rest), now)
    assert found.prefix == grant.prefix
    assert found.end == grant.end
    assert found.session in (grant.session, "")
    assert found.begin in (grant.begin, 0)


@examples
@given(grants)
def test_token_says_nothing_that_a_query_would_break(tokens, grant) -> None:
    assert not set(tokens.sign(grant)) & set(' "<>#?\\^`{}|')


@examples
@given(st.integers(min_value=0), st.integers(0, 6))
def test_any_changed_bit_is_refused(tokens, position: int, bit: int) -> None:
    token = tokens.sign(GRANT)
    at = position % len(token)
    changed = token[:at] + chr(ord(token[at]) ^ (1 << bit)) + token[at + 1 :]
    refused(tokens, changed, "/live/demo/v1/index.m3u8", NOW + 1)


@examples
@given(st.integers(min_value=1))
def test_truncated_token_is_refused(tokens, length: int) -> None:
    token = tokens.sign(GRANT)
    refused(tokens, token[: length % len(token)], "/live/demo/v1/index.m3u8", NOW + 1)


@examples
@given(grants, grants)
def test_other_path_is_refused(tokens, grant, other) -> None:
    if not other.prefix.startswith(grant.prefix):
        refused(tokens, tokens.sign(grant), other.prefix + "index.m3u8", grant.begin + 1)


@pytest.mark.parametrize(
    "path",
    ["/live/dem", "/live/demon/x", "/live", "/", "", "live/demo/x", "/x/live/demo/x", "/live/demo/../final/x",
     "/live/demo/%2e%2e/final/x", "/live/demo/%2E./final/x", "/LIVE/demo/x"],
)  # fmt: skip
def test_path_that_only_looks_alike_is_refused(tokens, path: str) -> None:
    assert refused(tokens, tokens.sign(GRANT), path, NOW + 1) in ("path", "signature")


@examples
@given(grants, st.floats(0, 1e6))
def test_after_its_end_it_is_refused(tokens, grant, later) -> None:
    assert refused(tokens, tokens.sign(grant), grant.prefix + "x", grant.end + later) == "expired"


def test_token_of_the_previous_key_opens_after_a_rotation(form) -> None:
    old = form.with_keys("k2").sign(GRANT)
    assert form.tokens.verify(old, "/live/demo/x", NOW + 1).prefix == "/live/demo/"


def test_token_of_another_key_is_refused(form) -> None:
    token = form.with_keys("k3").sign(GRANT)
    assert refused(form.tokens, token, "/live/demo/x", NOW + 1) in ("unknown-key", "signature")


def test_token_that_a_players_query_wrote_anew_opens_the_same(tokens) -> None:
    safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    token = tokens.sign(GRANT)
    # What separates the parameters of a whole query stays; within a value everything else is written anew.
    kept = safe + ("=&" if "&" in token else "")
    anew = "".join(one if one in kept else f"%{ord(one):02X}" for one in token)
    assert tokens.verify(anew, "/live/demo/v1/index.m3u8", NOW + 1) == tokens.verify(
        token, "/live/demo/v1/index.m3u8", NOW + 1
    )


def test_path_that_is_percent_encoded_is_compared_decoded(tokens) -> None:
    assert tokens.verify(tokens.sign(GRANT), "/live/demo/%76ideo.m4s", NOW + 1).prefix == "/live/demo/"


@examples
@given(st.text(max_size=200) | st.text("abcAB09=&~.-_%/*", max_size=200))
def test_no_text_makes_the_reader_fail_otherwise(tokens, text: str) -> None:
    refused(tokens, text, "/live/demo/x", NOW + 1)


def test_absurdly_long_token_is_refused_unread(tokens) -> None:
    assert refused(tokens, "a" * 100_000, "/live/demo/x", NOW) == "malformed"


def test_token_is_short_enough_for_any_address(tokens) -> None:
    assert len(tokens.sign(GRANT)) < 1024


@examples
@given(grants, st.integers(1, 9), st.lists(names, max_size=3))
def test_renewed_address_differs_in_its_token_alone_and_opens_the_same(form, grant, later_s, rest) -> None:
    later = Grant(grant.session, grant.prefix, grant.begin + later_s, grant.end + later_s)
    path, now = grant.prefix + "/".join(rest), later.begin
    for before, signer in form.signers():
        old, new = signer.address(grant), signer.address(later)
        assert (new.before, bool(new.token)) == (old.before, not old.query)
        assert "/" not in new.token
        assert new != old
        found = [
            form.tokens.verify(one.token or one.query.removeprefix(before), path, now) for one in (old, new)
        ]
        assert [one.end for one in found] == [grant.end, later.end]
        assert {one.session for one in found} in ({grant.session}, {""})
        assert now < signer.renew_at(later) < later.end


def test_it_is_renewed_before_it_ends(tokens) -> None:
    assert GRANT.begin < tokens.renew_at(GRANT) < GRANT.end


@pytest.mark.parametrize("session", ["a~exp=9", "a b", "a/b", "a" * 65, "ü"])
def test_session_that_would_forge_a_field_is_no_grant(session: str) -> None:
    with pytest.raises(ValueError, match="session"):
        Grant(session, "/live/", NOW, NOW + 1)


@pytest.mark.parametrize("prefix", ["live/", "", "/a~b/", "/a*/", "/a?b/", "/" + "a" * 300, "/a,b/", "/a!b/"])
def test_prefix_that_would_forge_a_field_is_no_grant(prefix: str) -> None:
    with pytest.raises(ValueError, match="path"):
        Grant("ses_1", prefix, NOW, NOW + 1)


@given(st.text())
def test_only_what_is_not_plain_is_percent_encoded(text: str) -> None:
    always = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
    assert percent_encoded(text, always + b"=,!") == quote(text, safe="=,!")
