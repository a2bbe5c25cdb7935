"""Does the hand-written DuckDB opponent make the same rows as the slow, independent reference?"""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from benchmarks.agreement import KEYS, differences, hash_students, normalise, read_rival
from benchmarks.generate_events import main as generate
from benchmarks.reference import Record, compute

RIVAL = Path(__file__).parents[2] / "benchmarks" / "rivals" / "duckdb_tables.py"
GAPS_MS = (0, 1, 5_000, 299_999, 300_001, 1_200_000, 1_800_000, 1_800_001)
TYPES = (
    "page_view", "scroll", "click", "lesson_complete", "course_complete", "course_enroll",
    "video_play", "video_pause", "video_seek", "video_stop", "video_progress", "video_complete",
    "quiz_start", "quiz_answer", "quiz_submit", "idle", "login", "forum_view",
    "assignment_submit", "chapter_view",
)  # fmt: skip


def _generated(path: Path) -> None:
    generate(["--events=3000", f"--out={path}"])


def _awkward(path: Path) -> None:
    """Ties, exact gaps, sessions over 24 h, chapterless events, videos without order."""
    rng = Random(5)
    events = [event for student in range(8) for event in _student(rng, student)]
    lines = [json.dumps(event) for event in rng.sample(events, len(events))]
    path.write_text("\n".join([*lines, *rng.sample(lines, 50)]) + "\n")


def _student(rng: Random, student: int) -> list[dict]:
    now = datetime(2025, 9, 1, rng.randrange(24), tzinfo=UTC)
    events = []
    for number in range(250):
        gaps = GAPS_MS if student % 2 else (1_200_000, 1_700_000, 1_000)
        now += timedelta(milliseconds=rng.choice(gaps))
        event = {
            "event_id": f"e{student}-{rng.randrange(10**6)}-{number}",
            "student_id": f"stu_{student}",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event_type": rng.choice(TYPES),
        }
        events.append(event | _details(rng, event["event_type"]))
    return events


def _details(rng: Random, event_type: str) -> dict:
    details: dict = {"metadata": _measures(rng, event_type)}
    if rng.random() < 0.6:
        details |= {"course_id": rng.choice("ab"), "chapter_id": rng.choice("xy")}
    if rng.random() < 0.8:
        details["device"] = rng.choice(("web", "iphone", "ipad", "fridge"))
    if rng.random() < 0.3:
        details["page_url"] = rng.choice(("/a?x=1", "/a#b", "/b"))
    return details


def _measures(rng: Random, event_type: str) -> dict:
    choices: dict = {
        "scroll_depth": (0, 10, 49.9, 50, 80, 90, 100),
        "time_spent": (0, 1.5, 20, 300, 900, 12.3456),
        "duration": (30.5,),
        "completed": (True, False),
    }
    if event_type == "video_seek":
        choices |= {"from": range(100), "to": range(100)}
    elif event_type.startswith("video_"):
        choices |= {"video_duration": (0, 80, 100), "playback_rate": (0, 1, 1.5, 2)}
    elif event_type.startswith("quiz_"):
        choices |= {"correct": (True, False), "score": (0, 0.5, 1), "selected_option": "AB"}
    measures = {name: rng.choice(few) for name, few in choices.items() if rng.random() < 0.4}
    if event_type.startswith("video_"):
        measures |= {"video_id": rng.choice("vw")}
        measures |= {"current_time": rng.choice((0, 5.001, 10, 20.5, 60, 90))}
    return measures | ({"quiz_id": rng.choice("QR")} if event_type.startswith("quiz_") else {})


@pytest.fixture(scope="module", params=[_generated, _awkward])
def answers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, list[dict]], Path]:
    """Rows of the reference, and the folder that DuckDB wrote."""
    folder = tmp_path_factory.mktemp("rival")
    path, out = folder / "events.jsonl", folder / "tables"
    request.param(path)
    command = [sys.executable, RIVAL, f"--input={path}", f"--out={out}"]
    subprocess.run(command, check=True, capture_output=True)
    records = [Record(line) for line in path.read_bytes().splitlines()]
    return compute(records, {"key": "k"}), out


@pytest.mark.parametrize("table", KEYS)
def test_duckdb_makes_the_rows_of_the_reference(
    answers: tuple[dict[str, list[dict]], Path], table: str
) -> None:
    expected, out = answers
    rows = read_rival(out, table)
    if "student" in rows.columns:
        hashes = hash_students(rows["student"].unique().to_list(), "k")
        rows = rows.with_columns(pl.col("student").replace_strict(hashes))
    reference = normalise(pl.DataFrame(expected[table], infer_schema_length=None), table)
    assert len(reference) > 0
    assert differences(reference, rows, table) == []
