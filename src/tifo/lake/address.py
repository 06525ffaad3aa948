"""Where a lake is: `file:///FOLDER` or `s3://BUCKET/PREFIX`, as the settings write it."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

OPTIONS = frozenset({"region", "endpoint"})
FORMS = "use file:///FOLDER or s3://BUCKET/PREFIX"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class FolderAddress:
    """A folder of this machine."""

    root: Path


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """A bucket, and what its keys begin with; credentials are found as AWS's own tools find them.

    `endpoint` is empty for AWS itself.
    """

    bucket: str
    prefix: str = ""
    region: str = ""
    endpoint: str = ""

    @property
    def root(self) -> str:
        """Bucket and prefix, without a slash at the end."""
        return f"{self.bucket}/{self.prefix}".rstrip("/")


class NoLake(Exception):
    """There is nothing yet at the address: no folder, no bucket, or no file."""


def parse(url: str) -> FolderAddress | BucketAddress:
    """Raises `ValueError` with a sentence for a URL that names no lake."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/") and not parts.query:
        return FolderAddress(Path(unquote(parts.path)))
    if parts.scheme != "s3":
        raise ValueError(f"{url!r} is no lake; {FORMS}")
    return _bucket(parts.netloc, parts.path, parts.query)


def _bucket(netloc: str, path: str, query: str) -> BucketAddress:
    if "@" in netloc:
        raise ValueError("no credentials in the URL: they come from the environment or the role")
    if not _BUCKET.fullmatch(netloc):
        raise ValueError(f"{netloc!r} is no bucket; use s3://BUCKET/PREFIX")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(options.keys() - OPTIONS):
        raise ValueError(f"{unknown[0]} is no option of a lake; there are {', '.join(sorted(OPTIONS))}")
    endpoint = options.get("endpoint", "")
    if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError(f"{endpoint!r} is no endpoint; write http://HOST:PORT or https://HOST")
    return BucketAddress(netloc, path.strip("/"), options.get("region", ""), endpoint)
