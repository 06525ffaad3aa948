"""What an account is to the others, from what is kept of it. Who may watch what stands on `Viewer`."""

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
