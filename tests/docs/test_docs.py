"""Is what the documents say true? Their commands, queries, links and options are tried."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import describe_lineage, describe_options, describe_queries
from pipelines.query import run_query
from pipelines.readers.snapshot import open_snapshot
from schemas import generate, tables
from tests.docs.read_docs import ROOT, Block, anchors, blocks, documents, links, options_named
from tests.needs import need

WITH_COMMANDS = (
    *("README.md", "docs/tutorial.md", "docs/runbook.md", "docs/privacy.md"),
    *("docs/streaming.md", "docs/range-tables.md"),
)
FOREIGN_OPTIONS = {
    *("runner", "direct_running_mode", "direct_num_workers", "streaming"),
    *("environment_type", "environment_config", "job_endpoint", "savepoint_path"),
    *("flink_master", "flink_job_server_jar", "parallelism", "max_parallelism"),
    *("checkpointing_interval", "max_bundle_time_mills", "finish_bundle_before_checkpointing"),
    *("externalized_checkpoints_enabled", "num_concurrent_checkpoints"),
    *("retain_externalized_checkpoints_on_cancellation", "checkpoint_timeout_millis"),
    *("flink_conf_dir", "container_executable", "id", "control_endpoint", "logging_endpoint"),
    *("only", "template_location", "help"),
    # Of git, docker and gcloud, in docs/templates.md.
    *("short", "config", "ignore", "substitutions", "rm", "entrypoint"),
    # Of gcloud and of `pipelines.demo`, in docs/cloud.md.
    *("all", "data", "days", "member", "message", "recursive", "region", "role", "wait"),
}
"""Options of other programs, of Beam and of `pipelines.services` that the documents name."""
RUN_ON_THE_DEMO = (*WITH_COMMANDS[:3], "docs/range-tables.md")
QUERIES = [b for name in WITH_COMMANDS for b in blocks(name) if b.language == "sql"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small `demo` in it, and `.venv` as the documents call it."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / ".venv").symlink_to(sys.prefix)
    _run(folder, sys.executable, "-m", "pipelines.demo", "--students=20", "--days=3")
    return folder


def _run(folder: Path, *command: str) -> str:
    """Standard output of a command that has to succeed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHAPTERFLOW_")}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _copy(demo: Path, folder: Path) -> Path:
    shutil.copytree(demo, folder, symlinks=True, dirs_exist_ok=True)
    return folder


def _run_block(folder: Path, block: Block) -> str:
    if block.language == "python":
        return _run(folder, sys.executable, "-c", block.text)
    need(shutil.which("bash"), "no bash on the PATH")
    return _run(folder, "bash", "-euc", block.text)


@pytest.mark.slow
@pytest.mark.parametrize("document", RUN_ON_THE_DEMO)
def test_commands_marked_to_run_work_in_their_order(
    document: str, demo: Path, tmp_path: Path
) -> None:
    folder = _copy(demo, tmp_path)
    marked = [block for block in blocks(document) if block.mark.startswith("run")]
    assert marked
    for block in marked:
        out = _run_block(folder, block)
        if block.mark.endswith("as shown"):
            assert out.endswith(block.shown), str(block)


@pytest.mark.slow
@pytest.mark.parametrize("block", QUERIES, ids=str)
def test_query_runs_and_has_the_columns_shown(block: Block, demo: Path) -> None:
    rows = run_query(open_snapshot(demo / "demo" / "warehouse"), block.text)
    if block.shown:
        assert rows.columns == block.shown.splitlines()[0].split()


@pytest.mark.slow
def test_restoring_brings_back_what_an_earlier_run_left(demo: Path, tmp_path: Path) -> None:
    folder = _copy(demo, tmp_path)
    before = open_snapshot(folder / "demo" / "warehouse")
    newest = before.polars("ops.pipeline_runs").sort("finished_at")["run_id"].item(-1)
    (folder / "none.yaml").write_text('- {field: student_id, regex: "."}\n')
    _run(
        folder, sys.executable, "-m", "pipelines.batch", "--input=demo/school/events/raw",
        "--warehouse=demo/warehouse", "--pseudonym_key_file=demo/pseudonym.key",
        "--exclusion_file=none.yaml", "--start_date=2025-09-01", "--end_date=2025-09-02",
    )  # fmt: skip
    kept = before.polars("silver.events").height
    assert open_snapshot(folder / "demo" / "warehouse").polars("silver.events").height < kept
    (script,) = [b.text for b in blocks("docs/runbook.md") if b.mark == "restore.py"]
    (folder / "restore.py").write_text(script)
    _run(folder, sys.executable, "restore.py", "demo/warehouse", newest)
    after = open_snapshot(folder / "demo" / "warehouse")
    for name in ("events", "chapter_engagement", "anomalies"):
        table = tables.get(name)
        rows, rows_before = (s.polars(table.full_name).sort(table.key) for s in (after, before))
        assert rows.equals(rows_before), name


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_into_the_project_lead_somewhere(path: Path) -> None:
    for file, anchor in links(path):
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), file
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{file}#{anchor}"


def test_options_are_described_as_they_are() -> None:
    assert describe_options.render() == describe_options.DOCUMENT.read_text("utf-8")


def test_every_option_of_the_batch_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    from pipelines.options.batch_options import parse_batch_options

    with pytest.raises(SystemExit):
        parse_batch_options(["--help"])
    usage = capsys.readouterr().out.partition("\n\n")[0]
    named = {word.strip("[-]") for word in usage.split() if word.lstrip("[").startswith("--")}
    assert named <= options_named(describe_options.DOCUMENT)


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_only_options_that_exist(path: Path) -> None:
    if path.is_relative_to(ROOT / "tests") or path.is_relative_to(ROOT / "benchmarks"):
        return
    known = options_named(describe_options.DOCUMENT) | FOREIGN_OPTIONS
    assert options_named(path) <= known


def test_check_of_the_options_tells_a_stale_document(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(describe_options, "DOCUMENT", tmp_path / "options.md")
    assert describe_options.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert describe_options.main([]) == 0
    assert describe_options.main(["--check"]) == 0


def test_lineage_is_described_as_it_is() -> None:
    assert describe_lineage.render() == describe_lineage.DOCUMENT.read_text("utf-8")


def test_questions_are_described_as_they_are() -> None:
    assert describe_queries.render() == describe_queries.DOCUMENT.read_text("utf-8")


def test_check_of_the_questions_tells_a_stale_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(describe_queries, "DOCUMENT", tmp_path / "queries.md")
    assert describe_queries.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert describe_queries.main([]) == 0
    assert describe_queries.main(["--check"]) == 0


def test_dictionary_is_up_to_date() -> None:
    assert str(generate.DICTIONARY) not in generate.differences(ROOT)


def test_decisions_are_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = {file for file, _ in links(folder / "README.md")}
    assert listed == {path.name for path in folder.glob("0*.md")}
