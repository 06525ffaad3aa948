"""An outside server's ad in each form that a player asks for, and what the log is told of it."""

from collections.abc import AsyncIterator
from xml.etree.ElementTree import fromstring

import httpx
import msgspec
import pytest
import vastlint
from delivery_parts import NOW, PUBLIC, Asking, MakeAds, claims
from outside_answers import MEDIA, inline, vast
from outside_parts import FROM_S, UPCOMING, Node

from tifo.api.events import BreakDecided
from tifo.board.entries import AD_LEVER, AdLeverState
from tifo.services.ads.outside import LOOK_S, Device
from tifo.services.ads.service import AdService


@pytest.fixture
def service(node, make_ads: MakeAds) -> tuple[AdService, Node]:
    one = node()
    return make_ads(decider=one.decider, outside=one.outside), one


@pytest.fixture
async def asked(service, asking: Asking) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(service[0]) as client:
        yield client


FULL = inline(
    more="<Impression>https://i.example/</Impression><Error>https://e.example/?[ERRORCODE]</Error>",
    linear="<TrackingEvents><Tracking event='start'>https://t.example/s</Tracking><Tracking event='complete'>"
    "https://t.example/c</Tracking></TrackingEvents><VideoClicks><ClickThrough>https://shop.example/"
    "</ClickThrough><ClickTracking>https://c.example/</ClickTracking></VideoClicks>",
)


async def test_ad_is_in_every_form_with_both_servers_addresses(asked, service, servers, tokens, told) -> None:
    servers.says["ads.other.example"] = vast(FULL)
    token = tokens.sign(claims())
    headers = {"User-Agent": "TV/1", "Accept-Language": "fr"}
    assert (await asked.post(f"/v1/ads/{token}/present", headers=headers)).status_code == 204
    await service[1].pass_window()
    assert servers.headers[0]["X-Device-User-Agent"] == "TV/1"
    assert servers.headers[0]["X-Device-Accept-Language"] == "fr"
    assert servers.headers[0]["X-Device-IP"]
    list_, xml = [await asked.get(f"/v1/ads/{token}/breaks/{UPCOMING.id}{form}") for form in ("", "/vast")]
    assert {one.message for one in vastlint.validate(xml.text).issues if one.severity == "error"} == set()
    (asset,) = [one for one in list_.json()["ASSETS"] if one["URI"] == MEDIA]
    (payload,) = asset["X-AD-CREATIVE-SIGNALING"]["payload"]
    urls = {one["type"]: one["urls"] for one in payload["tracking"]}
    for what, theirs in {"impression": "https://i.example/", "complete": "https://t.example/c",
                         "error": "https://e.example/?[ERRORCODE]"}.items():  # fmt: skip
        ours, other = urls[what]
        assert (ours.startswith(f"{PUBLIC}/v1/ads/t/"), other) == (True, theirs)
        assert theirs in xml.text
    assert urls["start"] == ["https://t.example/s"]
    assert urls["clickTracking"] == ["https://c.example/"]
    assert len(list_.json()["ASSETS"]) == 2
    document = fromstring(xml.content)
    assert MEDIA in [one.text for one in document.iter("{http://www.iab.com/VAST}MediaFile")]
    click = await asked.get(payload["clickThrough"])
    assert click.headers["location"] == "https://shop.example/"


@pytest.mark.parametrize("path", ["vmap", "breaks/brk-10000000", "breaks/brk-10000000/vast"])
async def test_who_asks_for_ads_or_their_times_is_there(asked, service, servers, tokens, path: str) -> None:
    assert (await asked.get(f"/v1/ads/{tokens.sign(claims())}/{path}")).status_code == 200
    await service[1].pass_window()
    assert servers.asked.total() == 1


async def test_nobody_is_there_by_a_token_that_is_not_ours(asked, service, servers) -> None:
    answer = await asked.post("/v1/ads/not.our.token/present")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-token")
    await service[1].pass_window()
    assert not servers.asked


async def test_log_is_told_what_is_shown_and_not_what_was_meant(asked, service, tokens, told) -> None:
    token = tokens.sign(claims())
    service[1].clock.advance(UPCOMING.start - NOW)
    answer = (await asked.get(f"/v1/ads/{token}/breaks/{UPCOMING.id}")).json()
    assert [one["DURATION"] for one in answer["ASSETS"]] == [10.0, 10.0]
    (event,) = [one for one in await told() if isinstance(one, BreakDecided)]
    assert (set(event.line_items), "cr-ad" in event.creatives) == ({""}, False)


def test_headers_that_no_request_can_carry_are_left_out() -> None:
    assert Device("192.0.2.7", "TV\r\nX: y", "fr-\xe9").headers == {"X-Device-IP": "192.0.2.7"}


# --- under the lever -----------------------------------------------------------------------------------


async def pull(view, lever: str) -> None:
    await view.write(AD_LEVER, msgspec.json.encode(AdLeverState(lever)))


async def uris(asked, token: str) -> list[str]:
    answer = await asked.get(f"/v1/ads/{token}/breaks/{UPCOMING.id}")
    return [one["URI"] for one in answer.json()["ASSETS"]]


@pytest.mark.parametrize(("lever", "ads"), [("cohort", 2), ("house", 2), ("none", 0)])
async def test_no_outside_server_is_asked_but_for_each_viewer(
    asked, service, servers, tokens, view, lever: str, ads: int
) -> None:
    await pull(view, lever)
    token = tokens.sign(claims())
    await asked.post(f"/v1/ads/{token}/present")
    await service[1].pass_window()
    found = await uris(asked, token)
    assert (servers.asked.total(), len(found), MEDIA in found) == (0, ads, False)


@pytest.mark.parametrize(("lever", "shown"), [("cohort", True), ("house", False), ("none", False)])
async def test_ad_that_was_fetched_waits_for_the_lever_to_be_undone(
    asked, service, tokens, view, lever: str, shown: bool
) -> None:
    token = tokens.sign(claims())
    await asked.post(f"/v1/ads/{token}/present")
    await service[1].pass_window()
    await pull(view, lever)
    assert (MEDIA in await uris(asked, token)) == shown
    await pull(view, "personal")
    assert MEDIA in await uris(asked, token)


async def test_nobody_is_decided_for_ahead_of_a_break_that_has_begun(service, view) -> None:
    one = service[1]
    one.arrive(20)
    one.clock.advance(UPCOMING.start - FROM_S + LOOK_S - one.clock.now())
    await one.outside.look()
    decided = one.decider.tally.report(1.0).pods_per_s
    assert decided < 20
    await pull(view, "house")
    one.clock.advance(UPCOMING.start - one.clock.now())
    await one.outside.look()
    await pull(view, "personal")
    await one.outside.look()
    await one.outside.finish()
    assert one.decider.tally.report(1.0).pods_per_s * 2 == decided


async def test_beacons_of_an_outside_ad_name_its_place_and_creative(asked, service, tokens) -> None:
    ads, one = service
    await asked.post(f"/v1/ads/{tokens.sign(claims())}/present")
    await one.pass_window()
    for place, slot in enumerate(ads.pod(claims(), UPCOMING.id), 1):
        told = ads.beacons.read(slot.tracking[0].url.rpartition("/")[2])
        assert (told.slot, told.creative, told.what) == (place, slot.creative.id, "impression")
    assert MEDIA in [slot.url for slot in ads.pod(claims(), UPCOMING.id)]
