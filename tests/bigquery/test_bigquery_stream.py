"""Do rounds of a stream in BigQuery show whole or not at all, and in the order of who commits?"""

import datetime
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import grpc
import polars as pl
import pytest
from google.cloud.bigquery_storage_v1.types import AppendRowsRequest

from pipelines import end_stream as end_streams
from pipelines import streaming
from pipelines.describe_steps import FOLDER as STEPS
from pipelines.describe_steps import SOURCES, steps_of
from pipelines.outputs.bigquery.rounds import Rounds, newest_epoch
from pipelines.outputs.commit_changes import ChangeCommits, open_changes
from pipelines.outputs.commit_stream import UnwritableLakeError
from pipelines.outputs.describe_run import Run
from pipelines.outputs.open_warehouse import Tables, open_warehouse
from pipelines.outputs.owned_dates import OwnedDatesError, refuse_owned, running_streams
from pipelines.outputs.register_stream import end_stream, register_stream
from pipelines.readers import query_bigquery
from pipelines.readers.query_bigquery import Reader
from schemas import tables
from schemas.kinds import kind
from tests.bigquery.emulator import PROJECT, Emulator
from tests.bigquery.write_proxy import Rule, WriteProxy
from tests.pipelines.stream_lake import (
    DAY,
    RETENTION,
    STARTED_AT,
    changes,
    event,
    facts,
    stream_run,
)
from transforms.derive import DeriveOptions

_VALUES = {
    pl.String(): "", pl.Int64(): 0, pl.Float64(): 0.0, pl.Boolean(): False, pl.Binary(): b"",
    pl.Date(): DAY, pl.Datetime("us", "UTC"): STARTED_AT,
}  # fmt: skip
_HOUR = datetime.timedelta(hours=1)
_NEXT = DAY + datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def reader(warehouse: str) -> Reader:
    """What readers see of the warehouse."""
    return query_bigquery.open_reader(warehouse)


@pytest.fixture(scope="module")
def lake(warehouse: str) -> Tables:
    """What writers see of it."""
    return open_warehouse(warehouse, staging="")


@pytest.fixture
def writes(
    emulator: Emulator, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WriteProxy]:
    """What stands before the Storage Write API; a connection that broke is not waited for."""
    with WriteProxy(emulator.grpc_address).running() as proxy:
        monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", proxy.address)
        monkeypatch.setattr("pipelines.outputs.bigquery.append.PAUSES", (0.0,))
        yield proxy


def _commits(reader: Reader, run: Run | None = None) -> ChangeCommits:
    return ChangeCommits(reader.address, run or stream_run(), DeriveOptions(), RETENTION.owned_from)


def _ids(reader: Reader, *wanted: str) -> list[str]:
    """Which of these events readers see."""
    found = reader.polars("silver.events")["event_id"]
    return sorted(found.filter(found.is_in(wanted)))


def _events(*rows: dict[str, Any]) -> dict[str, pl.DataFrame]:
    return {"events": _full("events", *rows)}


def _full(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Changes in which every column that has to be set is: a fold takes no others."""
    frame = changes(name, *rows)
    required = [c.name for c in tables.get(name).columns if not kind(c.type).is_nullable]
    scalars = [n for n in required if frame.schema[n] in _VALUES]
    return frame.with_columns(pl.col(n).fill_null(_VALUES[frame.schema[n]]) for n in scalars)


def _of_commits(codes: Iterator[grpc.StatusCode]) -> Rule:
    """What happens to the rows that say that rounds are whole."""

    def rule(request: AppendRowsRequest) -> grpc.StatusCode | None:
        return next(codes, None) if "/stream_commits/" in request.write_stream else None

    return rule


def test_a_round_shows_in_all_tables_and_the_next_changes_it(reader: Reader) -> None:
    stream = _commits(reader)
    chapter = {"date": DAY, "course_id": None, "chapter_id": "ch", "visits_count": 1}
    first = _events(event("a1"), event("a2"))
    first["chapter_engagement"] = _full("chapter_engagement", chapter)
    row = stream.commit(first, facts(2, watermark_ms=0))
    assert (row["records_read"], row["status"]) == (2, "running")
    assert _ids(reader, "a1", "a2") == ["a1", "a2"]
    second = _events(
        event("a1", is_deleted=True), event("a3"), event("a3", lesson_id="l", revision=2)
    )
    second["chapter_engagement"] = _full(
        "chapter_engagement", chapter | {"visits_count": 2, "revision": 2}, chapter
    )
    stream.commit(second, facts(4))
    assert _ids(reader, "a1", "a2", "a3") == ["a2", "a3"]
    seen = reader.polars("gold.chapter_engagement").filter(pl.col("chapter_id") == "ch")
    assert seen["visits_count"].to_list() == [2]
    (told,) = reader.polars("ops.pipeline_runs").filter(run_id=row["run_id"]).to_dicts()
    assert told["records_read"] == 4
    assert told["finished_at"] - told["started_at"] > _HOUR


def test_half_a_round_is_seen_by_nobody_and_comes_again_once(
    reader: Reader, writes: WriteProxy
) -> None:
    stream = _commits(reader)
    stream.commit(_events(event("b0")), facts())
    half = _events(event("b0", is_deleted=True, revision=2), event("b1"))
    half["dead_letters"] = _full("dead_letters", _letter("b", "first"))
    writes.rule = _of_commits(repeat(grpc.StatusCode.UNAVAILABLE))
    with pytest.raises(UnwritableLakeError, match=r"cannot append to ops\.stream_commits"):
        stream.commit(half, facts(2))
    assert {"events_changes", "dead_letters_changes"} <= set(writes.tables())
    assert _ids(reader, "b0", "b1") == ["b0"]
    assert _letters(reader, "b") == []
    writes.rule = lambda request: None
    stream.commit(half, facts(2))
    assert _ids(reader, "b0", "b1") == ["b1"]
    assert _letters(reader, "b") == ["first"]


def test_a_round_whose_last_answer_is_lost_counts_once(reader: Reader, writes: WriteProxy) -> None:
    stream = _commits(reader)
    writes.rule, writes.loses = _of_commits(iter([grpc.StatusCode.UNAVAILABLE])), True
    stream.commit(_events(event("c1")), facts())
    assert writes.tables().count("stream_commits") == 2
    assert _ids(reader, "c1") == ["c1"]


def _letter(key: str, detail: str) -> dict[str, Any]:
    return {"dead_letter_id": key, "failed_date": DAY, "reason": detail, "payload": b"x"}


def _letters(reader: Reader, key: str) -> list[str]:
    letters = reader.polars("ops.dead_letters")
    return letters.filter(pl.col("dead_letter_id") == key)["reason"].to_list()


def test_of_dead_letters_the_first_stays(reader: Reader) -> None:
    stream = _commits(reader)
    for detail in ("first", "then"):
        stream.commit({"dead_letters": _full("dead_letters", _letter("d", detail))}, None)
    assert _letters(reader, "d") == ["first"]


def test_a_process_that_was_thought_dead_changes_nothing_and_is_told(reader: Reader) -> None:
    run = stream_run()
    zombie, successor = _commits(reader, run), _commits(reader, run)
    zombie.commit(_events(event("z", lesson_id="zombie")), facts())
    successor.commit(_events(event("z", lesson_id="successor")), facts(2))
    with pytest.raises(UnwritableLakeError, match="another process commits to bq://"):
        zombie.commit(_events(event("z", lesson_id="late", revision=9)), facts(3))
    seen = reader.polars("silver.events").filter(event_id="z")
    assert seen["lesson_id"].to_list() == ["successor"]


def test_counts_go_on_in_the_process_that_comes_after(reader: Reader) -> None:
    run = stream_run()
    _commits(reader, run).commit(_events(event("e1")), facts(7))
    row = _commits(reader, run).commit(_events(event("e2")), None)
    assert (row["records_read"], row["events"]) == (7, 7)


def test_a_process_commits_with_one_epoch_however_many_steps_it_has(reader: Reader) -> None:
    run = stream_run()
    given = reader.address, run, DeriveOptions(), RETENTION.owned_from
    one, other = open_changes(*given), open_changes(*given)
    one.commit(_events(event("f1")), facts())
    epoch = newest_epoch(reader.client, reader.address)
    other.commit(_events(event("f2")), facts(2))
    one.commit(_events(event("f3")), facts(3))
    assert newest_epoch(reader.client, reader.address) == epoch
    assert _ids(reader, "f1", "f2", "f3") == ["f1", "f2", "f3"]


def test_the_calendar_follows_the_dates_with_events(reader: Reader) -> None:
    stream = _commits(reader)
    stream.commit(_events(event("g0")), facts())
    before = reader.polars("gold.dim_dates")["date"].max()
    next_day, far = (before + datetime.timedelta(days=n) for n in (1, 30))
    stream.commit(_events(event("g1"), event("g2", date=far)), facts())
    assert reader.polars("gold.dim_dates")["date"].max() == far
    gone = event("g2", date=far, is_deleted=True, revision=2)
    stream.commit(_events(gone, event("g3", date=next_day)), facts(2))
    dates = reader.polars("gold.dim_dates")["date"]
    assert dates.max() == next_day
    assert dates.sort().diff().drop_nulls().unique().to_list() == [datetime.timedelta(days=1)]


def test_only_tables_that_a_stream_writes_are_appended_to(
    reader: Reader, writes: WriteProxy
) -> None:
    stream = _commits(reader)
    other = _full("student_features", {"student_hash": "s", "as_of_date": DAY})
    stream.commit({**_events(event("h1")), "student_features": other}, facts())
    assert "student_features_changes" not in writes.tables()
    assert writes.tables()[-1] == "stream_commits"
    writes.appends.clear()
    stream.commit(_events(event("h2")), None)
    # Dimensions that stay as they are are not told again.
    assert sorted(writes.tables()) == ["events_changes", "pipeline_runs_changes", "stream_commits"]


def test_a_stream_is_registered_owns_its_dates_and_is_ended(
    lake: Tables, reader: Reader, warehouse: str, capsys: pytest.CaptureFixture
) -> None:
    first, second = (stream_run(inputs='["kafka:registered"]') for _ in range(2))
    register_stream(lake, first, DAY)
    register_stream(lake, second, _NEXT)
    known = reader.polars("ops.pipeline_runs")
    assert known.filter(run_id=first.run_id)["status"].item() == "failed"
    (running,) = [s for s in running_streams(lake) if s.inputs == second.inputs]
    assert (running.run_id, running.owned_from_date) == (second.run_id, _NEXT)
    with pytest.raises(OwnedDatesError, match=f"writes {_NEXT}"):
        refuse_owned(lake, [_NEXT])
    end_stream(lake, second.run_id, "stopped")
    assert second.run_id in {stream.run_id for stream in running_streams(lake)}
    given = [f"--warehouse={warehouse}", f"--run_id={second.run_id}"]
    assert end_streams.main(given) == 0
    assert second.run_id in capsys.readouterr().out
    assert second.run_id not in {stream.run_id for stream in running_streams(lake)}
    assert end_streams.main(given) == 2


def test_registering_is_a_round_that_ends_who_committed_before(
    lake: Tables, reader: Reader
) -> None:
    stream = _commits(reader)
    stream.commit(_events(event("i1")), facts())
    register_stream(lake, stream_run(), DAY)
    with pytest.raises(UnwritableLakeError, match="one stream per warehouse"):
        stream.commit(_events(event("i2")), facts(2))


def test_of_two_that_begin_at_once_each_has_an_epoch_of_its_own(reader: Reader) -> None:
    epochs = [Rounds(reader.client, reader.address, f"run{n}").epoch for n in range(3)]
    assert epochs == sorted(set(epochs))
    assert newest_epoch(reader.client, reader.address) == epochs[-1]


@pytest.mark.parametrize(
    ("warehouse_named", "said"),
    [
        (f"bq://{PROJECT}.nowhere", "python -m pipelines.provision --warehouse="),
        ("bq://A", "is no BigQuery address"),
    ],
)
@pytest.mark.usefixtures("warehouse")
def test_a_stream_into_a_warehouse_that_is_not_there_does_not_begin(
    warehouse_named: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "inbox").mkdir()
    given = [f"--inbox={tmp_path / 'inbox'}", f"--state={tmp_path / 'state'}"]
    assert streaming.main([f"--warehouse={warehouse_named}", *given]) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert said in error
    assert not list(tmp_path.glob("state/*.json"))


def test_without_a_folder_for_checkpoints_a_stream_asks_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = [f"--inbox={tmp_path}", f"--warehouse=bq://{PROJECT}.x"]
    assert streaming.main(given) == 2
    assert "must be a local folder: give one with --state" in capsys.readouterr().err


@pytest.mark.parametrize("source", SOURCES)
def test_jobs_have_the_steps_that_they_have_for_a_folder(source: str, warehouse: str) -> None:
    assert steps_of(source, warehouse) == (STEPS / f"{source}.txt").read_text().splitlines()
