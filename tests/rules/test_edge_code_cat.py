"""The CloudFront Function and the EdgeWorker, run in Node on tokens that we sign."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cbor2
import pytest
from edge_code import Edge, in_njs, running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pems import p256

from tifo.edgecode.cat import FUNCTION, FUNCTION_BYTES_MAX, PATH_VARIABLE, WORKER
from tifo.edgecode.generate import edge_code
from tifo.kernel.errors import SettingsError
from tifo.settings import KeySet, PathwaySettings
from tifo.tokens.addresses import AddressSigner
from tifo.tokens.cat import CatTokens, cose_head, cose_signed_head
from tifo.tokens.formats import TokenSettings
from tifo.tokens.hmacs import Hmac
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant

NOW = 1_800_000_000
GRANT = Grant("ses_1", "/live/demo/", NOW, NOW + 120)
INSIDE = "/live/demo/v1/index.m3u8"
SECRETS = {kid: f"{n:02x}" * 32 for n, kid in enumerate(("k1", "k2", "k3"), 1)}
CLAIMS = {1: "tifo", 4: NOW + 120, 5: NOW, 6: NOW, 7: b"ses_1", 310: 1, 312: {3: {1: "/live/demo/"}}}


PAIRS = {kid: p256() for kid in SECRETS}


def pathway(
    algorithm: str = "HS256", place: str = "path", name: str = "fast", **token: str
) -> PathwaySettings:
    """A pathway with the keys k1, which signs, and k2."""
    keys = SECRETS if algorithm == "HS256" else PAIRS
    told = TokenSettings("cat", algorithm, place, **token)
    return PathwaySettings(
        name, "https://cdn.example", KeySet("k1", {k: keys[k] for k in ("k1", "k2")}), told
    )


@dataclass(frozen=True)
class Case:
    """Edge code that runs, and who signs for it."""

    edge: Edge
    algorithm: str
    place: str

    def tokens(self, current: str = "k1", issuer: str = "tifo") -> CatTokens:
        if self.algorithm == "HS256":
            return CatTokens(Keyring.from_hex("", current, SECRETS), issuer)
        return CatTokens(Keyring.from_pem("", current, PAIRS), issuer, "ES256")

    def ask(self, token: str, path: str = INSIDE, now: float = NOW + 1, query: str = ""):
        if self.place == "path":
            return self.edge.ask(f"/t/{token}{path}", query, now)
        return self.edge.ask(path, "&".join(filter(None, (f"cat={token}", query))), now)

    def refused(self, token: str, path: str = INSIDE, now: float = NOW + 1) -> str:
        answer = self.ask(token, path, now)
        assert answer["status"] == 403, answer
        return answer["reason"]


HMAC = [("cloudfront", "path"), ("cloudfront", "query"), ("akamai", "path"), ("akamai", "query")]
CASES = [*((platform, "HS256", place) for platform, place in HMAC), ("akamai", "ES256", "path")]


@contextmanager
def started(folder: Path, platform: str, algorithm: str, place: str) -> Iterator[Case]:
    made = {file.name: file.text for file in edge_code(pathway(algorithm, place)).files}
    file = folder / "main.mjs"
    file.write_text(made[FUNCTION if platform == "cloudfront" else WORKER])
    stored = {
        "cloudfront": {f"fast.{kid}": SECRETS[kid] for kid in ("k1", "k2")},
        "akamai": {f"PMUSER_TIFO_KEY_{n}": SECRETS[kid] for n, kid in enumerate(("k1", "k2"))},
    }
    with running(platform, file, stored[platform] if algorithm == "HS256" else {}) as edge:
        yield Case(edge, algorithm, place)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request, tmp_path_factory) -> Iterator[Case]:
    with started(tmp_path_factory.mktemp("edge"), *request.param) as one:
        yield one


@pytest.fixture(scope="module", params=HMAC, ids="-".join)
def hmac_case(request, tmp_path_factory) -> Iterator[Case]:
    """Those whose tokens a test can sign with any bytes in them."""
    platform, place = request.param
    with started(tmp_path_factory.mktemp("edge"), platform, "HS256", place) as one:
        yield one


def forged(claims: object, kid: bytes = b"k1", head: bytes = cose_head("HS256")) -> str:
    """A token with any claims at all, signed with our key."""
    payload = cbor2.dumps(claims if isinstance(claims, bytes) else cbor2.dumps(claims))
    code = Hmac(bytes.fromhex(SECRETS["k1"])).digest(cose_signed_head("HS256") + payload)
    raw = b"\xd8\x3d" + head + cbor2.dumps(kid) + payload + cbor2.dumps(code)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


examples = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_what_we_sign_is_served_without_its_token(case: Case) -> None:
    answer = case.ask(case.tokens().sign(GRANT))
    assert (answer["status"], answer["path"], answer["query"]) == (200, INSIDE, "")


def test_property_is_told_what_to_key_its_cache_by(tmp_path) -> None:
    with started(tmp_path, "akamai", "HS256", "path") as case:
        assert case.ask(case.tokens().sign(GRANT))["variables"] == {PATH_VARIABLE: INSIDE}


def test_address_as_the_playlists_have_it_is_served(case: Case) -> None:
    name = "t" if case.place == "path" else "cat"
    signed = AddressSigner("", case.tokens(), case.place, name).address(GRANT)
    assert case.edge.ask(signed.base + INSIDE, signed.query.lstrip("?"), NOW + 1)["status"] == 200


def test_reload_of_a_playlist_keeps_what_it_asks_and_nothing_else(case: Case) -> None:
    query = "CMCD=bl%3D100&_HLS_msn=7&x=1&_HLS_part=2"
    assert case.ask(case.tokens().sign(GRANT), query=query)["query"] == "_HLS_msn=7&_HLS_part=2"


def test_token_of_the_previous_key_opens_after_a_rotation(case: Case) -> None:
    assert case.ask(case.tokens("k2").sign(GRANT))["status"] == 200


def test_token_of_another_key_is_refused(case: Case) -> None:
    assert case.refused(case.tokens("k3").sign(GRANT)) == "unknown-key"


def test_single_file_is_opened_alone(case: Case) -> None:
    token = case.tokens().sign(Grant("ses_1", INSIDE, NOW, NOW + 9))
    assert case.ask(token)["status"] == 200
    assert case.refused(token, INSIDE + "/x") == "path"


@examples
@given(st.integers(min_value=0), st.integers(0, 6))
def test_any_changed_bit_is_refused(case: Case, position: int, bit: int) -> None:
    token = case.tokens().sign(GRANT)
    at = position % len(token)
    case.refused(token[:at] + chr(ord(token[at]) ^ (1 << bit)) + token[at + 1 :])


@examples
@given(st.integers(min_value=1))
def test_truncated_token_is_refused(case: Case, length: int) -> None:
    token = case.tokens().sign(GRANT)
    case.refused(token[: length % len(token)])


@examples
@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise(case: Case, raw: bytes) -> None:
    case.refused(base64.urlsafe_b64encode(cose_head(case.algorithm) + raw).rstrip(b"=").decode())


@pytest.mark.parametrize(
    "path",
    ["/live/dem", "/live/demon/x", "/live", "/", "/x/live/demo/x", "/live/demo/../final/x",
     "/live/demo/%2e%2e/final/x", "/live/demo/%2E./final/x", "/LIVE/demo/x"],
)  # fmt: skip
def test_path_that_only_looks_alike_is_refused(case: Case, path: str) -> None:
    assert case.refused(case.tokens().sign(GRANT), path) == "path"


def test_path_that_is_percent_encoded_is_compared_decoded(case: Case) -> None:
    assert case.ask(case.tokens().sign(GRANT), "/live/demo/%76ideo.m4s")["path"] == "/live/demo/%76ideo.m4s"


@pytest.mark.parametrize(
    ("now", "said"),
    [(NOW + 120, "expired"), (NOW + 10_000, "expired"), (NOW - 6, "not-yet-valid"), (NOW - 4, ""),
     (NOW + 119.9, "")],
)  # fmt: skip
def test_token_is_good_in_its_time_alone(case: Case, now: float, said: str) -> None:
    assert case.ask(case.tokens().sign(GRANT), now=now).get("reason", "") == said


def test_other_issuer_is_refused(case: Case) -> None:
    assert case.refused(case.tokens(issuer="other").sign(GRANT)) == "issuer"


def test_token_of_another_algorithm_is_refused(case: Case) -> None:
    mac, pair = Case(case.edge, "HS256", ""), Case(case.edge, "ES256", "")
    other = pair if case.algorithm == "HS256" else mac
    assert case.refused(other.tokens().sign(GRANT)) == "algorithm"


def test_oversized_token_is_refused_unread(case: Case) -> None:
    assert case.refused("A" * 100_000) == "malformed"


def test_address_without_a_token_is_refused(case: Case) -> None:
    assert case.edge.ask(INSIDE, "", NOW + 1) == {"status": 403, "reason": "empty"}
    assert case.edge.ask("/t/x", "cat=", NOW + 1)["status"] == 403


def test_second_token_beside_a_good_one_is_refused_or_dropped(case: Case) -> None:
    token = case.tokens().sign(GRANT)
    answer = case.ask(token, query=f"cat={token}")
    assert answer.get("reason") == "empty" if case.place == "query" else answer["query"] == ""


@pytest.mark.parametrize(
    "claims",
    [{**CLAIMS, 323: {0: 1}}, {**CLAIMS, 310: 2}, {**CLAIMS, 4: -1}, {**CLAIMS, 4: "9"}, {**CLAIMS, 5: "9"},
     {**CLAIMS, 312: {}}, {**CLAIMS, 312: {1: {1: "/live/demo/"}}}, {**CLAIMS, 312: {3: {2: "/live/demo/"}}},
     {**CLAIMS, 312: {3: {1: "/live/de"}}}, {**CLAIMS, 312: {3: {1: ""}}}, {**CLAIMS, 312: {3: {1: "live/"}}},
     {**CLAIMS, 312: {3: {1: "/live/demo/"}, 4: {0: "x"}}}, {**CLAIMS, 312: {3: {1: "/live/demo/", 2: "/"}}},
     {k: v for k, v in CLAIMS.items() if k != 4}, {k: v for k, v in CLAIMS.items() if k != 312}, {}, [], 7,
     {**CLAIMS, "exp": 1}, {**CLAIMS, 1: b"tifo"}, cbor2.dumps(CLAIMS) + b"\0", b""],
)  # fmt: skip
def test_signed_claims_that_we_never_make_are_refused(hmac_case: Case, claims) -> None:
    assert hmac_case.refused(forged(claims)) in ("claims", "issuer", "malformed", "algorithm", "expired")


@examples
@given(st.dictionaries(st.sampled_from([1, 4, 5, 6, 7, 310, 312, 323]), st.sampled_from(
    ["tifo", "x", NOW + 60, NOW - 60, -1, 1, 0, b"s", {3: {1: "/live/demo/"}}, {3: {1: "/live/final/"}},
     {3: {0: INSIDE}}, {3: {0: "/live/demo/"}}, {2: {1: "/live/"}}, [1], None, True, 1.5, 2**60])
))  # fmt: skip
def test_whatever_is_signed_the_edge_opens_no_more_than_we_do(hmac_case: Case, claims) -> None:
    token = forged({**CLAIMS, **claims})
    if hmac_case.ask(token)["status"] == 200:
        hmac_case.tokens().verify(token, INSIDE, NOW + 1)


def test_token_without_the_outer_tag_is_read(case: Case) -> None:
    raw = base64.urlsafe_b64decode(case.tokens().sign(GRANT) + "===")
    bare = base64.urlsafe_b64encode(raw[2:]).rstrip(b"=").decode()
    assert case.ask(bare)["status"] == 200


@pytest.mark.parametrize("stored", ["", "xy" * 32, "01" * 16, "not hexadecimal"])
def test_key_that_was_stored_wrongly_opens_nothing(hmac_case: Case, stored: str) -> None:
    keys = dict.fromkeys(hmac_case.edge.keys, stored)
    wrong = Case(Edge(hmac_case.edge.process, keys), "HS256", hmac_case.place)
    assert wrong.refused(hmac_case.tokens().sign(GRANT)) == "unknown-key"


def test_function_speaks_the_dialect_of_cloudfronts_runtime(tmp_path) -> None:
    tokens = CatTokens(Keyring.from_hex("", "k1", SECRETS), "tifo")
    good = tokens.sign(Grant("ses_1", "/live/demo/", 1, 4_000_000_000))
    ended = tokens.sign(Grant("ses_1", "/live/demo/", 1, 1_000_000_000))
    asked = {
        f"/t/{good}{INSIDE}": "", f"/t/{good}/live/dem": "path", f"/t/{ended}{INSIDE}": "expired",
        f"/t/{good[:-2]}AA{INSIDE}": "signature", f"/t/x{INSIDE}": "malformed", INSIDE: "empty",
    }  # fmt: skip
    made = {file.name: file.text for file in edge_code(pathway()).files}
    first, *others = in_njs(tmp_path, made[FUNCTION], {"fast.k1": SECRETS["k1"]}, list(asked))
    assert first["uri"] == INSIDE
    assert [one["headers"]["tifo-refused"]["value"] for one in others] == list(asked.values())[1:]


def test_function_is_small_enough_for_cloudfront() -> None:
    long = pathway(name="c" * 64, issuer="i" * 128)
    made = {file.name: file.text for file in edge_code(long).files}
    assert len(made[FUNCTION].encode()) <= FUNCTION_BYTES_MAX


def test_cloudfront_is_told_that_its_functions_cannot_check_es256() -> None:
    made = edge_code(pathway("ES256"))
    assert FUNCTION not in [file.name for file in made.files]
    assert "CloudFront Functions cannot check ES256" in made.steps[0]


def test_key_id_that_no_store_takes_is_named() -> None:
    with pytest.raises(SettingsError, match="cannot be a key's name at the edge"):
        edge_code(
            PathwaySettings("fast", "https://c", KeySet("a b", {"a b": "17" * 32}), TokenSettings("cat"))
        )


def test_python_refuses_what_a_test_forges() -> None:
    with pytest.raises(TokenRefused, match="claims"):
        CatTokens(Keyring.from_hex("", "k1", SECRETS), "tifo").verify(
            forged({**CLAIMS, 323: 1}), INSIDE, NOW + 1
        )
