"""Whether the live origins that events and the command line name can be read, before anything starts."""

from pathlib import Path

import pytest

from tifo.api.catalogue import TEST_CHANNEL, CalendarEvent, EventOrigin
from tifo.check import refuse_unfit, refuse_unfit_origins
from tifo.edge.mounts import Mount
from tifo.kernel.errors import SettingsError
from tifo.kernel.web import web_address
from tifo.machine import ORIGIN_CHANNEL, Choices, MachineKeys, machine_settings, origin_of
from tifo.processes import mounts
from tifo.services.catalogue.settings import CatalogueSettings
from tifo.settings import KeySet, KeysSettings, Settings

HLS, DASH = "http://origin.example/live/master.m3u8", "http://origin.example/live/manifest.mpd"


def event(name: str, channel: str, hls: str = "", dash: str = "") -> CalendarEvent:
    return CalendarEvent(name, name, 1.0, 2.0, channel, origin=EventOrigin(hls, dash))


def settings(*events: CalendarEvent) -> Settings:
    return Settings(catalogue=CatalogueSettings(events=events))


def problems(*events: CalendarEvent) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        refuse_unfit_origins(settings(*events))
    return caught.value.problems


def test_origins_that_can_be_read_are_let_through() -> None:
    events = (
        event("a", "one", HLS, DASH),
        event("b", "two", dash=DASH),
        event("c", "demo"),
        event("d", "demo"),
    )
    refuse_unfit_origins(settings(*events))
    refuse_unfit(settings(*events), {"catalogue"})


@pytest.mark.parametrize(
    "url", ["origin.example/a.m3u8", "ftp://x/a.m3u8", "http://me:secret@x/a.m3u8", "http:///"]
)
def test_address_that_cannot_be_read_is_named_and_no_secret_shown(url: str) -> None:
    (problem,) = problems(event("a", "one", hls=url))
    assert problem.startswith("catalogue.events.a.origin.hls: it ")
    assert "secret" not in problem


def test_every_start_checks_them() -> None:
    with pytest.raises(SettingsError, match=r"origin\.dash"):
        refuse_unfit(settings(event("a", "one", dash="x")), {"catalogue"})


@pytest.mark.parametrize(
    "other",
    [event("b", "one"), event("b", "one", "https://origin.example/live/master.m3u8"),
     event("b", "one", "http://origin.example:81/live/master.m3u8")],
    ids=["the test channel", "another scheme", "another port"],
)  # fmt: skip
def test_channel_has_one_origin(other: CalendarEvent) -> None:
    assert "the channel one has 2 origins" in problems(event("a", "one", HLS), other)[0]


def test_both_formats_of_an_event_are_on_one_server() -> None:
    assert "2 origins" in problems(event("a", "one", HLS, "http://other.example/x.mpd"))[0]


def test_cdns_mount_each_channel_whose_origin_is_elsewhere() -> None:
    found = mounts(settings(event("a", "one", HLS, DASH), event("b", "demo"), event("c", "two", dash=DASH)))
    assert found == (Mount("one", web_address(HLS)), Mount("two", web_address(DASH)))


@pytest.mark.parametrize(
    ("urls", "origin"),
    [
        ((), TEST_CHANNEL),
        ((HLS,), EventOrigin(hls=HLS)),
        ((DASH, f"{HLS}?key=a.mpd"), EventOrigin(hls=f"{HLS}?key=a.mpd", dash=DASH)),
        (("http://x/LIVE.M3U8",), EventOrigin(hls="http://x/LIVE.M3U8")),
    ],
)
def test_command_line_knows_a_format_by_its_ending(urls: tuple[str, ...], origin: EventOrigin) -> None:
    assert origin_of(urls) == origin


@pytest.mark.parametrize("urls", [("http://x/live",), ("",), (HLS, HLS), (HLS, DASH, DASH)])
def test_command_line_takes_one_address_of_each_format(urls: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="--origin"):
        origin_of(urls)


def test_demo_match_with_an_origin_leaves_the_test_channel_its_name() -> None:
    def channel(origin: EventOrigin) -> str:
        choices = Choices(8080, 8090, Path("data"), 0, 20, origin)
        keys = MachineKeys(KeysSettings(), dict.fromkeys(("cdn-a", "cdn-b", "cdn-c", "cdn-d"), KeySet()))
        return machine_settings(Settings(), choices, keys, 0.0).catalogue.events[-1].channel

    assert (channel(TEST_CHANNEL), channel(EventOrigin(hls=HLS))) == ("demo", ORIGIN_CHANNEL)
