from typing import Literal

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


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A login provider outside (OpenID Connect): its access tokens start sessions. None without an issuer."""

    issuer: str = ""
    """Its `iss`, letter by letter: an https address."""
    audience: str = ""
    """What must be among its tokens' `aud`: the name of this API there, not that of an app."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    """Signature algorithms that are taken; public-key ones only."""
    account_claim: str = "sub"
    """The claim that names the account; what is no letter, digit or . _ @ - in it becomes `:` and hex."""
    scopes: tuple[str, ...] = ()
    """Scopes that a token must have, all of them."""
    leeway_s: float = 30.0
    """Seconds by which the provider's clock may differ from ours."""
    jwks_uri: str = ""
    """Where its keys are; empty looks in its discovery document each time."""
    health_uri: str = ""
    """An address that answers 2xx only while people can log in; empty takes its keys for a sign of that."""
    keys_file: str = ""
    """A JWK set that holds until the provider has answered: for nodes that start while it is gone."""
    refresh_s: float = 20.0
    """Seconds between two looks at its keys and its health, on each node, give or take a quarter."""
    keys_stale_s: float = 24 * 3600.0
    """Seconds the last good keys are believed while it is gone."""
    unknown_key_s: float = 10.0
    """Seconds between two looks for a key that a token names and nobody knows, whatever is sent."""
    call_s_max: float = 2.0
    """Seconds for one look, waiting in line included."""
    failures_count_max: int = 3
    """Failures in a row after which the provider counts as gone."""
    verified_entries_max: int = 50_000
    """Tokens remembered as verified."""


class AccountsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts: who may log in here, and which accounts exist from the start."""

    dev_issuer: bool = False
    """Whether anybody may log in as any account at `/v1/dev/login`: on a laptop, never beyond loopback."""
    access_token_ttl_s: int = 12 * 3600
    """Seconds an access token is valid."""
    oidc: OidcSettings = OidcSettings()
    grace_s: int = 6 * 3600
    """Seconds a log-in still counts past its time while the login provider is gone; 0 is none.

    A device gets a token good for so long at each start; an access token whose time is over counts as long,
    and never more than twice as long after its issue.
    """
    grace_devices: Literal["known", "any"] = "known"
    """Where an access token whose time is over may count: on devices the account watched on, or on any."""
    profile_cache_fresh_s: float = 5.0
    """Seconds a profile is believed before it is read again."""
    profile_cache_absent_s: float = 5.0
    """Seconds it is believed that an account has no profile of its own."""
    profile_cache_stale_s: float = 12 * 3600.0
    """Seconds a profile of before counts while the store does not answer."""
    profile_cache_entries_max: int = 100_000
    """Profiles in memory; past it the least recently read goes."""
    profiles_lost: Literal["let-in", "refuse"] = "let-in"
    """Whose profile was never read and whose store does not answer: an ordinary subscriber, or 503."""
    device_seen_s: float = 6 * 3600.0
    """Seconds within which a device that comes again is not written down again."""
    demo: tuple[DemoAccount, ...] = (DemoAccount("demo"), DemoAccount("visitor", entitlements=()))
