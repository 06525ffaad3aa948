"""The root of all settings: one TOML file and `TIFO_*` variables, checked before anything starts.

A variable names a field by its path, `TIFO_SESSIONS__STREAM_LIMIT=2`, and goes before the file.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import msgspec

from tifo.channel.settings import ChannelSettings
from tifo.edge.settings import EdgeSettings
from tifo.eventlog.settings import EventLogSettings
from tifo.kernel.errors import SettingsError
from tifo.services.accounts.settings import AccountsSettings
from tifo.services.ads.settings import AdsSettings
from tifo.services.catalogue.settings import CatalogueSettings
from tifo.services.control.settings import ControlSettings
from tifo.services.sessions.settings import SessionsSettings
from tifo.services.steering.settings import SteeringSettings
from tifo.services.video.settings import VideoSettings
from tifo.telemetry.settings import TelemetrySettings, WorkersSettings
from tifo.tokens.formats import PathwayTokens, TokenSettings, pathway_tokens
from tifo.tokens.keys import Keyring
from tifo.workers.anomalies.settings import AnomaliesSettings
from tifo.workers.billing.settings import BillingSettings
from tifo.workers.insight.settings import InsightSettings
from tifo.workers.lake.settings import LakeSettings
from tifo.workers.steering.settings import BPS_PER_GBPS, SteeringLoopSettings

PREFIX = "TIFO_"
NOT_SETTINGS = frozenset({"TIFO_CONFIG", "TIFO_SERVICES"})
"""Variables that say which file to read and which services to run."""
ADMIN_SOCKET_LENGTH_MAX = 100
"""Characters of a Unix socket's path; the kernel takes 107."""


class KeySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """HMAC-SHA-256 secrets in hexadecimal by key id; `current` signs, all verify."""

    current: str = ""
    """The key id that signs."""
    secrets: dict[str, str] = {}
    """Secrets by key id, 64 hexadecimal digits or more; an old one stays until its tokens have run out."""

    def keyring(self, name: str) -> Keyring:
        """The decoded keys; raises `SettingsError` that names them, never their values."""
        return Keyring.from_hex(name, self.current, self.secrets)


class KeysSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every secret but the CDNs' own. There is no default: `tifo up` makes a laptop's, you make others."""

    playback: KeySet = KeySet()
    access: KeySet = KeySet()
    beacon: KeySet = KeySet()
    pseudonyms: KeySet = KeySet()
    operator_token: str = ""
    """What operators send as a bearer token; may be empty on loopback only."""


class PathwaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One CDN: a pathway in the words of content steering."""

    id: str
    """Its name in playlists and steering manifests, one path segment."""
    base_url: str
    """Where viewers reach it, without a path."""
    keys: KeySet
    """What signs its addresses: secrets in hexadecimal, or key pairs in PEM, as `token.algorithm` asks."""
    token: TokenSettings = TokenSettings()
    weight: float = 1.0
    """Twice the weight carries twice the sessions."""
    host: str = "127.0.0.1"
    """The address the local CDN of this name listens on."""
    port: int = 0
    """Where the local CDN of this name listens; 0 for a CDN that is not ours to run."""
    cache_mib_max: int = 256
    """MiB of segments that the local CDN of this name keeps on disk."""

    def tokens(self) -> PathwayTokens:
        """What signs and verifies its addresses; raises `SettingsError` with all that cannot be."""
        return pathway_tokens(self.id, self.base_url, self.token, self.keys.current, self.keys.secrets)


class StoresSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where state is kept, by URL; an empty one is a file in the data folder."""

    sessions: str = "memory://"
    """Leases and stream limits: `memory://`, in the one process that runs sessions, or a Redis that many
    share: `redis://[USER:PASSWORD@]HOST:PORT[/DB]`, with TLS `rediss://...[?ca=FILE]`, a cluster
    `redis+cluster://HOST:PORT[,HOST:PORT...]` or `rediss+cluster://...`."""
    profiles: str = ""
    """What each account may watch, its devices and resume positions: `sqlite:///FILE`, or
    `dynamodb://REGION/TABLE` with AWS's usual credentials.

    `?create=1` makes the table when it is not there, on demand or with `&read_units=N&write_units=N`
    provisioned; `&endpoint=URL` asks there instead of AWS."""
    calendar: str = ""
    """The calendar of events: `sqlite:///FILE`."""
    eventlog: str = ""
    """What happens, until every worker has handled it: `sqlite:///FILE` on one machine, on many
    `kafka://HOST:PORT[,HOST:PORT...]/PREFIX`, for Apache Kafka and Amazon MSK.

    `?create=1` makes topics that are not there, with `&partitions=12&replicas=3&retention_h=24` and, for each
    partition, `&retention_mib=N`; the number of partitions divides 48. `&compression=` is lz4 (the default),
    zstd, gzip, snappy or none. TLS is
    `&tls=1`, with `&ca=FILE` and, for brokers that ask who we are, `&cert=FILE&key=FILE`. A log-in is
    `&sasl=plain`, `scram-sha-256` or `scram-sha-512` with `&user=NAME&password_file=FILE`, or on MSK
    `&sasl=msk-iam&region=REGION` with AWS's usual credentials."""
    board: str = ""
    """What operators and workers tell every node: `sqlite:///FILE` on one machine, `redis://HOST:PORT` or
    another of the schemes of Redis on many. Such a Redis must not evict (`maxmemory-policy noeviction`)."""
    cache: str = ""
    """What nodes share of what they read: `redis://HOST:PORT`, one that may evict; empty shares nothing."""
    inventory: str = ""
    """The ad inventory: `sqlite:///FILE`, or `dynamodb://REGION/TABLE` as for profiles, in the same table if
    you like."""
    budgets: str = ""
    """What is spent of ad budgets: `sqlite:///FILE` on one machine, `redis://HOST:PORT` or another of the
    schemes of Redis on many. Such a Redis must not evict."""
    exposures: str = ""
    """How often accounts saw what is capped: `sqlite:///FILE` on one machine, a Redis on many. Empty is the
    Redis of `budgets` where they are in one."""
    billing: str = ""
    """What was counted of ads: `sqlite:///FILE` on one machine, on many `dynamodb://REGION/TABLE` as for
    profiles, in the same table if you like."""
    audit: str = ""
    """What operators did: `sqlite:///FILE`."""


class PeersSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where services are that run in other processes: the base URL of their operators' port."""

    catalogue: str = ""
    """`http://HOST:OPERATOR_PORT`; empty reads the calendar here."""
    sessions: str = ""
    """`http://HOST:OPERATOR_PORT`, for control where it runs without sessions."""
    ads: str = ""
    """`http://HOST:OPERATOR_PORT`, for control where it runs without ads: it switches line items there, and
    reads the books."""
    control: str = ""
    """`http://HOST:OPERATOR_PORT`, for ads where it runs without control: its audit trail has who loads an
    inventory. Empty keeps that in a trail of this node's own."""


class FrontSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tifo serve front`: where each service listens, as host:port or several of them, by service name."""

    services: dict[str, str] = {}
    """`sessions = "10.0.0.7:8080, 10.0.0.8:8080"` and so on; a DNS name stands for all its addresses."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    data: str = "data"
    """The one folder where an instance keeps what it must remember."""
    node: str = "node-1"
    """This process's name on the board."""
    public_url: str = ""
    """Where viewers reach us; empty is the viewers' port on this machine."""
    server: str = "pyvoy"
    """What carries the application: `pyvoy` (inside Envoy) or `granian` (without an edge)."""
    stores: StoresSettings = StoresSettings()
    keys: KeysSettings = KeysSettings()
    pathways: tuple[PathwaySettings, ...] = ()
    peers: PeersSettings = PeersSettings()
    front: FrontSettings = FrontSettings()
    edge: EdgeSettings = EdgeSettings()
    eventlog: EventLogSettings = EventLogSettings()
    channel: ChannelSettings = ChannelSettings()
    accounts: AccountsSettings = AccountsSettings()
    ads: AdsSettings = AdsSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    control: ControlSettings = ControlSettings()
    sessions: SessionsSettings = SessionsSettings()
    steering: SteeringSettings = SteeringSettings()
    video: VideoSettings = VideoSettings()
    anomalies: AnomaliesSettings = AnomaliesSettings()
    billing: BillingSettings = BillingSettings()
    insight: InsightSettings = InsightSettings()
    lake: LakeSettings = LakeSettings()
    steering_loop: SteeringLoopSettings = SteeringLoopSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    workers: WorkersSettings = WorkersSettings()

    @property
    def viewers_url(self) -> str:
        """Where viewers reach us, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://{self.edge.host}:{self.edge.port}"

    @property
    def pathway_ids(self) -> tuple[str, ...]:
        """Every CDN's name."""
        return tuple(one.id for one in self.pathways)

    def folder(self, name: str) -> Path:
        """A folder below the data folder."""
        return Path(self.data) / name

    def capacity_bps(self, pathway: str) -> float | None:
        """What a CDN may carry; None where it is not stated."""
        stated = {one.id: one.gbps * BPS_PER_GBPS for one in self.steering_loop.cdns}
        return stated.get(pathway) or None

    @property
    def admin_socket(self) -> Path:
        """Where this node's Envoy answers for itself; raises `SettingsError` when the path is too long."""
        path = (self.folder("run") / f"{self.node}.sock").absolute()
        if len(str(path)) > ADMIN_SOCKET_LENGTH_MAX:
            raise SettingsError((f"data: {self.data!r} is too long a path for a Unix socket in it",))
        return path


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read and check settings.

    Raises `SettingsError` with every unknown key, and the first wrong value of each section without any.
    """
    tree = _read(file)
    problems = list(_overlay(tree, environment))
    for key, value in tree.items():
        problems += list(unknown_keys({key: value}, Settings)) or _wrong_value({key: value})
    if problems:
        raise SettingsError(tuple(problems))
    return msgspec.convert(tree, Settings, strict=False)


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError((f"{file}: there is no such file",)) from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError((f"{file}: {error}",)) from None


def _overlay(tree: dict[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Put the variables into the tree, and say which of them do not fit in."""
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        *path, last = name[len(PREFIX) :].lower().split("__")
        place: Any = tree
        for part in path:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = _value(value)
        else:
            yield f"{name}: there is no field of that name"


def _value(text: str) -> object:
    """Lists and tables are written as JSON; everything else is text that the field's type reads."""
    if text[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def unknown_keys(tree: Mapping[str, Any], kind: type[msgspec.Struct], path: str = "") -> Iterator[str]:
    """One sentence for each key that is no field, with the field it is nearest to."""
    fields = get_type_hints(kind)
    for key, value in tree.items():
        here = f"{path}{key}"
        if key not in fields:
            yield f"{here}: there is no such setting{_nearest(key, fields, path)}"
            continue
        inner = _struct_in(fields[key])
        if inner is None:
            continue
        for n, one in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(one, dict):
                index = f"[{n}]" if isinstance(value, list) else ""
                yield from unknown_keys(one, inner, f"{here}{index}.")


def _nearest(key: str, fields: Mapping[str, object], path: str) -> str:
    near = difflib.get_close_matches(key, fields, n=1, cutoff=0.5)
    return f"; did you mean {path}{near[0]}?" if near else f"; there are {', '.join(sorted(fields))}"


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - a type hint is any object
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    inner = getattr(hint, "__args__", ()) if get_origin(hint) is tuple else ()
    return _struct_in(inner[0]) if inner else None


def _wrong_value(section: Mapping[str, Any]) -> list[str]:
    try:
        msgspec.convert(section, Settings, strict=False)
    except msgspec.ValidationError as error:
        return [_explain(str(error))]
    return []


def _explain(message: str) -> str:
    """msgspec's sentence with the setting's name in front: `sessions.lease_s: Expected int, got str`."""
    what, _, where = message.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if where else what
