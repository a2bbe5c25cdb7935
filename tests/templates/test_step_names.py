"""Can a running job be updated? Only if its steps keep their names: a changed name is seen here."""

from pathlib import Path

import apache_beam as beam
import pytest

from pipelines import describe_steps
from pipelines.describe_steps import FOLDER, SOURCES, differences


@pytest.mark.parametrize("source", SOURCES)
def test_steps_have_the_names_that_running_jobs_know(source: str) -> None:
    found = differences(source)
    assert not found, "\n".join(found)


def test_every_stored_list_is_of_a_source() -> None:
    assert {file.stem for file in FOLDER.glob("*")} == set(SOURCES)


def test_all_sources_of_a_stream_have_the_same_steps() -> None:
    kafka, pubsub, inbox, files = (
        (FOLDER / f"{source}.txt").read_text() for source in ("kafka", "pubsub", "inbox", "files")
    )
    assert kafka == pubsub == inbox != files


def test_step_that_is_renamed_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(pipeline: beam.Pipeline, plan: object) -> None:
        _ = pipeline | "ListEverything" >> beam.Create([1])

    monkeypatch.setattr(describe_steps, "build_batch", build)
    said = differences("files")
    assert "- CommitRun/CommitTables" in said
    assert "+ ListEverything/Impulse" in said
    assert "python -m pipelines.describe_steps" in said[-1]
    assert "--transform-name-mappings" in said[-1]


def test_list_is_written_anew_on_purpose_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(describe_steps, "FOLDER", tmp_path)
    monkeypatch.setattr(describe_steps, "SOURCES", {"files": SOURCES["files"]})
    assert describe_steps.main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert "files.txt has other steps" in capsys.readouterr().err
    assert describe_steps.main([]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["files.txt"]
    assert (tmp_path / "files.txt").read_text() == (FOLDER / "files.txt").read_text()
