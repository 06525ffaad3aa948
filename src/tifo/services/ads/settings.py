import msgspec


class AdServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ad server of somebody else, and what it has declared that it can take from all nodes together."""

    id: str
    """Its name in metrics."""
    base_url: str
    """`https://HOST[:PORT]`: creatives whose `tag_url` leads there are fetched from it ahead of a break."""
    requests_per_s: float
    """Requests that it takes in a second, wrappers that lead back to it and redirects among them."""
    viewers_max: int
    """Viewers whom it can serve at once: those of one break. All others get house ads."""
    deadline_s: float = 1.0
    """Seconds from the first request until the ad is here, wrappers and our own work among them."""
    wrappers_max: int = 3
    """Wrappers and redirects between its first answer and the ad."""
    follows: tuple[str, ...] = ()
    """Hosts beside the ad servers' own that its wrappers may lead to, with all hosts below them; to no
    others, for what is asked there is asked from inside your network."""


class AdsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ads: how long a decision's addresses last, and how budgets are shared."""

    address_ttl_s: int = 900
    """Seconds the signed addresses of creatives are valid: a break and a generous pause."""
    beacon_ttl_s: int = 3600
    """Seconds a tracking address counts."""
    early_s: int = 120
    """Seconds before its start from which a break may be asked for."""
    late_s: int = 60
    """Seconds after its end until which it may: players are some segments behind, and join late."""
    vmap_ahead_s: int = 3600
    """Seconds ahead of which VMAP lists the breaks."""
    part_s: float = 0.25
    """Seconds between two looks at what this node holds of each budget."""
    part_count_max: int = 2_000
    """Impressions of one budget that this node holds at the most: what is lost of it when the node dies."""
    pace_s: float = 600.0
    """Seconds of an even delivery that may gather between breaks; parts unused for as long go back."""
    capacity_per_s: float = 0.0
    """Pods a second that this node was measured to carry, for the cockpit to compare with; 0 is not known."""
    nodes: int = 1
    """Nodes that run ads: each asks outside ad servers for that part of what they have declared."""
    fetch_from_s: float = 90.0
    """Seconds before a break from which outside ads are fetched, and what accounts saw elsewhere is read."""
    fetch_until_s: float = 25.0
    """Seconds before it by which all of them have had their turn: then players come for them."""
    present_s: float = 3600.0
    """Seconds for which both is done for a viewer who said to be there or asked for ads."""
    servers: tuple[AdServerSettings, ...] = ()
    """Outside ad servers, `[[ads.servers]]`; the tags of others are left to players that read VAST."""
