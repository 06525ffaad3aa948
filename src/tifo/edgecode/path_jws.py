"""The local CDNs check their tokens themselves."""

from tifo.edgecode.model import EdgeCode, Subject


def edge_code(subject: Subject) -> EdgeCode:
    """Nothing: `tifo serve` makes the local CDN's Envoy check them."""
    return EdgeCode(
        why_none=f"`path-jws` is the local CDNs' own format: `tifo serve {subject.pathway}` runs an Envoy "
        "that checks it already. For a CDN that somebody else runs, choose that CDN's format."
    )
