"""New addresses for a session that plays: beside the old ones, and none for one that is over."""

from collections.abc import AsyncIterator

import httpx
import openm3u8
import pytest
from delivery_parts import NAMES, NOW, SECRETS, Calendar, claims

from tifo.board.entries import Revoked
from tifo.board.revocations import Revocations
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal
from tifo.services.video import routes
from tifo.services.video.service import VideoService
from tifo.services.video.settings import VideoSettings
from tifo.serving.guard import PlaybackGuard
from tifo.serving.responders import application
from tifo.serving.routes import Listener
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing
from tifo.tokens.formats import TokenSettings, pathway_tokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.path_jws import PathJws
from tifo.tokens.playback import PlaybackTokens

TTL_S = VideoSettings().renewed_ttl_s
SEGMENT = "/live/stadium/v360/81.m4s"


def tokens_of(pathway: str) -> PathJws:
    return PathJws(pathway, Keyring("k", {"k": SECRETS[pathway]}))


async def test_every_pathway_gets_an_address_for_the_same_session(video: VideoService) -> None:
    renewal = await video.renewal(claims())
    assert tuple(one.pathway for one in renewal.addresses) == NAMES
    assert ({one.folder for one in renewal.addresses}, renewal.valid_s) == ({"/live/stadium/"}, TTL_S)
    for pathway, signed in ((one.pathway, one.signed) for one in renewal.addresses):
        assert signed.before == f"http://{pathway}.example/t/"
        grant = tokens_of(pathway).verify(signed.token, SEGMENT, NOW)
        assert (grant.session, grant.begin, grant.end) == ("ses_1", NOW, NOW + TTL_S)


async def test_address_of_before_opens_until_its_own_end(video: VideoService, clock: ManualClock) -> None:
    tokens = tokens_of(NAMES[0])
    first = (await video.renewal(claims())).addresses[0].signed
    clock.advance(TTL_S - 1)
    second = (await video.renewal(claims())).addresses[0].signed
    assert second.token != first.token
    for one in (first, second):
        assert tokens.verify(one.token, SEGMENT, clock.now()).session == "ses_1"
    clock.advance(1)
    with pytest.raises(TokenRefused, match="expired"):
        tokens.verify(first.token, SEGMENT, clock.now())
    assert tokens.verify(second.token, SEGMENT, clock.now()).session == "ses_1"


async def test_player_asks_again_in_good_time(video: VideoService) -> None:
    renewal = await video.renewal(claims())
    assert 0 < renewal.renew_s <= VideoSettings().renew_s


@pytest.mark.parametrize(("ttl_s", "latest_s"), [(60, 40), (9, 6), (1, 1)])
async def test_short_lived_address_is_renewed_while_it_lasts(
    steering, no_origins, signers, clock, ids, ttl_s: int, latest_s: int
) -> None:
    hasty = VideoSettings(renewed_ttl_s=ttl_s, renew_s=3_600)
    video = VideoService(Calendar(), steering, no_origins, signers, clock, ids, hasty, "http://tifo.example")
    assert 1 <= (await video.renewal(claims())).renew_s <= latest_s


@pytest.mark.parametrize(("renews", "ttl_s"), [(True, TTL_S), (False, VideoSettings().address_ttl_s)])
async def test_playlist_is_short_lived_for_who_renews(video: VideoService, renews: bool, ttl_s: int) -> None:
    playlist = openm3u8.loads(await video.playlist(claims(), "token", renews=renews))
    for one in playlist.playlists:
        token, pathway = one.uri.split("/")[4], one.stream_info.pathway_id
        assert tokens_of(pathway).verify(token, SEGMENT, NOW).end == NOW + ttl_s


async def test_event_that_is_gone_has_no_addresses(video: VideoService) -> None:
    with pytest.raises(Refusal, match="not-found"):
        await video.renewal(claims(event="other"))


@pytest.fixture
async def client(
    video: VideoService, tokens: PlaybackTokens, revocations: Revocations, clock: ManualClock
) -> AsyncIterator[httpx.AsyncClient]:
    handlers = routes.handlers(video, PlaybackGuard(tokens, revocations, clock))
    app = application(Listener.VIEWERS, routes.ROUTES, handlers, RequestMetrics(), Tracing("", "test"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tifo") as client:
        yield client


async def test_answer_has_each_address_in_its_parts(client: httpx.AsyncClient, tokens) -> None:
    answer = await client.get(f"/v1/playback/{tokens.sign(claims())}/addresses")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    said = answer.json()
    assert (said["valid_s"], [one["pathway"] for one in said["addresses"]]) == (TTL_S, list(NAMES))
    for one in said["addresses"]:
        assert one["query"] == ""
        assert (one["before"], one["after"]) == (f"http://{one['pathway']}.example/t/", "/live/stadium/")
        assert tokens_of(one["pathway"]).verify(one["token"], SEGMENT, NOW).session == "ses_1"


@pytest.mark.parametrize("form", ["cat", "akamai", "nginx"])
async def test_token_in_the_query_is_told_as_such(
    steering, no_origins, signers, clock, ids, form: str
) -> None:
    told, secrets = TokenSettings(form, place="query"), {"k": SECRETS[NAMES[0]].hex()}
    other = pathway_tokens(NAMES[0], "https://other.example", told, "k", secrets)
    mixed = {**signers, NAMES[0]: other.signer}
    video = VideoService(
        Calendar(), steering, no_origins, mixed, clock, ids, VideoSettings(), "http://tifo.example"
    )
    first, *rest = routes.addresses_answer(await video.renewal(claims())).addresses
    assert (first.before, first.token, first.after) == ("https://other.example", "", "/live/stadium/")
    _, _, token = first.query.partition("=")
    assert other.tokens.verify(token, SEGMENT, NOW).session == "ses_1"
    assert {one.query for one in rest} == {""}


@pytest.mark.parametrize("code", ["ended", "kicked"])
async def test_session_that_is_over_gets_none(client, tokens, revocations, clock, code: str) -> None:
    path = f"/v1/playback/{tokens.sign(claims())}/addresses"
    assert (await client.get(path)).status_code == 200
    await revocations.revoke("ses_1", Revoked(code, "Shared."), ttl_s=3_600)
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (410, code)


async def test_forged_token_gets_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/playback/eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl/addresses")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-token")


@pytest.mark.parametrize(("query", "ttl_s"), [("?renew=1", TTL_S), ("?renew=0", 21_600), ("", 21_600)])
@pytest.mark.parametrize("document", ["master.m3u8", "manifest.mpd"])
async def test_player_says_in_the_query_that_it_renews(
    client, tokens, document: str, query: str, ttl_s: int
) -> None:
    answer = await client.get(f"/v1/playback/{tokens.sign(claims())}/{document}{query}")
    address = answer.text.partition("http://cdn-a.example/t/")[2]
    assert tokens_of("cdn-a").verify(address.split("/")[0], SEGMENT, NOW).end == NOW + ttl_s
