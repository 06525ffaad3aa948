"""Which cluster, and how it is spoken to: `kafka://HOST:PORT[,HOST:PORT...]/PREFIX?...`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from tifo.eventlog.ports import LANES
from tifo.kernel.hosts import is_loopback

SEEDS_MAX = 16
"""Brokers that a URL may name; the others are learned from them."""

REPLICAS_MAX = 7
"""What a topic of ours may be asked to have."""

Compression = Literal["none", "lz4", "zstd", "gzip", "snappy"]
Sasl = Literal["", "plain", "scram-sha-256", "scram-sha-512", "msk-iam"]

OPTIONS = frozenset(
    {
        "tls", "ca", "cert", "key", "sasl", "user", "password_file", "region", "compression",
        "create", "partitions", "replicas", "retention_h", "retention_mib",
    }
)  # fmt: skip

_PREFIX = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_REGION = re.compile(r"[a-z0-9-]{4,32}")


@dataclass(frozen=True, slots=True)
class Security:
    """TLS and who we are. A password is read from its file when we connect, and is never in the URL."""

    tls: bool = False
    ca: str = ""
    """A file of authorities; empty trusts those of the machine."""
    cert: str = ""
    key: str = ""
    """Files of a client's certificate and its key, for brokers that ask for one."""
    sasl: Sasl = ""
    user: str = ""
    password_file: str = ""
    region: str = ""
    """Of the MSK cluster, for its tokens."""

    def config(self) -> dict[str, str]:
        """As librdkafka wants it, without what an MSK token needs. Raises `OSError` for a missing file."""
        protocol = ("SASL_" if self.sasl else "") + ("SSL" if self.tls else "PLAINTEXT")
        told = {
            "ssl.ca.location": self.ca,
            "ssl.certificate.location": self.cert,
            "ssl.key.location": self.key,
        }
        if self.sasl == "msk-iam":
            told["sasl.mechanism"] = "OAUTHBEARER"
        elif self.sasl:
            told["sasl.mechanism"] = self.sasl.upper()
            told["sasl.username"] = self.user
            told["sasl.password"] = Path(self.password_file).read_text(encoding="utf-8").rstrip("\r\n")
        return {"security.protocol": protocol} | {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Layout:
    """How topics that are not there are made; with `create` false they are not."""

    create: bool = False
    partitions: int = 12
    replicas: int = 3
    retention_h: int = 24
    retention_mib: int = 0
    """MiB of each partition that are kept; 0 keeps what is young enough."""
    retention_h_by_topic: Mapping[str, int] = field(default_factory=dict)
    """Of topics of ours (without the prefix) that are kept for another time."""


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """A cluster and the prefix of every topic and group of ours in it."""

    seeds: tuple[str, ...]
    prefix: str
    security: Security = Security()
    layout: Layout = Layout()
    compression: Compression = "lz4"

    @classmethod
    def parse(cls, url: str) -> "KafkaAddress":
        """Raises `ValueError` with a sentence for a URL that names no cluster."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        prefix = parts.path.removeprefix("/")
        if parts.scheme != "kafka" or "@" in parts.netloc or not _PREFIX.fullmatch(prefix):
            raise ValueError("use kafka://HOST:PORT[,HOST:PORT...]/PREFIX; a password is read from a file")
        if unknown := sorted(options.keys() - OPTIONS):
            raise ValueError(f"there is no option {unknown[0]!r}; there are {', '.join(sorted(OPTIONS))}")
        seeds = _seeds(parts.netloc)
        return cls(
            seeds=seeds,
            prefix=prefix,
            security=_security(options, local=all(is_loopback(one.rpartition(":")[0]) for one in seeds)),
            layout=Layout(
                create=_yes(options, "create"),
                partitions=_partitions(options),
                replicas=_number(options, "replicas", 3, REPLICAS_MAX),
                retention_h=_number(options, "retention_h", 24, 24 * 366),
                retention_mib=_number(options, "retention_mib", 0, 1 << 30),
            ),
            compression=_word(options, "compression", "lz4", Compression),
        )

    def keeping(self, retention_h_by_topic: Mapping[str, int]) -> "KafkaAddress":
        """The same cluster, with topics that are made to be kept for a time of their own."""
        return replace(self, layout=replace(self.layout, retention_h_by_topic=retention_h_by_topic))


def _seeds(hosts: str) -> tuple[str, ...]:
    seeds = tuple(hosts.split(","))
    if len(seeds) > SEEDS_MAX:
        raise ValueError(f"name at most {SEEDS_MAX} brokers")
    for one in seeds:
        host, _, port = one.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError("a broker is HOST:PORT")
    return seeds


def _security(options: dict[str, str], *, local: bool) -> Security:
    tls = _yes(options, "tls")
    sasl: Sasl = _word(options, "sasl", "", Sasl)
    security = Security(
        tls, options.get("ca", ""), options.get("cert", ""), options.get("key", ""),
        sasl, options.get("user", ""), options.get("password_file", ""), options.get("region", ""),
    )  # fmt: skip
    if not tls and (security.ca or security.cert or security.key):
        raise ValueError("ca, cert and key go with tls=1")
    if bool(security.cert) != bool(security.key):
        raise ValueError("a client's certificate is both cert and key")
    if sasl and not tls and not local:
        raise ValueError("sasl goes with tls=1, or with brokers on this machine")
    by_password = sasl not in ("", "msk-iam")
    if by_password != bool(security.user and security.password_file):
        raise ValueError("user and password_file go together, with sasl=plain or sasl=scram-sha-256 or -512")
    if (sasl == "msk-iam") != bool(_REGION.fullmatch(security.region)):
        raise ValueError("sasl=msk-iam and region=REGION go together")
    return security


def _yes(options: dict[str, str], name: str) -> bool:
    text = options.get(name, "0")
    if text not in ("0", "1"):
        raise ValueError(f"{name} is 1 or 0")
    return text == "1"


def _number(options: dict[str, str], name: str, default: int, most: int) -> int:
    text = options.get(name, str(default))
    if not text.isdecimal() or not min(default, 1) <= int(text) <= most:
        raise ValueError(f"{name} is a number of {min(default, 1)} to {most}")
    return int(text)


def _partitions(options: dict[str, str]) -> int:
    partitions = _number(options, "partitions", 12, LANES)
    if LANES % partitions:
        raise ValueError(f"partitions is a number that divides {LANES}, such as 12, 16, 24 or 48")
    return partitions


def _word(options: dict[str, str], name: str, default: str, words: object) -> Any:  # noqa: ANN401 - one of the words
    text = options.get(name, default)
    if text not in get_args(words):
        raise ValueError(f"{name} is one of {', '.join(filter(None, get_args(words)))}")
    return text
