import msgspec

from tifo.api.accounts import Plan


class DemoAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account that exists from the start."""

    account: str
    """Its id."""
    entitlements: tuple[str, ...] = ("*",)
    """Ids of the events it may watch whatever its plan; `*` is every one."""
    plan: Plan = "free"
    """`free` or `subscriber`: what an event of the calendar asks for as its `access`."""
    region: str = ""
    """Where its rights hold; an event with `regions` is for accounts of those only."""
    stream_limit: int = 0
    """0 is the service's own limit."""


class AccountsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts: who may log in here, and which accounts exist from the start."""

    dev_issuer: bool = False
    """Whether anybody may log in as any account at `/v1/dev/login`: on a laptop, never beyond loopback."""
    access_token_ttl_s: int = 12 * 3600
    """Seconds an access token is valid."""
    profile_cache_s: int = 5
    """Seconds a profile is believed before it is read again."""
    profile_cache_entries_max: int = 100_000
    """Profiles kept in memory; past it the oldest is read again."""
    demo: tuple[DemoAccount, ...] = (DemoAccount("demo"), DemoAccount("visitor", entitlements=()))
