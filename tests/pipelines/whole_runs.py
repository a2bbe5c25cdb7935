"""How do tests run the batch on a small school and look at what it leaves behind?"""

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.reference import Record, compute
from benchmarks.simulate import School
from pipelines import batch
from pipelines.readers.snapshot import open_snapshot
from schemas import tables
from tests.compare_rows import differing_columns
from transforms.read_times import read_time

Rows = list[dict[str, Any]]
OUTCOMES = ("events", "duplicates", "dead_letters", "excluded", "dropped", "out_of_range")
OF_THE_RUN = {"processed_at", "failed_at", "failed_date"}
IN_WORDS = {"explanation"}
"""Texts for people: no definition gives their wording."""
DAILY = [
    table.full_name
    for table in tables.tables().values()
    if table.layer == "silver" or (table.layer == "gold" and table.partition == "date")
]
"""Silver, and gold by day: the tables that a batch run replaces date by date."""


def run(warehouse: Path | str, *inputs: Path | str, **options: Any) -> int:
    """Run the batch in this process; the exit code. Options by their names."""
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    source = ",".join(map(str, inputs))
    return batch.main([f"--input={source}", f"--warehouse={warehouse}", *given])


def completed(warehouse: Path | str, *inputs: Path | str, **options: Any) -> dict[str, Any]:
    """Run the batch, which has to work; its row of `ops.pipeline_runs`, whose counts add up."""
    assert run(warehouse, *inputs, **options) == 0
    row = last_run(warehouse)
    assert row["records_read"] == sum(row[name] for name in OUTCOMES), row
    return row


def last_run(warehouse: Path | str) -> dict[str, Any]:
    """The row of the newest run."""
    return max(read(warehouse, "ops.pipeline_runs"), key=lambda row: row["finished_at"])


def read(warehouse: Path | str, table: str) -> Rows:
    """What a reader sees of a table, by its full name."""
    return open_snapshot(warehouse).polars(table).to_dicts()


def contents(warehouse: Path | str, names: Iterable[str] = DAILY) -> dict[str, list[str]]:
    """Tables in an order of their own, without what tells one run from another: to compare."""
    snapshot = open_snapshot(warehouse)
    return {name: sorted(map(_plain, snapshot.polars(name).to_dicts())) for name in names}


def _plain(row: Mapping[str, Any]) -> str:
    return repr({name: row[name] for name in sorted(row) if name not in OF_THE_RUN})


def differing_rows(expected: Iterable[Mapping], actual: Iterable[Mapping], table: str) -> list[str]:
    """How rows differ from those expected, which may have fewer columns; matched by the key."""
    key = tables.get(table.rpartition(".")[2]).key
    wanted, found = ({_key(row, key): row for row in rows} for rows in (expected, actual))
    texts = [f"{table} {at}: missing" for at in wanted.keys() - found.keys()]
    texts += [f"{table} {at}: not expected" for at in found.keys() - wanted.keys()]
    for at in wanted.keys() & found.keys():
        for name in set(differing_columns(wanted[at], found[at])) - IN_WORDS:
            texts.append(f"{table} {at}: {name} {wanted[at][name]!r}, not {found[at].get(name)!r}")
    return sorted(texts)


def _key(row: Mapping, key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in key)


def assert_as_reference(warehouse: Path | str, expected: Mapping[str, Rows]) -> None:
    """Every silver and daily gold table and the dead letters are those of the reference."""
    for name in DAILY:
        rows, wanted = read(warehouse, name), expected.get(name.partition(".")[2])
        assert wanted is not None or not rows, f"{name} is not in the reference"
        assert len(rows) == len(wanted or [])
        assert not differing_rows(wanted or [], rows, name)[:5]
    columns = ("source", "position", "reason")
    letters, wanted = (
        sorted(tuple(row[name] for name in columns) for row in rows)
        for rows in (read(warehouse, "ops.dead_letters"), expected["dead_letters"])
    )
    assert letters == wanted


def reference(lines: Iterable[bytes], source: str = "", **arguments: Any) -> dict[str, Rows]:
    """The rows of the reference for the lines of a file; raw-zone envelopes are opened."""
    return compute(records(lines, source), **arguments)


def records(lines: Iterable[bytes], source: str) -> list[Record]:
    """The lines of a file as the reference takes them."""
    return [_record(line, source, number) for number, line in enumerate(lines, start=1)]


def _record(line: bytes, source: str, number: int) -> Record:
    if b'"received_at"' not in line:
        return Record(line, None, source, str(number))
    found = json.loads(line)
    packed = found.get("record_base64")
    data = found["record"].encode() if packed is None else base64.b64decode(packed)
    place = f"{found['partition']}:{found['offset']}"
    return Record(data, read_time(found["received_at"]), found["topic"], place)


def write_lines(path: Path, lines: Iterable[bytes | Mapping[str, Any]]) -> Path:
    """A file of JSON Lines; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return path


def write_catalogues(school: School, folder: Path) -> dict[str, Path]:
    """The catalogues of a school as files; the options that name them."""
    from benchmarks.simulate.files import _write_csv

    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder, "catalog", school.catalog)
    _write_csv(folder, "questions", school.questions)
    return {"catalog": folder / "catalog.csv", "question_catalog": folder / "questions.csv"}


def page_view(n: int = 0, **changes: Any) -> dict[str, Any]:
    """A valid record; each `n` is an event of its own, a minute later."""
    record = {
        "event_id": f"e{n}",
        "student_id": "stu_1",
        "timestamp": f"2025-11-{16 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00Z",
        "event_type": "page_view",
        "page_url": "/course/c/chapter/1",
    }
    return record | changes
