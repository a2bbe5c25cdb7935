"""Are the keys of files found, also when many tables are committed side by side?"""

import datetime
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.outputs.find_keys import KEPT_SECONDS, DataFile, FoundKeys
from schemas import tables

TABLE = tables.get("dead_letters")
KEYS_OF_A_FILE, LIMIT_BYTES = 10, 300


@pytest.fixture
def _switching_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _rows(file: int) -> pl.DataFrame:
    return pl.DataFrame({"dead_letter_id": [f"{file}-{n}" for n in range(KEYS_OF_A_FILE)]})


def _file(tmp_path: Path, number: int) -> DataFile:
    path = tmp_path / TABLE.path / f"{number}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    _rows(number).write_parquet(path)
    return DataFile(path.name, None, path.stat().st_size, KEYS_OF_A_FILE, 0, {})


def test_files_are_found_by_their_keys(tmp_path: Path) -> None:
    files = [_file(tmp_path, number) for number in range(3)]
    keys = FoundKeys(str(tmp_path))
    assert keys.matching(TABLE, files, _rows(1).head(1)) == [files[1]]
    assert keys.matching(TABLE, files, pl.DataFrame({"dead_letter_id": ["other"]})) == []


@pytest.mark.usefixtures("_switching_often")
def test_threads_share_what_is_kept(tmp_path: Path) -> None:
    keys = FoundKeys(str(tmp_path))

    def add(number: int) -> None:
        keys.add(TABLE, f"new-{number}", _rows(number))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(add, range(1500))) == [None] * 1500


def test_what_has_no_room_is_read_again(tmp_path: Path) -> None:
    files = [_file(tmp_path, number) for number in range(12)]
    keys = FoundKeys(str(tmp_path), LIMIT_BYTES)
    for number in (*range(12), *range(12)):
        assert keys.matching(TABLE, files, _rows(number)) == [files[number]]


def test_what_was_not_looked_at_for_long_is_let_go(tmp_path: Path) -> None:
    files = [_file(tmp_path, number) for number in range(2)]
    clock = iter([0.0, KEPT_SECONDS - 1, KEPT_SECONDS + 1]).__next__
    keys = FoundKeys(str(tmp_path), clock=clock)
    for file in files:
        keys.add(TABLE, file.path, _rows(int(file.path[0])))
    assert keys.size_bytes == 2 * 8 * KEYS_OF_A_FILE
    assert keys.matching(TABLE, files[1:], _rows(1)) == files[1:]
    assert keys.size_bytes == 8 * KEYS_OF_A_FILE, "the first was not looked at"


def test_what_is_forgotten_leaves_its_room_to_others(tmp_path: Path) -> None:
    files = [_file(tmp_path, number) for number in range(2)]
    keys = FoundKeys(str(tmp_path))
    for number in (0, 0, 1):
        keys.add(TABLE, files[number].path, _rows(number))
    keys.forget(TABLE, files[0].path)
    keys.forget(TABLE, "never-seen.parquet")
    assert keys.size_bytes == 8 * KEYS_OF_A_FILE
    (tmp_path / TABLE.path / files[1].path).unlink()
    assert keys.matching(TABLE, files, _rows(1)) == [files[1]]


def _event(second: int) -> dict[str, object]:
    at = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC) + datetime.timedelta(seconds=second)
    return {"student_hash": "s", "event_id": f"e{second % 5}", "occurred_at": at}


EVENTS = tables.get("events")
SECONDS = st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True)


def _file_of_events(keys: FoundKeys, number: int, seconds: list[int]) -> DataFile:
    rows = pl.DataFrame([_event(second) for second in seconds])
    keys.add(EVENTS, str(number), rows)
    times = rows["occurred_at"]
    bounds = {"occurred_at": (times.min(), times.max())} if number % 3 else {}
    return DataFile(str(number), times[0].date(), 1, rows.height, 0, bounds)


@given(st.lists(SECONDS, max_size=6), SECONDS)
def test_those_files_are_found_that_hold_one_of_the_keys(
    of_files: list[list[int]], wanted: list[int]
) -> None:
    keys = FoundKeys("nowhere")
    files = [_file_of_events(keys, number, of_file) for number, of_file in enumerate(of_files)]
    found = keys.matching(EVENTS, files, pl.DataFrame([_event(second) for second in wanted]))
    assert [int(file.path) for file in found] == [
        number for number, of_file in enumerate(of_files) if set(of_file) & set(wanted)
    ]


def test_an_old_key_among_new_ones_has_no_file_in_between_read() -> None:
    keys = FoundKeys("nowhere")
    old, new = (_file_of_events(keys, number, [60 * number]) for number in (1, 3))
    between = _file_of_events(FoundKeys("elsewhere"), 2, [120])
    wanted = pl.DataFrame([_event(60), _event(180)])
    assert keys.matching(EVENTS, [old, between, new], wanted) == [old, new]
