"""Can the input be named as a file, a folder, globs or several of them?"""

from pathlib import Path

import pytest

from tests.pipelines.whole_runs import completed, page_view, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six events in three files of two topics."""
    for n, name in enumerate(("quiz/date=2025-11-16/a", "quiz/date=2025-11-17/b", "video/c")):
        lines = [page_view(2 * n), page_view(2 * n + 1)]
        write_lines(tmp_path / "raw" / f"{name}.jsonl", lines)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "events"),
    [
        (["raw"], 6),
        (["raw/"], 6),
        (["raw/video/c.jsonl"], 2),
        (["raw/quiz/*/*.jsonl"], 4),
        (["raw/**/*.jsonl"], 6),
        (["raw/quiz", "raw/video"], 6),
        (["raw/quiz/*/a.jsonl", "raw/*/c.*"], 4),
        (["raw", "raw/video/c.jsonl", "raw/**/c.jsonl"], 6),
        (["raw/quiz/date=2025-11-1[67]"], 4),
    ],
)
def test_input_may_be_files_folders_and_globs(
    folder: Path, patterns: list[str], events: int
) -> None:
    row = completed(folder / "w", *(f"{folder}/{pattern}" for pattern in patterns))
    assert (row["records_read"], row["events"]) == (events, events)


def test_blanks_after_commas_and_paths_of_the_working_folder_are_fine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert completed("w", "raw/quiz, raw/video ,")["events"] == 6
