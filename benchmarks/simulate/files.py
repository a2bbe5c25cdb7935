"""How does the simulated school lie on disk?"""

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.simulate.school import School

COLUMNS = {
    "catalog": (
        "course_id", "course_title", "chapter_id", "chapter_title", "chapter_order",
        "subject_id", "class_id", "expected_minutes", "has_quiz", "lesson_ids",
    ),
    "questions": ("quiz_id", "question_id", "correct_option", "pass_mark", "skill_id"),
    "consent": ("student_id", "has_consent"),
}  # fmt: skip


def write_school(school: School, out: Path, *, is_gzip: bool = True) -> None:
    """Events by topic and date, the catalogues, the consent and the truth, below `out`."""
    parts: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for arrival in school.arrivals:
        parts[arrival.topic, arrival.date].append(arrival.body)
    for (topic, date), lines in sorted(parts.items()):
        _write_part(out / "events" / "raw" / topic / f"date={date}", lines, is_gzip)
    truth = dict(school.truth)
    for number in range(school.options.unreadable_files):
        _write_broken(out, school.options.start_date.isoformat(), number)
        truth["bad"] = truth["bad"] | {"unreadable_source": number + 1}
    for name, rows in (("catalog", school.catalog), ("questions", school.questions)):
        _write_csv(out, name, rows)
    _write_csv(out, "consent", school.consent)
    (out / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")


def _write_part(folder: Path, lines: list[bytes], is_gzip: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = b"\n".join(lines) + b"\n"
    if is_gzip:
        # Without a time in the header the same events are the same file.
        (folder / "part-0000.jsonl.gz").write_bytes(gzip.compress(content, 6, mtime=0))
    else:
        (folder / "part-0000.jsonl").write_bytes(content)


def _write_broken(out: Path, date: str, number: int) -> None:
    """A file of gzip that ends before its first record does."""
    folder = out / "events" / "raw" / "clickstream" / f"date={date}"
    folder.mkdir(parents=True, exist_ok=True)
    head = gzip.compress(b'{"event_id":"cut"}\n' * 50, 6, mtime=0)[:14]
    (folder / f"broken-{number:04d}.jsonl.gz").write_bytes(head)


def _write_csv(out: Path, name: str, rows: list[dict[str, Any]]) -> None:
    with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS[name], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
