"""Every API that takes a token refuses every broken one, in one form; so does every CDN."""

import httpx
import pytest
from broken_tokens import broken, claims_in, signed
from players import Http, Platform, Player, attribute, break_now, fetch, problem, refused, uris

pytestmark = pytest.mark.system

BEARER_REASONS = {
    "signed by another key": "signature",
    "signature of another": "signature",
    "truncated": "signature",
    "unknown key": "unknown-key",
    "algorithm none": "algorithm",
    "another algorithm": "algorithm",
    "expired": "expired",
    "not yet valid": "not-yet-valid",
    "of another audience": "audience",
    "without claims": "claims",
    "claims of wrong types": "claims",
}
"""What the services say besides, of tokens that the edge lets through by their shape."""

NOT_A_PATH = (400, "bad-request")
"""What bytes are that no path may have."""


@pytest.fixture(scope="module")
def player(platform: Platform) -> Player:
    return platform.player()


def with_header(platform: Platform, player: Player, token: str) -> dict[str, httpx.Response]:
    """What each API answers that takes a playback token in a header."""
    headers = {"authorization": b"Bearer " + token.encode()}
    path = f"/v1/sessions/{player.session}"
    return {
        "heartbeat": platform.viewers("POST", f"{path}/heartbeat", headers=headers),
        "end": platform.viewers("DELETE", path, headers=headers),
    }


def with_path(platform: Platform, token: str) -> dict[str, httpx.Response]:
    """What each API answers that takes a playback token in its path."""
    return {
        "playlist": platform.viewers.get(f"/v1/playback/{token}/master.m3u8"),
        "manifest": platform.viewers.get(f"/v1/playback/{token}/manifest.mpd"),
        "addresses": platform.viewers.get(f"/v1/playback/{token}/addresses"),
        "steering": platform.viewers.get(f"/v1/steering/{token}"),
        "ads": platform.viewers.get(f"/v1/ads/{token}/breaks/{break_now()}"),
    }


def all_refused(answers: dict[str, httpx.Response], kind: str) -> None:
    for name, answer in answers.items():
        said = problem(answer)
        expected = NOT_A_PATH if "%00" in str(answer.request.url) else (401, "bad-token")
        assert (said["status"], said["code"]) == expected, (name, kind, said)
        if "reason" in said:
            assert said["reason"] == BEARER_REASONS.get(kind, said["reason"]), (name, kind, said)


def test_a_broken_playback_token_is_refused_everywhere(platform: Platform, player: Player) -> None:
    for kind, token in broken(player.token, platform.keys["playback"]).items():
        all_refused(with_header(platform, player, token) | with_path(platform, token), kind)
    assert player.beat().status_code == 200


def test_an_access_token_opens_no_playback(platform: Platform, player: Player) -> None:
    answers = with_header(platform, player, player.access) | with_path(platform, player.access)
    all_refused(answers, "another key")


def test_a_broken_access_token_starts_nothing(platform: Platform, player: Player) -> None:
    for kind, token in broken(player.access, platform.keys["access"]).items():
        all_refused({"start": platform.ask_to_start(token)}, kind)
    all_refused({"start": platform.ask_to_start(player.token)}, "another key")


@pytest.mark.parametrize(
    "header", [{}, {"authorization": ""}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}]
)
def test_no_token_at_all_is_refused(platform: Platform, player: Player, header: dict[str, str]) -> None:
    path = f"/v1/sessions/{player.session}"
    answers = {
        "heartbeat": platform.viewers("POST", f"{path}/heartbeat", headers=header),
        "end": platform.viewers("DELETE", path, headers=header),
        "start": platform.viewers("POST", "/v1/sessions", json={}, headers=header),
    }
    all_refused(answers, "empty")


def test_an_empty_token_in_a_path_leads_nowhere(platform: Platform) -> None:
    for name, answer in with_path(platform, "").items():
        said = problem(answer)
        assert (said["status"], said["code"]) in {(404, "not-found"), (401, "bad-token")}, (name, said)


def test_an_absurdly_long_token_is_refused_before_anything_reads_it(
    platform: Platform, player: Player
) -> None:
    token = "e" * 70_000
    for answer in with_header(platform, player, token).values():
        assert refused(answer) == (431, "headers-too-large")


def test_a_token_of_another_session_is_refused(platform: Platform, player: Player) -> None:
    answers = with_header(platform, player, platform.player().token)
    all_refused(answers, "another session")
    assert {problem(answer)["reason"] for answer in answers.values()} == {"session"}


def test_a_token_of_an_event_that_is_gone_finds_no_playlist(platform: Platform, player: Player) -> None:
    token = signed(platform.keys["playback"], {**claims_in(player.token), "ev": "final-of-1904"})
    answers = with_path(platform, token)
    assert refused(answers["playlist"]) == refused(answers["manifest"]) == (404, "not-found")


def cdn_tokens(player: Player) -> dict[str, tuple[str, str]]:
    """By pathway: the address before the token, and the token, of the first variant."""
    found = {}
    for line, address in zip(
        player.master().text.splitlines(), player.master().text.splitlines()[1:], strict=False
    ):
        if line.startswith("#EXT-X-STREAM-INF"):
            base, _, rest = address.partition("/t/")
            found[attribute(line, "PATHWAY-ID")] = (base, rest.partition("/")[0])
    return found


def test_every_cdn_refuses_every_broken_token(platform: Platform, player: Player) -> None:
    for pathway, (base, token) in cdn_tokens(player).items():
        cdn = Http(base)
        for kind, bad in broken(token, platform.keys["pathways"][pathway]).items():
            said = refused(cdn.get(f"/t/{bad}/live/demo/v360/index.m3u8"))
            assert said == NOT_A_PATH if kind == "bytes" else said[0] in (401, 403), (pathway, kind, said)
        assert refused(cdn.get("/live/demo/v360/index.m3u8"))[0] == 401
        assert refused(cdn.get("/t//live/demo/v360/index.m3u8"))[0] in (401, 404)
        assert cdn.get(f"/t/{token}/live/demo/v360/index.m3u8").status_code == 200
        cdn.close()


def test_a_token_of_one_cdn_opens_no_other(platform: Platform, player: Player) -> None:
    tokens = cdn_tokens(player)
    for pathway, (base, _) in tokens.items():
        for other, (_, token) in tokens.items():
            status = fetch(f"{base}/t/{token}/live/demo/v360/index.m3u8").status_code
            assert (status == 200) == (pathway == other)


def test_a_token_of_a_cdn_opens_the_match_it_was_given_for_only(platform: Platform, player: Player) -> None:
    for base, token in cdn_tokens(player).values():
        for path in (
            "/ads/house-1/index.m3u8",
            "/live/other/v360/index.m3u8",
            "/live/demo/../other/x.m4s",
            "/x",
        ):
            answer = fetch(f"{base}/t/{token}{path}")
            assert refused(answer) == (403, "not-entitled"), path


def test_addresses_in_a_playlist_carry_no_token_of_the_session(platform: Platform, player: Player) -> None:
    """A CDN's log is another house's: it sees its own token only."""
    assert not any(player.token in address for address in uris(player.master().text))
