"""The contract of the lake, over every adapter, and of what is asked of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import s3_server
from duckdb import DuckDBPyConnection

from tifo.adapters.lake import asking
from tifo.adapters.lake.asking import ask
from tifo.adapters.lake.duck import open_lake
from tifo.adapters.lake.files import BucketLake, FolderLake, bucket_of
from tifo.kernel.errors import Refusal, Unavailable
from tifo.lake import address
from tifo.lake.layout import MERGED, PART, LakeFile, Place, name_of
from tifo.lake.tables import Row
from tifo.workers.lake.ports import ROWS_MAX, Lake, Merged

BUCKET = "matches"
US = 1_000_000
NOW = 1_795_629_600 * US
"""2026-11-25T18:00:00Z in microseconds."""

HOUR = "2026-11-25T18"
PLACE = Place("session.ended", "final", HOUR)

Address = address.FolderAddress | address.BucketAddress


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if s3_server.MISSING:
        pytest.skip(s3_server.NOT_RUN)
    with s3_server.s3_server(tmp_path_factory.mktemp("s3"), BUCKET) as endpoint:
        yield endpoint


@pytest.fixture(params=["folder", "bucket"])
def where(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    if request.param == "folder":
        return address.parse(f"file://{tmp_path}/lake")
    for name, value in s3_server.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    endpoint = request.getfixturevalue("s3")
    return address.parse(f"s3://{BUCKET}/{tmp_path.name}?endpoint={endpoint}&region=us-east-1")


@pytest.fixture
async def lake(where: Address) -> AsyncIterator[Lake]:
    lake = opened(where)
    yield lake
    await lake.close()


def opened(where: Address) -> Lake:
    """Another process's view of the same lake."""
    return FolderLake(where.root) if isinstance(where, address.FolderAddress) else BucketLake(where)


def ended(*numbers: int) -> list[Row]:
    return [(f"evt_{n}", NOW + n * US, f"ses_{n}", "left") for n in numbers]


async def put(lake: Lake, *numbers: int, place: Place = PLACE) -> str:
    name = name_of(PART, numbers)
    await lake.write(place, name, ended(*numbers))
    return name


async def asked(where: Address, sql: str, rows_max: int = 100) -> list[tuple[object, ...]]:
    return list((await asyncio.to_thread(ask, where, sql, rows_max)).rows)


async def ids(where: Address) -> list[str]:
    return [str(one) for (one,) in await asked(where, "SELECT id FROM session_ended ORDER BY id")]


async def by_name(lake: Lake) -> Mapping[str, LakeFile]:
    return {one.name: one for one in await lake.files()}


async def test_what_was_written_is_listed_and_read_by_another(lake: Lake, where: Address) -> None:
    name = await put(lake, 1, 2)
    other = opened(where)
    (file,) = await other.files()
    assert (file.place, file.name, file.merged) == (PLACE, name, False)
    assert file.size > 0
    assert await asked(
        where, "SELECT id, event, hour, session, epoch_us(happened_at) FROM session_ended"
    ) == [(f"evt_{n}", "final", HOUR, f"ses_{n}", NOW + n * US) for n in (1, 2)]
    await other.close()


async def test_a_file_of_the_same_name_is_that_file(lake: Lake, where: Address) -> None:
    for _ in range(2):
        await put(lake, 1, 2)
    assert len(await lake.files()) == 1
    assert await ids(where) == ["evt_1", "evt_2"]


async def test_an_id_in_several_files_of_a_place_is_read_once(lake: Lake, where: Address) -> None:
    await put(lake, 1, 2)
    await put(lake, 2, 3)
    await put(lake, 4, place=Place("session.ended", "other", HOUR))
    assert await ids(where) == ["evt_1", "evt_2", "evt_3", "evt_4"]


async def test_merged_files_are_one_with_each_id_once(lake: Lake, where: Address) -> None:
    for numbers in ((1, 2), (2, 3), (1, 3, 4)):
        await put(lake, *numbers)
    before = await lake.files()
    name = name_of(MERGED, (one.name for one in before))
    assert await lake.merge(before, name) == Merged(rows=4, repeated=3)
    assert len(await lake.files()) == 4  # readers who listed them before still find them
    everything = ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert await ids(where) == everything
    await lake.delete(before)
    (left,) = await lake.files()
    assert (left.name, left.merged) == (name, True)
    assert await ids(where) == everything


async def test_a_merge_that_finds_a_file_gone_keeps_nothing(lake: Lake) -> None:
    await put(lake, 1)
    await put(lake, 2)
    files = await lake.files()
    await lake.delete(files[:1])
    with pytest.raises(Unavailable):
        await lake.merge(files, name_of(MERGED, "x"))
    assert await lake.files() == files[1:]


async def test_what_is_gone_may_be_deleted_again(lake: Lake) -> None:
    await put(lake, 1)
    files = await lake.files()
    for _ in range(2):
        await lake.delete(files)
    assert await lake.files() == ()


async def test_names_of_matches_survive_their_folders(lake: Lake, where: Address) -> None:
    names = ["final", "a/b", "c d%2F", "ü=x", ".."]
    for n, name in enumerate(names):
        await put(lake, n, place=Place("session.ended", name, HOUR))
    await put(lake, 9, place=Place("session.ended", "", HOUR))
    assert {one.place.event for one in await lake.files()} == {*names, ""}
    found = await asked(where, "SELECT event FROM session_ended ORDER BY id")
    assert found == [*((name,) for name in names), (None,)]
    assert await asked(where, "SELECT id FROM session_ended WHERE event = 'a/b'") == [("evt_1",)]


async def test_every_kind_of_value_comes_back(lake: Lake, where: Address) -> None:
    row = (
        "evt_1",
        NOW,
        "ses_1",
        "ps",
        None,
        "cdn-a",
        "p",
        None,
        2**62,
        0.5,
        None,
        1.0,
        None,
        True,
        '{"bl":9}',
    )
    await lake.write(Place("playback.reported", "", HOUR), name_of(PART, "1"), [row])
    decided = ("evt_2", NOW, "ses_1", "brk-1", ("a", "b"), ())
    await lake.write(Place("ads.decided", "final", HOUR), name_of(PART, "2"), [decided])
    (found,) = await asked(where, "SELECT * EXCLUDE (happened_at, event, hour) FROM playback_reported")
    assert found == (row[0], *row[2:])
    assert await asked(where, "SELECT creatives, line_items FROM ads_decided") == [(["a", "b"], [])]
    assert await asked(where, "SELECT cmcd->>'$.bl' FROM playback_reported") == [("9",)]


async def test_nothing_and_too_much_are_refused(lake: Lake) -> None:
    for rows in ([], ended(1) * (ROWS_MAX + 1)):
        with pytest.raises(ValueError, match="are a file"):
            await lake.write(PLACE, name_of(PART, "x"), rows)
    with pytest.raises(ValueError, match="no table"):
        await lake.write(Place("session.sung", "final", HOUR), name_of(PART, "x"), ended(1))
    assert await lake.files() == ()


async def test_many_writers_at_once(lake: Lake, where: Address) -> None:
    lakes = [lake, opened(where), opened(where)]
    await asyncio.gather(*(put(lakes[n % 3], n, n + 1) for n in range(24)))
    assert len(await lake.files()) == 24
    assert await asked(where, "SELECT count(*) FROM session_ended") == [(25,)]
    for one in lakes[1:]:
        await one.close()


async def test_a_question_whose_files_became_one_meanwhile_is_asked_anew(
    lake: Lake, where: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(lake, 1, 2)
    await put(lake, 2, 3)
    opened_so_often = 0

    async def merge() -> None:
        other = opened(where)
        files = await other.files()
        await other.merge(files, name_of(MERGED, "x"))
        await other.delete(files)

    def open_and_merge(there: Address) -> DuckDBPyConnection:
        nonlocal opened_so_often
        opened_so_often += 1
        connection = open_lake(there)
        if opened_so_often == 1:
            asyncio.run(merge())
        return connection

    monkeypatch.setattr(asking, "open_lake", open_and_merge)
    assert await ids(where) == ["evt_1", "evt_2", "evt_3"]
    assert opened_so_often == 2


async def test_a_file_that_does_not_read_makes_the_lake_unavailable(lake: Lake, where: Address) -> None:
    await put(lake, 1)

    path = f"{PLACE.path}/{name_of(PART, (1,))}"
    if isinstance(where, address.FolderAddress):
        (where.root / path).write_bytes(b"lost")
    else:
        with bucket_of(where).open_output_stream(f"{where.root}/{path}") as out:
            out.write(b"lost")
    with pytest.raises(Unavailable):
        await ids(where)


async def test_no_lake_yet_says_what_writes_it(where: Address) -> None:
    with pytest.raises(Refusal, match="tifo up"):
        await asked(where, "SELECT 1")


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("COPY (SELECT 1) TO '{folder}/x.csv'", "One SELECT"),
        ("SELECT 1; SELECT 2", "One SELECT"),
        ("", "One SELECT"),
        ("SET threads = 1", "One SELECT"),
        ("ATTACH '{folder}/x.db'", "One SELECT"),
        ("DROP VIEW sessions", "One SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled|Cannot access"),
        ("SELECT * FROM read_text('{folder}/secret')", "disabled|Cannot access"),
        ("SELECT * FROM '{folder}/secret.parquet'", "disabled|Cannot access"),
        ("SELECT sesion FROM sessions", "tifo query"),
        ("SELECT * FROM session", "tifo query"),
        ("SELEC", "syntax"),
    ],
)
async def test_a_question_that_is_none_is_told_what_to_mend(
    lake: Lake, where: Address, tmp_path: Path, sql: str, why: str
) -> None:
    await put(lake, 1)
    (tmp_path / "secret").write_text("hidden")
    with pytest.raises(Refusal, match=why) as refused:
        await asked(where, sql.format(folder=tmp_path))
    assert refused.value.code == "bad-request"


async def test_a_bucket_that_is_not_there_is_unavailable(where: Address) -> None:
    if isinstance(where, address.FolderAddress):
        (where.root.parent / "lake").write_text("a file, and no folder")
        lost = where
    else:
        lost = address.BucketAddress("nobody", "x", where.region, where.endpoint)
    lake = opened(lost)
    with pytest.raises(Unavailable):
        await put(lake, 1)
    await lake.close()
