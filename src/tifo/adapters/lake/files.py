"""The lake's files, in a folder or in a bucket: Parquet (pyarrow) that is there whole or not at all."""

import asyncio
import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from tifo.adapters.lake import parquet
from tifo.kernel.errors import Unavailable
from tifo.lake.address import BucketAddress
from tifo.lake.layout import LakeFile, Place, file_at
from tifo.lake.tables import Row, Table
from tifo.workers.lake.ports import ROWS_MAX, Lake, Merged

CALLS_MAX = 2
"""Threads that a lake keeps busy: one writes while another merges."""

DRAFTS = "drafts"
FILE_MODE = 0o640
"""Who may read: what accounts did is in it."""

DRAFT_S_MAX = 86_400.0
"""Seconds after which a draft is one of a process that died."""

UPLOAD_BYTES = 8 * 1024 * 1024
"""Bytes of a file that are in memory at once while it goes to a bucket."""

CONNECT_S_MAX = 3.0
REQUEST_S_MAX = 20.0
S3_ATTEMPTS_MAX = 3

T = TypeVar("T")


class _ParquetLake(Lake):
    """What both have in common: threads, and errors told as `Unavailable`."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(CALLS_MAX)

    async def write(self, place: Place, name: str, rows: Sequence[Row]) -> None:
        """Encoded and written in a thread."""
        if not 0 < len(rows) <= ROWS_MAX:
            raise ValueError(f"{len(rows)} rows; 1 to {ROWS_MAX} are a file")
        table = parquet.table_of(place.type)
        await self._run(partial(self._write, f"{place.path}/{name}", table, rows))

    async def files(self) -> tuple[LakeFile, ...]:
        """By a walk through all of them."""
        return await self._run(self._list)

    async def merge(self, files: Sequence[LakeFile], name: str) -> Merged:
        """Row by row, so that it takes little memory, however long they are."""
        if not files or len({one.place for one in files}) > 1:
            raise ValueError("only files of one place can be merged")
        return await self._run(partial(self._merge, tuple(files), name))

    async def delete(self, files: Sequence[LakeFile]) -> None:
        """One after the other."""
        await self._run(lambda: [self._remove(one.path) for one in files])

    async def close(self) -> None:
        """Wait for the threads."""
        for _ in range(CALLS_MAX):
            await self._free.acquire()

    async def _run(self, work: Callable[[], T]) -> T:
        async with self._free:
            try:
                return await asyncio.shield(asyncio.to_thread(work))
            except (OSError, pa.ArrowException, duckdb.Error) as error:
                raise Unavailable("lake", f"{type(error).__name__}: {error}") from error

    def _write(self, path: str, table: Table, rows: Sequence[Row]) -> None:
        with self._draft(path) as draft, pa.OSFile(str(draft), "wb") as out:
            parquet.write_rows(out, table, rows)

    def _merge(self, files: Sequence[LakeFile], name: str) -> Merged:
        place = files[0].place
        opened = [partial(self._open, one.path) for one in files]
        with self._draft(f"{place.path}/{name}") as draft, pa.OSFile(str(draft), "wb") as out:
            return parquet.merge(out, parquet.table_of(place.type), opened)

    @abstractmethod
    def _draft(self, path: str) -> AbstractContextManager[Path]:
        """A local file to write, which is what stands there once all of that went well."""

    @abstractmethod
    def _open(self, path: str) -> pq.ParquetFile:
        """To read it."""

    @abstractmethod
    def _list(self) -> tuple[LakeFile, ...]:
        """All of them."""

    @abstractmethod
    def _remove(self, path: str) -> None:
        """Whether it is there or not."""


class FolderLake(_ParquetLake):
    """A folder of this machine: a draft is written and synced, then renamed into its place.

    Caveat: its readers and writers are on this machine, or on one that has the same file system.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    @contextmanager
    def _draft(self, path: str) -> Iterator[Path]:
        final = self._root / path
        drafts = self._root / DRAFTS
        _make_folder(drafts)
        _make_folder(final.parent)
        handle, name = tempfile.mkstemp(dir=drafts)
        os.close(handle)
        draft = Path(name)
        try:
            yield draft
            draft.chmod(FILE_MODE)
            _sync(draft)
            draft.replace(final)
        finally:
            draft.unlink(missing_ok=True)
        _sync(final.parent)

    def _open(self, path: str) -> pq.ParquetFile:
        return pq.ParquetFile(self._root / path)

    def _list(self) -> tuple[LakeFile, ...]:
        self._forget_drafts()
        return files_in(self._root)

    def _remove(self, path: str) -> None:
        final = self._root / path
        final.unlink(missing_ok=True)
        for folder in final.parents[:3]:
            try:
                folder.rmdir()
            except OSError:  # it has other files
                break

    def _forget_drafts(self) -> None:
        """Those of processes that died, once another draft shows that it is so much later."""
        made = dict(_times(self._root / DRAFTS))
        for one, at in made.items():
            if at < max(made.values()) - DRAFT_S_MAX:
                one.unlink(missing_ok=True)


def _times(folder: Path) -> Iterator[tuple[Path, float]]:
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # one that was finished meanwhile
            yield path, path.stat().st_mtime


def files_in(root: Path) -> tuple[LakeFile, ...]:
    """Every file of the lake below a folder; none where there is no such folder."""
    found: list[LakeFile] = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):  # one that was merged meanwhile
                told = path.stat()
                one = file_at(path.relative_to(root).as_posix(), told.st_size, told.st_mtime)
                found += [one] if one is not None else []
    return tuple(found)


def _make_folder(folder: Path) -> None:
    """With its parents, each durable in the one above it."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        _sync(one.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class BucketLake(_ParquetLake):
    """A bucket of S3 or of what speaks as S3 does: an object is there when its upload is complete."""

    def __init__(self, address: BucketAddress) -> None:
        super().__init__()
        self._root = address.root
        self._bucket = bucket_of(address)

    @contextmanager
    def _draft(self, path: str) -> Iterator[Path]:
        # Not straight into the bucket: an upload that is let go half-way is completed with what it has.
        with tempfile.TemporaryDirectory(prefix="tifo-lake-") as folder:
            draft = Path(folder, "draft")
            yield draft
            with draft.open("rb") as written, self._bucket.open_output_stream(f"{self._root}/{path}") as out:
                shutil.copyfileobj(written, out, UPLOAD_BYTES)

    def _open(self, path: str) -> pq.ParquetFile:
        return pq.ParquetFile(f"{self._root}/{path}", filesystem=self._bucket)

    def _list(self) -> tuple[LakeFile, ...]:
        return objects_in(self._bucket, self._root)

    def _remove(self, path: str) -> None:
        try:
            self._bucket.delete_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return


def bucket_of(address: BucketAddress) -> pafs.S3FileSystem:
    """The way to a bucket, with AWS's usual credentials."""
    told = {}
    if address.endpoint:
        parts = urlsplit(address.endpoint)
        told = {"endpoint_override": parts.netloc, "scheme": parts.scheme}
    if address.region:
        told["region"] = address.region
    return pafs.S3FileSystem(
        connect_timeout=CONNECT_S_MAX,
        request_timeout=REQUEST_S_MAX,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=S3_ATTEMPTS_MAX),
        **told,
    )


def objects_in(bucket: pafs.S3FileSystem, root: str) -> tuple[LakeFile, ...]:
    """Every file of the lake below a root; none where there is nothing."""
    chosen = pafs.FileSelector(root, recursive=True, allow_not_found=True)
    found = (
        file_at(one.path.removeprefix(f"{root}/"), one.size, one.mtime.timestamp())
        for one in bucket.get_file_info(chosen)
        if one.type is pafs.FileType.File
    )
    return tuple(one for one in found if one is not None)
