"""Are the keys of files found, also when many tables are committed side by side?"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from pipelines.outputs.find_keys import DataFile, FoundKeys
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
