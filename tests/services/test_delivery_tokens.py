"""Addresses of CDNs that want other tokens than ours."""

from urllib.parse import urlsplit

import openm3u8
import pytest
from delivery_parts import BREAK, NAMES, PUBLIC, SECRETS, Calendar, MakeAds, claims

from tifo.kernel.errors import Refusal
from tifo.services.video.service import VideoService
from tifo.services.video.settings import VideoSettings
from tifo.tokens.addresses import AddressSigner
from tifo.tokens.formats import TokenSettings, pathway_tokens


def in_query(keys: dict[str, AddressSigner], form: str, *names: str) -> dict[str, AddressSigner]:
    told, secrets = TokenSettings(form, place="query"), {"k": SECRETS[NAMES[0]].hex()}
    made = {n: pathway_tokens(n, f"http://{n}.example", told, "k", secrets).signer for n in names}
    return {**keys, **made}


@pytest.mark.parametrize("form", ["cat", "akamai", "nginx", "fastly"])
async def test_each_cdn_gets_its_own_format(steering, no_origins, signers, clock, ids, form: str) -> None:
    told = in_query(signers, form, NAMES[0])
    video = VideoService(Calendar(), steering, no_origins, told, clock, ids, VideoSettings(), PUBLIC)
    for one in openm3u8.loads(await video.playlist(claims(), "token")).playlists:
        assert ("?" in one.uri) == (one.stream_info.pathway_id == NAMES[0])
        assert ("/t/" in one.uri) == (one.stream_info.pathway_id != NAMES[0])


async def test_ad_carries_the_token_where_its_cdn_wants_it(signers, make_ads: MakeAds) -> None:
    ads = make_ads(signers=in_query(signers, "akamai", *NAMES))
    for slot in ads.pod(claims(), BREAK):
        assert urlsplit(slot.url).path == f"/ads/{slot.creative.id}/index.m3u8"
        assert urlsplit(slot.url).query.startswith("hdnts=")


async def test_event_without_a_cdn_that_dash_can_use_is_refused_in_dash(
    steering, no_origins, signers, clock, ids
) -> None:
    told = in_query(signers, "cat", *NAMES)
    video = VideoService(Calendar(), steering, no_origins, told, clock, ids, VideoSettings(), PUBLIC)
    assert "?cat=" in await video.playlist(claims(), "token")
    with pytest.raises(Refusal, match="not-found"):
        await video.manifest(claims(), "token")
