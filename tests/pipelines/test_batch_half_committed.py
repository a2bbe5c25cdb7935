"""What if a run died between two commits, and the next run is one of other dates?"""

import datetime
import os
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.outputs.lake import Lake
from tests.pipelines import term
from tests.pipelines.whole_runs import completed, contents, page_view, read, run, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")


class DiedError(Exception):
    """Stands for the death of the process."""


def _run_and_die(
    patch: pytest.MonkeyPatch, commits: int, warehouse: Path, source: Path, **options: Any
) -> None:
    """A run that dies before its commit number `commits` + 1."""
    real, left = Lake.replace_dates, iter(range(commits))

    def replace_dates(self: Lake, *arguments: object) -> None:
        if next(left, None) is None:
            raise DiedError
        real(self, *arguments)

    with patch.context() as patched:
        patched.setattr(Lake, "replace_dates", replace_dates)
        assert run(warehouse, source, workers=1, **options) == 1


@pytest.mark.parametrize("commits", [1, 8, 16])
def test_run_of_another_date_does_not_show_half_of_a_run_that_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    first, second = term.DATES[1], term.DATES[6]
    source = term.lessons_only(tmp_path / "in")
    completed(tmp_path / "w", source)
    before = contents(tmp_path / "w")
    changed = term.lessons_only(tmp_path / "changed", without=first)
    dates = {"start_date": first, "end_date": first}
    _run_and_die(monkeypatch, commits, tmp_path / "w", changed, **dates)
    assert contents(tmp_path / "w") == before
    completed(tmp_path / "w", source, start_date=second, end_date=second)
    assert contents(tmp_path / "w") == before


def test_first_run_that_died_leaves_nothing_for_the_next_to_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, date = term.lessons_only(tmp_path / "in"), term.DATES[2]
    _run_and_die(monkeypatch, 10, tmp_path / "w", source)
    completed(tmp_path / "w", source, start_date=date, end_date=date)
    assert {row["event_date"] for row in read(tmp_path / "w", "silver.events")} == {date}
    assert {row["session_date"] for row in read(tmp_path / "w", "silver.sessions")} == {date}


def test_dead_letters_of_a_run_that_died_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_lines(tmp_path / "a.jsonl", [page_view(), b"{", b"[]"])
    with monkeypatch.context() as patched:
        patched.setattr(Lake, "append", lambda *_: (_ for _ in ()).throw(DiedError()))
        assert run(tmp_path / "w", source) == 1
    assert completed(tmp_path / "w", source)["dead_letters"] == 2
    assert len(read(tmp_path / "w", "ops.dead_letters")) == 2


def test_staging_of_a_run_that_died_is_removed_a_day_later(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [page_view()])
    staging = tmp_path / "w" / "_staging"
    dead, fresh = staging / "20250101T000000-0123abcd", staging / "20250102T000000-0123abcd"
    other = staging / "mine"
    for folder in (dead, fresh, other):
        (folder / "events").mkdir(parents=True)
        (folder / "events" / "x.arrow").write_bytes(b"x")
    long_ago = time.time() - datetime.timedelta(days=2).total_seconds()
    for path in (*dead.rglob("*"), dead, *other.rglob("*"), other):
        os.utime(path, (long_ago, long_ago))
    completed(tmp_path / "w", source)
    assert sorted(path.name for path in staging.iterdir()) == [fresh.name, other.name]
