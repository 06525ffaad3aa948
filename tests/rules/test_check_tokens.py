"""Whether the token settings of CDNs are fit to start with."""

import pytest
from test_check import EVERY, fit, pathway, problems, replace

from tifo.check import refuse_unfit
from tifo.settings import Settings
from tifo.tokens.formats import TokenSettings

__all__ = ["fit"]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"format": "morse"}, "token.format: 'morse'; one of path-jws, cat"),
        ({"format": "cat", "algorithm": "none"}, "token.algorithm: 'none'; with cat it is HS256 or ES256"),
        ({"format": "cloudfront", "place": "path"}, "token.place: 'path'; with cloudfront it is query"),
        ({"format": "cat", "salt": "x"}, "token.salt: cat has no place for it"),
        ({"format": "cat", "name": "a/b"}, "token.name: 'a/b'; use letters, digits and . _ -"),
        ({"format": "cat", "algorithm": "ES256"}, "pathways.cdn-a.k1: no key in PEM that can be read"),
    ],
)
def test_token_that_cannot_be_is_explained(fit: Settings, told: dict[str, str], says: str) -> None:
    first = pathway("cdn-a", token=TokenSettings(**told))
    (found,) = problems(replace(fit, pathways=(first, pathway("cdn-b"))))
    assert says in found


def test_local_cdn_reads_one_format_alone(fit: Settings) -> None:
    first = pathway("cdn-a", port=8081, token=TokenSettings("cat"))
    (found,) = problems(replace(fit, pathways=(first, pathway("cdn-b"))))
    assert "the local CDN on port 8081 reads path-jws alone" in found


def test_every_format_of_hmac_keys_is_fit(fit: Settings) -> None:
    made = [pathway(f"cdn-{name}", token=TokenSettings(name)) for name in ("cat", "nginx")]
    refuse_unfit(replace(fit, pathways=tuple(made)), EVERY)
