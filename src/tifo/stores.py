"""Which adapter stands behind each port: told by the scheme of the store's URL, and nowhere else."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tifo.adapters.disk.spool import DiskSpool
from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.kafka.address import KafkaAddress
from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.adapters.oidc.claims import Terms
from tifo.adapters.oidc.provider import OidcProvider, Sources
from tifo.adapters.redis.board import RedisBoard
from tifo.adapters.redis.budgets import RedisBudgetStore
from tifo.adapters.redis.cache import RedisSharedCache
from tifo.adapters.redis.connection import RedisConnection, RedisConnections
from tifo.adapters.redis.exposures import RedisExposureStore
from tifo.adapters.redis.sessions import RedisSessionStore
from tifo.adapters.sqlite.audit import SqliteAuditTrail
from tifo.adapters.sqlite.billing import SqliteBillingLedger
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.adapters.sqlite.budgets import SqliteBudgetStore
from tifo.adapters.sqlite.calendar import SqliteCalendarStore
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.adapters.sqlite.eventlog_tables import Retention
from tifo.adapters.sqlite.exposures import SqliteExposureStore
from tifo.adapters.sqlite.inventory import SqliteInventoryStore
from tifo.adapters.sqlite.profiles import SqliteProfileStore
from tifo.api.control import BREAK_S_MAX
from tifo.api.sketches import Sketches
from tifo.board.ports import Board
from tifo.cache.ports import SharedCache
from tifo.eventlog.ports import EventLogStore, Spool
from tifo.eventlog.pseudonyms import Pseudonyms
from tifo.kernel.bulkhead import Budget
from tifo.kernel.clock import Clock, SystemClock
from tifo.kernel.errors import SettingsError
from tifo.kernel.ids import Ids, SystemIds
from tifo.lake import address as lake_address
from tifo.services.accounts.ports import IdentityProvider, ProfileStore
from tifo.services.ads.ports import BudgetStore, ExposureStore, InventoryStore
from tifo.services.catalogue.ports import CalendarStore
from tifo.services.control.ports import AuditTrail
from tifo.services.sessions.ports import SessionStore
from tifo.settings import Settings
from tifo.telemetry.dependencies import counted_bulkhead
from tifo.telemetry.stores import Meters
from tifo.workers.billing.ports import BillingLedger, BillingTerms
from tifo.workers.lake.ports import Lake

T = TypeVar("T")


def _sqlite_path(settings: Settings, store: str, default: str, also: str = "") -> Path:
    url: str = getattr(settings.stores, store) or f"sqlite:///{Path(settings.data) / default}"
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path:
        raise SettingsError((f"stores.{store}: there is no such store; use sqlite:///FILE{also}",))
    return Path(path)


def _parsed(parse: Callable[[str], T], store: str, url: str) -> T:
    """What the store's URL stands for; raises `SettingsError` for one that is none."""
    try:
        return parse(url)
    except ValueError as error:
        raise SettingsError((f"stores.{store}: {error}",)) from error


REDIS_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")


def _redis(
    settings: Settings, store: str, redis: RedisConnections | None, part: str = ""
) -> RedisConnection | None:
    """The way to a store in Redis, for `part` of it or all; None when its URL is of another kind."""
    url: str = getattr(settings.stores, store)
    if url.partition(":")[0] not in REDIS_SCHEMES:
        return None
    connections = redis or RedisConnections(Meters(SystemClock()), SystemIds())
    return _parsed(lambda told: connections.of(told, part or store), store, url)


def session_store(settings: Settings, redis: RedisConnections | None = None) -> SessionStore:
    """`memory://`, `redis://HOST:PORT` and its kin"""
    connection = _redis(settings, "sessions", redis)
    if connection is not None:
        return RedisSessionStore(connection, SystemClock(), SystemIds())
    if settings.stores.sessions != "memory://":
        raise SettingsError(("stores.sessions: there is no such store; use memory:// or redis://HOST:PORT",))
    return MemorySessionStore(SystemClock())


def shared_cache(settings: Settings, redis: RedisConnections | None = None) -> SharedCache | None:
    """`redis://HOST:PORT` and its kin; None for an empty URL"""
    connection = _redis(settings, "cache", redis)
    if connection is not None:
        return RedisSharedCache(connection)
    if settings.stores.cache:
        raise SettingsError(
            ("stores.cache: there is no such store; use redis://HOST:PORT, or leave it empty",)
        )
    return None


def profile_store(settings: Settings, meters: Meters | None = None) -> ProfileStore:
    """`sqlite:///FILE`, `dynamodb://REGION/TABLE`"""
    if settings.stores.profiles.startswith("dynamodb:"):
        return _dynamo_profiles(settings.stores.profiles, meters or Meters(SystemClock()))
    path = _sqlite_path(settings, "profiles", "profiles.db", " or dynamodb://REGION/TABLE")
    return SqliteProfileStore(path)


def _dynamo_profiles(url: str, meters: Meters) -> ProfileStore:
    # AWS's client takes a fourth of a second to load, which only those who use it pay.
    from tifo.adapters.dynamodb.profiles import DynamoProfileStore  # noqa: PLC0415

    meter = meters.store("profiles", "dynamodb")
    return DynamoProfileStore(_parsed(TableAddress.parse, "profiles", url), meter, SystemClock(), SystemIds())


def sketches() -> Sketches:
    """How different names are counted."""
    # It brings NumPy, which only those who count or show viewers load.
    from tifo.adapters.sketches.hll import HllSketches  # noqa: PLC0415

    return HllSketches()


def calendar_store(settings: Settings) -> CalendarStore:
    """`sqlite:///FILE`"""
    return SqliteCalendarStore(calendar_file(settings))


def calendar_file(settings: Settings) -> Path:
    """Where the calendar is, for who must not make one."""
    return _sqlite_path(settings, "calendar", "calendar.db")


def budget_store(settings: Settings, redis: RedisConnections | None = None) -> BudgetStore:
    """`sqlite:///FILE`, `redis://HOST:PORT` and its kin"""
    connection = _redis(settings, "budgets", redis)
    if connection is not None:
        return RedisBudgetStore(connection)
    return SqliteBudgetStore(_sqlite_path(settings, "budgets", "budgets.db", " or redis://HOST:PORT"))


def exposure_store(settings: Settings, redis: RedisConnections | None = None) -> ExposureStore:
    """`sqlite:///FILE`, `redis://HOST:PORT` and its kin; empty is the Redis of budgets, if it is one"""
    connection = _redis(settings, "exposures" if settings.stores.exposures else "budgets", redis, "exposures")
    if connection is not None:
        return RedisExposureStore(connection)
    return SqliteExposureStore(_sqlite_path(settings, "exposures", "exposures.db", " or redis://HOST:PORT"))


def billing_ledger(settings: Settings, meters: Meters | None = None) -> BillingLedger:
    """`sqlite:///FILE`, `dynamodb://REGION/TABLE`"""
    told, ads = settings.billing, settings.ads
    terms = BillingTerms(
        late_s_max=told.late_s_max,
        behind_s_max=told.behind_s_max,
        beacon_s_max=ads.early_s + BREAK_S_MAX + ads.late_s + ads.beacon_ttl_s,
        figures_s=told.figures_s,
    )
    if settings.stores.billing.startswith("dynamodb:"):
        return _dynamo_billing(settings.stores.billing, meters or Meters(SystemClock()), terms)
    path = _sqlite_path(settings, "billing", "billing.db", " or dynamodb://REGION/TABLE")
    return SqliteBillingLedger(path, terms)


def _dynamo_billing(url: str, meters: Meters, terms: BillingTerms) -> BillingLedger:
    from tifo.adapters.dynamodb.billing import DynamoBillingLedger  # noqa: PLC0415 - as for profiles

    meter = meters.store("billing", "dynamodb")
    address = _parsed(TableAddress.parse, "billing", url)
    return DynamoBillingLedger(address, meter, SystemClock(), SystemIds(), terms)


def lake_at(settings: Settings) -> lake_address.FolderAddress | lake_address.BucketAddress:
    """Where the lake is; raises `SettingsError` for a URL that names none."""
    try:
        return lake_address.parse(settings.lake.url or f"file://{settings.folder('lake').absolute()}")
    except ValueError as error:
        raise SettingsError((f"lake.url: {error}",)) from error


def lake(settings: Settings) -> Lake:
    """`file:///FOLDER`, `s3://BUCKET/PREFIX`"""
    # Arrow takes half a second to load, which only those who use it pay.
    from tifo.adapters.lake.files import BucketLake, FolderLake  # noqa: PLC0415

    address = lake_at(settings)
    if isinstance(address, lake_address.FolderAddress):
        return FolderLake(address.root)
    return BucketLake(address)


def inventory_store(settings: Settings, meters: Meters | None = None) -> InventoryStore:
    """`sqlite:///FILE`, `dynamodb://REGION/TABLE`"""
    if settings.stores.inventory.startswith("dynamodb:"):
        return _dynamo_inventory(settings.stores.inventory, meters or Meters(SystemClock()))
    return SqliteInventoryStore(inventory_file(settings))


def inventory_file(settings: Settings) -> Path:
    """Where the inventory is that is in no table, for who must not make one."""
    return _sqlite_path(settings, "inventory", "inventory.db", " or dynamodb://REGION/TABLE")


def _dynamo_inventory(url: str, meters: Meters) -> InventoryStore:
    from tifo.adapters.dynamodb.inventory import DynamoInventoryStore  # noqa: PLC0415 - as for profiles

    meter = meters.store("inventory", "dynamodb")
    return DynamoInventoryStore(
        _parsed(TableAddress.parse, "inventory", url), meter, SystemClock(), SystemIds()
    )


def event_log(settings: Settings, meters: Meters | None = None) -> EventLogStore:
    """`sqlite:///FILE`, `kafka://HOST:PORT[,HOST:PORT...]/PREFIX`"""
    if settings.stores.eventlog.startswith("kafka:"):
        return _kafka_log(settings, meters or Meters(SystemClock()))
    ages_s = {topic: hours * 3_600.0 for topic, hours in settings.eventlog.retention_h.items()}
    retention = Retention(age_s_by_topic=ages_s)
    return SqliteEventLog(event_log_file(settings), SystemClock(), retention=retention)


def event_log_file(settings: Settings) -> Path:
    """Where the log is that is not in Kafka, for who must not make one."""
    return _sqlite_path(settings, "eventlog", "events.db", " or kafka://HOST:PORT/PREFIX")


def pseudonyms(settings: Settings) -> Pseudonyms | None:
    """What stands for accounts and devices in the log; None where they stand there themselves."""
    if not settings.eventlog.pseudonyms:
        return None
    keys = settings.keys.pseudonyms.keyring("pseudonyms")
    return Pseudonyms(keys, settings.eventlog.pseudonym_period_s)


def _kafka_log(settings: Settings, meters: Meters) -> EventLogStore:
    # Its client is a library of 15 MB, which only those who use it load.
    from tifo.adapters.kafka.eventlog import KafkaEventLog  # noqa: PLC0415

    told = settings.eventlog
    address = _parsed(KafkaAddress.parse, "eventlog", settings.stores.eventlog).keeping(told.retention_h)
    meter = meters.store("eventlog", "kafka")
    return KafkaEventLog(address, meter, SystemClock(), source=told.source)


def spool_folder(settings: Settings) -> Path | None:
    """Where events wait for the log; None for a log that is a file itself, unless another disk is said."""
    if settings.eventlog.spool_folder:
        return Path(settings.eventlog.spool_folder)
    in_kafka = settings.stores.eventlog.startswith("kafka:")
    return settings.folder("spool") / settings.node if in_kafka else None


def spool(settings: Settings) -> Spool | None:
    """A folder of this node's disk, or None"""
    folder = spool_folder(settings)
    return DiskSpool(folder, settings.eventlog.spool_mib_max * 1024 * 1024) if folder else None


def board(settings: Settings, redis: RedisConnections | None = None) -> Board:
    """`sqlite:///FILE`, `redis://HOST:PORT` and its kin"""
    connection = _redis(settings, "board", redis)
    if connection is not None:
        return RedisBoard(connection, SystemClock())
    return SqliteBoard(_sqlite_path(settings, "board", "board.db"), SystemClock())


def audit_trail(settings: Settings) -> AuditTrail:
    """`sqlite:///FILE`"""
    return SqliteAuditTrail(_sqlite_path(settings, "audit", "audit.db"))


def identity_provider(settings: Settings, clock: Clock, ids: Ids) -> IdentityProvider | None:
    """The login provider outside, behind its bulkhead; None without an issuer."""
    told = settings.accounts.oidc
    if not told.issuer:
        return None
    budget = Budget(
        call_s_max=told.call_s_max, failures_max=told.failures_count_max, probe_s=told.refresh_s / 4
    )
    terms = Terms(
        issuer=told.issuer,
        audience=told.audience,
        algorithms=told.algorithms,
        account_claim=told.account_claim,
        scopes=told.scopes,
        leeway_s=told.leeway_s,
    )
    sources = Sources(
        jwks_uri=told.jwks_uri,
        health_uri=told.health_uri,
        keys_file=told.keys_file,
        refresh_s=told.refresh_s,
        stale_s=told.keys_stale_s,
        search_s=told.unknown_key_s,
        tokens_entries_max=told.verified_entries_max,
    )
    return OidcProvider(terms, sources, counted_bulkhead("login-provider", budget, clock, ids), clock, ids)
