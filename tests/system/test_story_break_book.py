"""Breaks that nobody had planned: started by an operator, lengthened, given back; and by a cue."""

import httpx
import pytest
from commands import eventually
from players import Platform, Player, attribute, media, refused, uris

from tifo.scte35.codec import encode
from tifo.scte35.values import BreakDuration, Section, SpliceInsert

pytestmark = pytest.mark.system

PLAYLISTS_S_MAX = 60
"""Seconds until a word stands in every rendition: a second on the board, a segment, a CDN's cache. The breaks
are longer than all of that takes on a busy machine."""
AD_S = 10
"""Seconds of each of the house's ads."""


def announced(player: Player, brk: str) -> set[str]:
    """What the renditions say of the break: one text when all of them say the same."""
    master = player.master().text
    audio = [attribute(line, "URI") for line in master.splitlines() if "TYPE=AUDIO" in line]
    texts = [media(address)[0].splitlines() for address in (*uris(master)[:2], audio[0])]
    return {next((line for line in text if f'ID="{brk}"' in line), "") for text in texts}


def said(answer: httpx.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return answer.json()["breaks"]


def alike(player: Player, brk: str, holding: str) -> str:
    """The one tag of the break, once every rendition has it."""

    def look() -> str:
        tags = announced(player, brk)
        return tags.pop() if len(tags) == 1 and holding in next(iter(tags)) else ""

    return eventually(look, PLAYLISTS_S_MAX, f"every rendition says {holding} of {brk}")


def test_break_that_nobody_planned_is_announced_filled_lengthened_and_given_back(quiet: Platform) -> None:
    player = quiet.player()
    (brk,) = said(quiet.operators("POST", "/v1/control/breaks", json={"duration_s": 60}))
    tag = alike(player, brk["id"], "com.apple.hls.interstitial")
    assert attribute(tag, "PLANNED-DURATION") == "60.000"
    assert len(player.asset_list(brk["id"]).json()["ASSETS"]) == 60 // AD_S
    assert (quiet.overview()["breaks"]["running"] or quiet.overview()["breaks"]["next"])["id"] == brk["id"]

    longer = said(quiet.operators("PUT", f"/v1/control/breaks/{brk['id']}", json={"duration_s": 120}))
    assert [one["id"] for one in longer] == [brk["id"], f"{brk['id']}.2"]
    assert alike(player, f"{brk['id']}.2", "PLANNED-DURATION=60.000")
    assert alike(player, brk["id"], tag) == tag

    back = said(quiet.operators("DELETE", f"/v1/control/breaks/{brk['id']}"))
    assert {one["state"] for one in back} <= {"over", "off"}
    early = alike(player, brk["id"], "X-PLAYOUT-LIMIT")
    assert early.startswith(f"{tag},DURATION=")
    assert quiet.overview()["breaks"]["running"] is None
    assert [one["action"] for one in audit(quiet)[:1]] == ["break-return"]


def test_cue_opens_a_break_once(quiet: Platform) -> None:
    insert = SpliceInsert(7, out_of_network=True, immediate=True, duration=BreakDuration(90 * 90_000, True))
    body = {"scte35": encode(Section(insert)).hex()}
    (brk,) = said(quiet.operators("POST", "/v1/control/breaks", json=body))
    assert (brk["source"], brk["announced_s"]) == ("cue", 90.0)
    assert said(quiet.operators("POST", "/v1/control/breaks", json=body)) == []
    player = quiet.player()
    assert alike(player, brk["id"], "PLANNED-DURATION=90.000")
    said(
        quiet.operators("POST", "/v1/control/breaks", json={"scte35": encode(Section(SpliceInsert(7))).hex()})
    )
    assert alike(player, brk["id"], "X-PLAYOUT-LIMIT")


@pytest.mark.parametrize("body", [{"scte35": "/DAv"}, {"duration_s": 0}, {"starts_at": 7}, {"x": 1}])
def test_wrong_word_about_a_break_is_refused(quiet: Platform, body: dict) -> None:
    assert refused(quiet.operators("POST", "/v1/control/breaks", json=body)) == (422, "invalid")


def audit(platform: Platform) -> list[dict]:
    return platform.operators.get("/v1/control/audit").json()["entries"]
