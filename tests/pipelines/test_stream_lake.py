"""Do tables follow the changes of a stream, however often the same ones come?"""

import datetime
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import polars as pl
import pytest
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.maintain import maintain
from pipelines.outputs import commit_stream, tend_tables, upsert_rows
from pipelines.outputs.find_keys import DataFile, FoundKeys, files_of
from pipelines.outputs.keep_tables import KeepTables, facts_of
from pipelines.outputs.lake import Lake
from pipelines.outputs.upsert_rows import upsert
from pipelines.readers.snapshot import open_snapshot
from schemas import tables
from tests.pipelines.killing import ROOT, kill
from tests.pipelines.stream_lake import (
    DAY,
    RETENTION,
    changes,
    chapter,
    commits,
    event,
    event_ids,
    facts,
    seen,
    stream_run,
)
from transforms.catalogue import build_catalogue, build_questions
from transforms.derive import DeriveOptions
from transforms.tally_counts import RUN_COUNTS

NEXT_DAY = DAY + datetime.timedelta(days=1)


def _chapters(warehouse: Path) -> dict[Any, int]:
    rows = seen(warehouse, "gold.chapter_engagement")
    return {(row["course_id"], row["chapter_id"]): row["visits_count"] for row in rows}


def test_rows_are_added_changed_and_taken_back(tmp_path: Path) -> None:
    stream = commits(tmp_path)
    rows = [chapter("a", "1", 5), chapter("a", "2", 6), chapter(None, "1", 7)]
    stream.commit({"chapter_engagement": changes("chapter_engagement", *rows)}, facts())
    rows = [
        chapter("a", "1", 8, revision=2),
        chapter(None, "1", 0, revision=2, is_deleted=True),
        chapter("b", "9", 1),
    ]
    stream.commit({"chapter_engagement": changes("chapter_engagement", *rows)}, facts(2))
    assert _chapters(tmp_path) == {("a", "1"): 8, ("a", "2"): 6, ("b", "9"): 1}


def test_null_in_a_key_is_a_value(tmp_path: Path) -> None:
    stream = commits(tmp_path)
    for visits in (1, 2):
        row = chapter(None, "1", visits)
        stream.commit({"chapter_engagement": changes("chapter_engagement", row)}, facts())
    assert _chapters(tmp_path) == {(None, "1"): 2}


def test_largest_revision_of_a_bundle_wins(tmp_path: Path) -> None:
    rows = [chapter("a", "1", n, revision=n) for n in (2, 3, 1)]
    gone = [chapter("b", "1", 1), chapter("b", "1", 1, revision=2, is_deleted=True)]
    frame = changes("chapter_engagement", *rows, *gone)
    commits(tmp_path).commit({"chapter_engagement": frame}, facts())
    assert _chapters(tmp_path) == {("a", "1"): 3}


def test_row_that_moves_to_another_date_leaves_the_old_one(tmp_path: Path) -> None:
    stream, table = commits(tmp_path), "video_views"
    row = {"session_id": "s", "video_id": "v", "student_hash": "x"}
    stream.commit({table: changes(table, row | {"view_date": NEXT_DAY})}, facts())
    moved = changes(
        table,
        row | {"view_date": NEXT_DAY, "is_deleted": True, "revision": 2},
        row | {"view_date": DAY, "revision": 2},
    )
    stream.commit({table: moved}, facts())
    assert [row["view_date"] for row in seen(tmp_path, "silver.video_views")] == [DAY]


def test_first_dead_letter_of_an_id_stays_whatever_its_date(tmp_path: Path) -> None:
    stream = commits(tmp_path)
    for date, reason in ((DAY, "first"), (NEXT_DAY, "second")):
        row = {"dead_letter_id": "x", "failed_date": date, "reason": reason}
        other = row | {"dead_letter_id": reason}
        stream.commit({"dead_letters": changes("dead_letters", row, other)}, facts())
    found = {row["dead_letter_id"]: row["reason"] for row in seen(tmp_path, "ops.dead_letters")}
    assert found == {"x": "first", "first": "first", "second": "second"}


def test_same_bundle_again_changes_nothing(tmp_path: Path) -> None:
    run = stream_run()
    bundle = {
        "events": changes("events", event("a"), event("b", 1)),
        "chapter_engagement": changes("chapter_engagement", chapter("a", "1", 5)),
        "dead_letters": changes("dead_letters", {"dead_letter_id": "x", "failed_date": DAY}),
    }
    names = [tables.get(name).full_name for name in (*bundle, "dim_dates")]
    commits(tmp_path, run).commit(bundle, facts())
    before = {name: seen(tmp_path, name) for name in names}
    commits(tmp_path, run).commit(bundle, facts())
    assert {name: seen(tmp_path, name) for name in names} == before


_CHANGE = st.tuples(
    st.sampled_from([None, "a", "b"]), st.sampled_from(["1", "2"]), st.integers(0, 1),
    st.booleans(), st.integers(0, 99),
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(bundles=st.lists(st.lists(_CHANGE, min_size=1, max_size=6), max_size=6), data=st.data())
def test_any_bundles_with_repeats_give_what_a_dictionary_gives(
    tmp_path_factory: pytest.TempPathFactory, bundles: list, data: st.DataObject
) -> None:
    warehouse, model, revision = tmp_path_factory.mktemp("w"), {}, 0
    table, lake = tables.get("chapter_engagement"), Lake(str(warehouse))
    lake.create_tables()
    keys = FoundKeys(str(warehouse))
    for bundle in bundles:
        rows = []
        for course, chapter_id, day, is_deleted, visits in bundle:
            revision += 1
            date = DAY + datetime.timedelta(days=day)
            place = (date, course, chapter_id)
            row = chapter(course, chapter_id, visits, date=date, revision=revision)
            rows.append(row | {"is_deleted": is_deleted})
            model.pop(place, None)
            model |= {} if is_deleted else {place: visits}
        shuffled = changes(table.name, *data.draw(st.permutations(rows)))
        for _ in range(data.draw(st.integers(1, 2))):
            upsert(lake.open(table.name), str(warehouse), table, shuffled, keys, "run")
    stored = lake.read(table.name).select("date", "course_id", "chapter_id", "visits_count")
    assert sorted(map(str, stored.rows())) == sorted(str((*k, v)) for k, v in model.items())


@pytest.mark.parametrize("runner", [BundleBasedDirectRunner, FnApiRunner])
def test_pipeline_keeps_tables_and_the_row_of_its_run(tmp_path: Path, runner: Callable) -> None:
    run = stream_run()
    commits(tmp_path, run)
    counts = {"records_read": 3, "events": 2, "dead_letters": 1, "dead_letters/not_json": 1}
    watermark_ms = int(datetime.datetime(2026, 3, 9, tzinfo=datetime.UTC).timestamp() * 1000)
    elements = [
        ("events", changes("events", event("a"))),
        (RUN_COUNTS, pl.DataFrame([counts | {"watermark_ms": watermark_ms}])),
        (RUN_COUNTS, pl.DataFrame([{"records_read": 1, "events": 1, "watermark_ms": 0}])),
        ("events", changes("events", event("b", 1))),
    ]
    with beam.Pipeline(runner=runner()) as pipeline:
        keep = KeepTables(str(tmp_path), run, DeriveOptions(), RETENTION.owned_from)
        _ = pipeline | beam.Create(elements) | keep
    assert event_ids(tmp_path) == ["a", "b"]
    (row,) = seen(tmp_path, "ops.pipeline_runs")
    assert (row["status"], row["mode"], row["records_read"]) == ("running", "streaming", 3)
    assert row["dead_letters_by_reason"] == '{"not_json": 1}'
    assert row["owned_from_date"] == datetime.date(2026, 3, 6)


def test_round_without_counts_keeps_those_before(tmp_path: Path) -> None:
    run = stream_run()
    commits(tmp_path, run).commit({}, facts(7))
    row = commits(tmp_path, run).commit({"events": changes("events", event("a"))}, None)
    assert (row["records_read"], row["events"]) == (7, 7)
    stream = commits(tmp_path, run)
    stream.commit({}, facts(7))
    assert stream.commit({"events": changes("events", event("a"))}, None)["records_read"] == 7


def test_last_of_the_counts_of_as_many_records_holds() -> None:
    told = [(RUN_COUNTS, pl.DataFrame({"records_read": [9], "events": [n]})) for n in (4, 9, 8)]
    found = facts_of([*told, (RUN_COUNTS, pl.DataFrame({"records_read": [8], "events": [1]}))])
    assert found is not None
    assert (found.counts["records_read"], found.counts["events"]) == (9, 8)


def test_calendar_courses_and_questions_follow(tmp_path: Path) -> None:
    catalogue = build_catalogue([{"course_id": "a", "chapter_id": "1", "chapter_order": "1"}])
    questions = build_questions([{"quiz_id": "z", "question_id": "1", "pass_mark": "0.5"}])
    known = DeriveOptions(catalogue=catalogue, questions=questions)
    stream = commits(tmp_path, known=known)
    stream.commit({"events": changes("events", event("a"))}, facts())
    assert [row["course_id"] for row in seen(tmp_path, "gold.dim_courses")] == ["a"]
    (question,) = seen(tmp_path, "gold.dim_questions")
    assert (question["quiz_id"], question["pass_mark"]) == ("z", 0.5)
    later = DAY + datetime.timedelta(days=2)
    stream.commit({"events": changes("events", event("b", date=later))}, facts())
    dates = sorted(row["date"] for row in seen(tmp_path, "gold.dim_dates"))
    assert dates == [DAY, NEXT_DAY, later]
    gone = event("b", date=later, is_deleted=True, revision=2)
    stream.commit({"events": changes("events", gone)}, facts())
    assert [row["date"] for row in seen(tmp_path, "gold.dim_dates")] == [DAY]


def test_small_files_are_put_together_as_rows_come(tmp_path: Path) -> None:
    stream = commits(tmp_path)
    for n in range(20):
        stream.commit({"events": changes("events", event(f"e{n:02}", n))}, facts(n))
    assert len(_event_files(tmp_path)) <= upsert_rows.FOLDED_FILES
    assert len(event_ids(tmp_path)) == 20


def test_larger_files_are_put_together_once_their_rows_have_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upsert_rows, "SMALL_ROWS", (1, 25))
    stream = commits(tmp_path)
    for n in range(20):
        stream.commit({"events": changes("events", event(f"e{n:02}", n))}, facts(n))
    assert len(_event_files(tmp_path)) == 20
    monkeypatch.setattr(upsert_rows, "REVISED_SECONDS", -1.0)
    stream.commit({"events": changes("events", event("last", 21))}, facts(21))
    assert len(_event_files(tmp_path)) == 1
    assert len(event_ids(tmp_path)) == 21


def _event_files(folder: Path) -> list[DataFile]:
    return files_of(Lake(str(folder)).open("events"), tables.get("events"))


def test_large_file_is_cut_into_ones_that_are_cheap_to_rewrite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upsert_rows, "FILE_ROWS", 10)
    monkeypatch.setattr(upsert_rows, "SMALL_ROWS", (2, 5, 8))
    stream = commits(tmp_path)
    rows = [event(f"e{n:02}", 40 - n) for n in range(40)]
    stream.commit({"events": changes("events", *rows)}, facts())
    before = set(Lake(str(tmp_path)).open("events").file_uris())
    assert len(before) == 4
    stream.commit({"events": changes("events", event("e00", 40, page="/x"))}, facts())
    assert len(before - set(Lake(str(tmp_path)).open("events").file_uris())) == 1
    assert len(event_ids(tmp_path)) == 40


def test_tended_tables_are_readable_and_their_logs_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tend_tables, "EVERY_COMMITS", 5)
    monkeypatch.setattr(tend_tables, "RETENTION_HOURS", 0)
    monkeypatch.setattr(commit_stream, "REOPENED_ROUNDS", 3)
    stream, log = commits(tmp_path), tmp_path / "silver" / "events" / "_delta_log"
    for n in range(14):
        stream.commit({"events": changes("events", event("e", revision=n, page=str(n)))}, facts(n))
        assert [row["page"] for row in seen(tmp_path, "silver.events")] == [str(n)]
    assert list(log.glob("*.checkpoint.parquet"))
    assert len(list((tmp_path / "silver" / "events").rglob("part-*.parquet"))) < 6


def test_warehouse_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    stream = commits(tmp_path)
    folder = tmp_path / "silver" / "events" / f"event_date={DAY}"
    folder.write_bytes(b"in the way")
    with pytest.raises(commit_stream.UnwritableLakeError, match="cannot write to"):
        stream.commit({"events": changes("events", event("a"))}, facts())


def test_maintenance_beside_a_stream_hides_and_loses_nothing(tmp_path: Path) -> None:
    stream = commits(tmp_path)
    for n in range(6):
        stream.commit({"events": changes("events", event(f"e{n}", n))}, facts(n))
        maintain(str(tmp_path), 168)
        assert len(event_ids(tmp_path)) == n + 1


def test_files_that_somebody_swapped_meanwhile_are_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = commits(tmp_path)
    for n in range(3):
        stream.commit({"events": changes("events", event(f"e{n}", n))}, facts(n))
    real, left = upsert_rows._upsert_once, [None]

    def after_others(delta: DeltaTable, *arguments: Any) -> bool:
        if delta.metadata().name == "events" and left:
            left.pop()
            DeltaTable(delta.table_uri).optimize.compact()
        return real(delta, *arguments)

    monkeypatch.setattr(upsert_rows, "_upsert_once", after_others)
    stream.commit({"events": changes("events", event("e0", page="/x"), event("e9", 9))}, facts(9))
    assert event_ids(tmp_path) == ["e0", "e1", "e2", "e9"]


_DIES = """
import sys
from pathlib import Path
from pipelines.outputs import commit_stream
from tests.pipelines import stream_lake as made
keep = commit_stream.StreamCommits._keep
def slow(self, name, frame, whole):
    done = keep(self, name, frame, whole)
    if name == "events":
        print("half", flush=True)
        sys.stdin.read()
    return done
stream = made.commits(Path(sys.argv[1]), made.stream_run(sys.argv[2]))
first = {"events": made.changes("events", made.event("a"))}
stream.commit(first, made.facts())
commit_stream.StreamCommits._keep = slow
commit_stream._THREADS = 1
second = {
    "events": made.changes("events", made.event("b", 1)),
    "sessions": made.changes("sessions", {"session_id": "x", "session_date": made.DAY}),
}
stream.commit(second, made.facts(2))
"""


def _killed_half_way(warehouse: Path, run_id: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _DIES, str(warehouse), run_id],
        cwd=ROOT, start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    end = time.monotonic() + 60
    while process.stdout.readline() != b"half\n":
        assert time.monotonic() < end
        assert process.poll() is None
    assert kill(process) == -signal.SIGKILL


def test_killed_between_two_tables_it_shows_nothing_of_the_round(tmp_path: Path) -> None:
    _killed_half_way(tmp_path, "20260301T080000-00000001")
    assert Lake(str(tmp_path)).read("events").height == 2
    assert event_ids(tmp_path) == ["a"]


@pytest.mark.parametrize("run_id", ["20260301T080000-00000001", "20260301T080000-00000002"])
def test_next_process_takes_back_what_a_killed_one_left(tmp_path: Path, run_id: str) -> None:
    _killed_half_way(tmp_path, "20260301T080000-00000001")
    stream = commits(tmp_path, stream_run(run_id))
    visit = {"visit_id": "v", "visit_date": DAY}
    stream.commit({"chapter_visits": changes("chapter_visits", visit)}, facts())
    assert event_ids(tmp_path) == ["a"]
    stream.commit({"events": changes("events", event("b", 1))}, facts(2))
    assert event_ids(tmp_path) == ["a", "b"]
    delta = DeltaTable(str(tmp_path / "silver" / "events"))
    assert open_snapshot(tmp_path).version("silver.events") == delta.version()
