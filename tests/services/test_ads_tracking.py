"""What players tell of ads: signed, counted once, and led on after a click."""

from dataclasses import astuple

import msgspec
import pytest
from delivery_parts import BREAK, claims
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.breaks import Break
from tifo.api.creatives import Creative
from tifo.api.events import TOPICS, AdTracked
from tifo.api.inventory import CLICK_URL_LENGTH_MAX
from tifo.eventlog.records import from_record
from tifo.services.ads import asset_list
from tifo.services.ads.asset_list import asset, encoded
from tifo.services.ads.rules import leads_somewhere
from tifo.services.ads.served import Pod, Slot
from tifo.services.ads.tracking import Told, address, error_code, event_id
from tifo.telemetry.metrics import BEACONS
from tifo.tokens.addresses import Signed
from tifo.tokens.beacon import CREATIVES_MAX

SHOES = Creative("shoes", "Shoes", 10, "https://shop.example/?a=1&b=2")
NOW_BREAK = Break(BREAK, 1_800_000_000.0, 20.0)


@pytest.fixture
async def kept(publisher, log):
    """The records of beacons in the log: their ids and what they say."""

    async def read() -> list[tuple[str, AdTracked]]:
        await publisher.close()
        consumer = await log.consumer("test", TOPICS, "reader")
        records = [delivery.record for delivery in await consumer.poll()]
        found = [(record.id, from_record(record)) for record in records]
        return [(id, event) for id, event in found if isinstance(event, AdTracked)]

    return read


async def test_click_is_counted_and_leads_on(ads, asked, kept) -> None:
    answer = await asked.get(ads.beacons.click(claims(), NOW_BREAK, 2, SHOES))
    assert (answer.status_code, answer.headers["location"]) == (302, SHOES.click_url)
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    ((_, event),) = await kept()
    assert (event.what, event.slot, event.creative, event.break_id) == ("click", 2, "shoes", BREAK)


@pytest.mark.parametrize("forged", ["x", "a.b.c", "x" * 3000])
async def test_forged_click_leads_nowhere(asked, kept, forged: str) -> None:
    before = BEACONS.labels("forged")._value.get()
    answer = await asked.get(f"/v1/ads/c/{forged}")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-token")
    assert BEACONS.labels("forged")._value.get() == before + 1
    assert await kept() == []


async def test_click_whose_address_was_changed_leads_nowhere(ads, asked, kept) -> None:
    url = ads.beacons.click(claims(), NOW_BREAK, 1, SHOES)
    other = ads.beacons.click(claims(), NOW_BREAK, 1, Creative("shoes", "", 10, "https://evil.example/"))
    head, _, signature = url.rpartition(".")
    assert (await asked.get(other.rpartition(".")[0] + "." + signature)).status_code == 401
    assert head != other.rpartition(".")[0]
    assert await kept() == []


async def test_beacon_that_is_no_click_leads_nowhere(ads, asked) -> None:
    (where,) = ads.beacons.of_pod(claims(), NOW_BREAK, (SHOES,))
    token = where.rpartition("/")[2].removesuffix(".1")
    assert (await asked.get(f"/v1/ads/c/{token}")).json()["reason"] == "claims"


async def test_click_is_no_beacon(ads, asked, kept) -> None:
    click = ads.beacons.click(claims(), NOW_BREAK, 1, SHOES).rpartition("/")[2]
    for forged in (click, f"{click}.1.complete", f"{click}.0.breakStart"):
        assert (await asked.get(f"/v1/ads/t/{forged}")).status_code == 204
    assert await kept() == []


@pytest.mark.parametrize(
    "end",
    ["2.complete", "3.complete", "-1.complete", "01.complete", "1.5.complete", "1.", "1.click",
     "1.breakStart", "0.complete", "1.completed", "²1.complete", "1_0.complete", "1000.complete"],
)  # fmt: skip
async def test_what_no_pod_says_is_refused_behind_a_token_of_ours(ads, asked, kept, end: str) -> None:
    (where,) = ads.beacons.of_pod(claims(), NOW_BREAK, (SHOES,))
    before = BEACONS.labels("forged")._value.get()
    token = where.rpartition("/")[2].removesuffix(".1")
    assert (await asked.get(f"/v1/ads/t/{token}.{end}")).status_code == 204
    assert BEACONS.labels("forged")._value.get() == before + 1
    assert await kept() == []


async def test_long_pod_has_short_tokens_and_every_place_its_ad(ads, asked, kept) -> None:
    pod = [Creative(f"{n:x>64}", "", 10) for n in range(2 * CREATIVES_MAX + 1)]
    places = ads.beacons.of_pod(claims(), NOW_BREAK, pod)
    assert len({where.rpartition(".")[0] for where in places}) == 3
    token = places[-1].rpartition("/")[2].rpartition(".")[0]
    for slot in (1, 2 * CREATIVES_MAX, 2 * CREATIVES_MAX + 2):
        await asked.get(f"/v1/ads/t/{token}.{slot}.midpoint")
    for where in places:
        await asked.get(address(where, "midpoint"))
    assert [(event.slot, event.creative) for _, event in await kept()] == [
        (n, one.id) for n, one in enumerate(pod, 1)
    ]


@pytest.mark.parametrize(
    "click_url",
    ["", "javascript:alert(1)", "ftp://x", "https://x y", "https://é", "https://x\r\nset-cookie: a=b",
     "https://" + "x" * CLICK_URL_LENGTH_MAX],
)  # fmt: skip
async def test_ad_that_leads_nowhere_has_no_click(ads, click_url: str) -> None:
    assert not leads_somewhere(click_url)
    assert ads.beacons.click(claims(), NOW_BREAK, 1, Creative("x", "", 10, click_url)) == ""


async def test_longest_click_fits_its_token(ads, asked) -> None:
    url = "https://" + "x" * (CLICK_URL_LENGTH_MAX - 8)
    answer = await asked.get(ads.beacons.click(claims(), NOW_BREAK, 1, Creative("x", "", 10, url)))
    assert answer.headers["location"] == url


@pytest.mark.parametrize(
    ("query", "code"),
    [("405", 405), ("[ERRORCODE]", 0), ("", 0), ("-1", 0), ("4e2", 0), ("1000", 0), ("²", 0)],
)
async def test_error_says_its_code(ads, asked, kept, query: str, code: int) -> None:
    (slot, _) = ads.pod(claims(), BREAK)
    url = slot.error_url.replace("[ERRORCODE]", query)
    assert (await asked.get(url)).status_code == 204
    ((_, event),) = await kept()
    assert (event.what, event.code, event.slot) == ("error", code, 1)


async def test_code_is_of_errors_only(ads, asked, kept) -> None:
    (where,) = ads.beacons.of_pod(claims(), NOW_BREAK, (SHOES,))
    await asked.get(f"{address(where, 'skip')}?code=405")
    ((_, event),) = await kept()
    assert (event.what, event.code) == ("skip", 0)


@given(st.text(max_size=5))
def test_code_is_a_number_whatever_is_written(text: str) -> None:
    assert 0 <= error_code(text) <= 999


async def test_beacon_called_again_is_the_same_event(ads, clock, kept) -> None:
    first = ads.pod(claims(), BREAK)
    clock.advance(7)
    again = ads.pod(claims(), BREAK)
    for slot in (*first, *first, *again):
        for point in slot.tracking:
            await ads.track(point.url.rpartition("/")[2])
    records = await kept()
    assert len(records) == 30
    assert len({id for id, _ in records}) == 10
    assert {(id, event.slot, event.what) for id, event in records} == {
        (id, event.slot, event.what) for id, event in records[:10]
    }


texts = st.text(max_size=2)


@given(
    st.lists(st.builds(Told, texts, texts, texts, st.integers(0, 3), texts, texts), min_size=2, max_size=2)
)
def test_what_differs_is_another_event(pair: list[Told]) -> None:
    plain = not any("\0" in text for one in pair for text in map(str, astuple(one)))
    assert not plain or (event_id(pair[0]) == event_id(pair[1])) is (pair[0] == pair[1])


async def test_pod_of_a_break_that_was_called_off_is_empty(ads, clock) -> None:
    class CalledOff:
        def find(self, break_id: str) -> Break:
            return Break(break_id, clock.now() + 5, 20.0, clock.now())

    ads._breaks = CalledOff()
    assert ads.pod(claims(), BREAK) == ()


async def test_asset_list_tells_where_errors_go(ads, asked, tokens) -> None:
    answer = await asked.get(f"/v1/ads/{tokens.sign(claims())}/breaks/{BREAK}")
    (signal, _) = [one["X-AD-CREATIVE-SIGNALING"] for one in answer.json()["ASSETS"]]
    assert (signal["version"], signal["type"]) == (2, "slot")
    (payload,) = signal["payload"]
    assert [point["type"] for point in payload["tracking"] if "offset" not in point] == ["error"]
    assert not {"clickThrough", "skipOffset"} & payload.keys()


def test_asset_list_says_what_a_creative_may() -> None:
    may = Creative("shoes", "Shoes", 10, "https://shop.example/", skip_after_s=5)
    slot = Slot(may, "https://cdn.example/x", (), "id", "https://t/e", "https://t/s", "https://t/c")
    (payload,) = asset(slot).signaling["payload"]
    assert (payload["skipOffset"], payload["clickThrough"]) == (5, "https://t/c")
    assert payload["tracking"] == [
        {"type": "error", "urls": ["https://t/e"]}, {"type": "skip", "urls": ["https://t/s"]},
    ]  # fmt: skip


names = st.text('abc%\\"é', min_size=1, max_size=5)


@given(
    st.lists(
        st.builds(
            Creative, names, names, st.integers(1, 30), st.sampled_from(["", "https://shop.example/?a=%20"]),
            st.none() | st.integers(0, 5), st.sampled_from(["", "", "https://other.example/"]),
        ),
        max_size=4,
    ),
    names,
)  # fmt: skip
def test_asset_list_from_parts_says_what_one_encoded_at_once_does(ads: list[Creative], text: str) -> None:
    clicks = tuple(f"https://t/c/{n}" if one.click_url else "" for n, one in enumerate(ads))
    beacons = tuple(f"https://t/{text}.{n}" for n in range(len(ads)))
    pod = Pod(
        "ses_1",
        "brk-1",
        tuple(ads),
        Signed("https://cdn/", text, f"?{text}"),
        beacons,
        clicks,
        (None,) * len(ads),
    )
    whole = asset_list.AssetList(tuple(asset(one) for one in pod.slots() if not one.creative.tag_url))
    assert encoded(pod) == msgspec.json.encode(whole)
