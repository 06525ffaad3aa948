"""What is known of an event and of the platform beside what happened: the calendar and the settings."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import NamedTuple


class Cdn(NamedTuple):
    """What a CDN may carry in bits/s, and what a gigabyte costs there; None where it is not stated."""

    pathway: str
    capacity_bps: float | None
    cost_per_gb: float | None


class Terms(NamedTuple):
    """What the report compares with; None is not known.

    `starts_capacity_per_s` and `pods_capacity_per_s`: what all nodes together were measured to carry.
    `cpm_cents`: what a thousand impressions of a line item cost, in hundredths of `currency`. `zone`: in
    which times are told.
    """

    title: str = ""
    forecast_viewers: int | None = None
    cdns: tuple[Cdn, ...] = ()
    starts_capacity_per_s: float | None = None
    pods_capacity_per_s: float | None = None
    cpm_cents: Mapping[str, int] = MappingProxyType({})
    currency: str = ""
    zone: tzinfo = UTC
