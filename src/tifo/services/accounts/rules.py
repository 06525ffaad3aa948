"""What an account is to the others, and when a log-in counts whose time is over.

Who may watch what stands on `Viewer`.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from tifo.api.accounts import Viewer
from tifo.services.accounts.ports import Profile
from tifo.services.accounts.settings import DemoAccount


def viewer_of(account: str, profile: Profile | None) -> Viewer:
    """The account as sessions see it; without a profile of its own it is an ordinary subscriber."""
    if profile is None:
        return Viewer(account, plan="subscriber")
    return Viewer(
        account=profile.account,
        entitlements=profile.entitlements,
        stream_limit=profile.stream_limit,
        plan=profile.plan,
        passes=profile.passes,
        region=profile.region,
    )


def by_grace(viewer: Viewer, graced: bool) -> Viewer:
    """The viewer, marked when the login provider's absence is what lets it in."""
    return replace(viewer, by_grace=True) if graced else viewer


def profile_of(demo: DemoAccount) -> Profile:
    """The profile of an account that the settings name."""
    return Profile(
        account=demo.account,
        plan=demo.plan,
        entitlements=demo.entitlements,
        region=demo.region,
        stream_limit=demo.stream_limit or None,
    )


def due(wanted: Profile, kept: Profile | None) -> Profile | None:
    """What to write so that the store says `wanted`, on the version that is there; None when it does."""
    on_it = replace(wanted, version=0 if kept is None else kept.version)
    return None if on_it == kept else on_it


@dataclass(frozen=True, slots=True)
class Outage:
    """What a log-in by grace is measured by: whether the login provider is `failing`, and the last epoch
    second of which the account's log-ins are void (0: none), because an operator kicked it."""

    failing: bool
    void_before: int = 0


def why_no_grace(issued_at: float, good_until: float, now: float, outage: Outage) -> str:
    """Why a log-in does not count by grace, in one stable word; empty when it does.

    `good_until` is when its grace ends. While the provider answers there is none: its own word counts.
    """
    if not outage.failing or now >= good_until:
        return "expired"
    return "revoked" if issued_at <= outage.void_before else ""
