"""Does the demo print answers and draw its page?"""

from pathlib import Path

import pytest

from pipelines import demo
from pipelines.readers.queries import load_queries

TOO_LITTLE = {"away_students", "hardest_questions"}
"""In 3 days nobody is away for 7, and no question is answered often enough to be shown."""


@pytest.mark.slow
def test_demo_of_a_small_school_prints_answers_and_writes_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Set and removed, so that the key that the demo makes for itself does not stay behind.
    monkeypatch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", "gone")
    monkeypatch.delenv("CHAPTERFLOW_PSEUDONYM_KEY")
    folder = tmp_path / "demo"
    arguments = [f"--folder={folder}", "--students=15", "--days=3"]
    assert demo.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "A school of 15 students for 3 days" in shown
    assert "records read" in shown
    for query in load_queries().values():
        printed = shown.partition(query.question)[2].partition("\n\n")[0]
        assert ("(0 rows" in printed) == (query.name in TOO_LITTLE), query.name
    assert "<html" in (folder / "report.html").read_text()
    key = (folder / "pseudonym.key").read_text()
    assert key not in shown
    assert (folder / "pseudonym.key").stat().st_mode & 0o077 == 0
    assert demo.main(arguments) == 0
    assert (folder / "pseudonym.key").read_text() == key
