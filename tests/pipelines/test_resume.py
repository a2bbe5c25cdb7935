"""Does a stream go on only from a checkpoint that it can go on from?"""

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest

from pipelines.options.checkpoint_flags import checkpoint_flags
from pipelines.options.checkpoint_options import mark_options
from pipelines.options.flags import UsageError
from pipelines.options.stream_options import StreamOptions, parse_stream_options
from pipelines.outputs.describe_run import Run
from pipelines.outputs.lake import Lake
from pipelines.outputs.register_stream import end_stream, register_stream
from pipelines.resume import locked_state, resume_run
from tests.pipelines.stream_lake import DAY, seen

KEY = b"key"
ON_CLUSTER = ("--runner=FlinkRunner", "--streaming", *checkpoint_flags(5000))


def _resume(options: StreamOptions, contents: str = "files", key: bytes = KEY) -> Run:
    lake = Lake(options.warehouse)
    return resume_run(options, "inbox", mark_options(options, contents, key), lake)


def _options(folder: Path, *more: str) -> StreamOptions:
    return parse_stream_options(
        [f"--warehouse={folder}/warehouse", f"--inbox={folder}/inbox", *more]
    )


def _checkpoint(options: StreamOptions, job: str = "job", number: int = 3) -> Path:
    made = Path(options.state) / "checkpoints" / job / f"chk-{number}"
    made.mkdir(parents=True)
    (made / "_metadata").touch()
    return made


def test_a_first_start_is_a_new_run(tmp_path: Path) -> None:
    one = _resume(_options(tmp_path))
    other = _resume(_options(tmp_path))
    assert one.run_id != other.run_id, "nothing was kept of the first: there is no checkpoint"
    assert one.mode == "streaming"


def test_a_start_with_a_checkpoint_is_the_same_run(tmp_path: Path) -> None:
    first = _resume(_options(tmp_path))
    _checkpoint(_options(tmp_path))
    again = _resume(_options(tmp_path))
    assert (again.run_id, again.started_at) == (first.run_id, first.started_at)


@pytest.mark.parametrize(
    "flag",
    [
        "--allowed_lateness_seconds=10",
        "--skim_seconds=5",
        "--raw_zone=elsewhere",
        "--live_store=redis://:secret@localhost",
        "--max_out_of_orderness_seconds=1",
        "--catalog=other.csv",
    ],
)
def test_other_options_than_those_of_the_checkpoint_are_refused(tmp_path: Path, flag: str) -> None:
    _resume(_options(tmp_path))
    _checkpoint(_options(tmp_path))
    name = flag.removeprefix("--").partition("=")[0]
    with pytest.raises(UsageError, match=f"another {name}: start with the same"):
        _resume(_options(tmp_path, flag))


def test_other_contents_of_the_catalogue_are_refused(tmp_path: Path) -> None:
    _resume(_options(tmp_path))
    _checkpoint(_options(tmp_path))
    with pytest.raises(UsageError, match="contents of the files named"):
        _resume(_options(tmp_path), "other files")


def test_another_key_of_the_pseudonyms_is_refused(tmp_path: Path) -> None:
    _resume(_options(tmp_path))
    _checkpoint(_options(tmp_path))
    with pytest.raises(UsageError, match="another pseudonym key: start with the same"):
        _resume(_options(tmp_path), key=b"other")


def test_how_it_runs_may_change(tmp_path: Path) -> None:
    first = _resume(_options(tmp_path))
    _checkpoint(_options(tmp_path))
    flags = ("--publish_seconds=9", "--metrics_port=9999", "--log_format=json", "--flink_heap=1g")
    assert _resume(_options(tmp_path, *flags)).run_id == first.run_id


def test_from_scratch_forgets_the_checkpoint(tmp_path: Path) -> None:
    first = _resume(_options(tmp_path))
    made = _checkpoint(_options(tmp_path))
    flags = ("--from_scratch", "--allowed_lateness_seconds=10")
    assert _resume(_options(tmp_path, *flags)).run_id != first.run_id
    assert not made.exists()


def test_only_the_job_of_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    _resume(_options(tmp_path))
    old, new = _checkpoint(_options(tmp_path), "old"), _checkpoint(_options(tmp_path), "new")
    _resume(_options(tmp_path))
    assert new.exists()
    assert not old.exists()


def test_no_secret_is_written_down(tmp_path: Path) -> None:
    flags = ("--live_store=redis://:hush@localhost", "--kafka_options=sasl.password=hush")
    options = _options(tmp_path, *flags)
    _resume(options)
    told = (Path(options.state) / "run.json").read_text()
    assert json.loads(told)["marks"]["inbox"]
    assert "hush" not in told
    other = mark_options(options, "files", b"other")
    assert other["live_store"] != json.loads(told)["marks"]["live_store"], "it can be guessed"


def test_state_of_an_older_version_goes_on(tmp_path: Path) -> None:
    first = _resume(_options(tmp_path))
    _checkpoint(_options(tmp_path))
    file = Path(_options(tmp_path).state) / "run.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({name: known[name] for name in ("run_id", "started_at")}))
    assert _resume(_options(tmp_path)).run_id == first.run_id
    with pytest.raises(UsageError, match="another skim_seconds"):
        _resume(_options(tmp_path, "--skim_seconds=5"))


def test_two_streams_do_not_share_their_state(tmp_path: Path) -> None:
    options = _options(tmp_path)
    refused = pytest.raises(UsageError, match="another stream runs")
    with locked_state(options), refused, locked_state(options):
        pass
    with locked_state(options):
        pass


def _submit(folder: Path, *more: str) -> Run:
    """A submission to a cluster, registered as its program does it."""
    options = _options(folder, *ON_CLUSTER, *more)
    run = _resume(options)
    register_stream(Lake(options.warehouse), run, DAY)
    return run


def _savepoint(folder: Path, name: str = "savepoint-1", taken_ns: int | None = None) -> str:
    """The flag that names a savepoint, taken now unless said."""
    metadata = folder / name / "_metadata"
    metadata.parent.mkdir(exist_ok=True)
    metadata.touch()
    if taken_ns is not None:
        os.utime(metadata, ns=(taken_ns, taken_ns))
    return f"--savepoint_path={metadata.parent.as_uri()}"


def _statuses(folder: Path) -> dict[str, str]:
    rows = seen(folder / "warehouse", "ops.pipeline_runs")
    return {row["run_id"]: row["status"] for row in rows}


def test_a_submission_with_a_savepoint_is_the_same_run(tmp_path: Path) -> None:
    first = _submit(tmp_path)
    for _ in range(2):
        again = _submit(tmp_path, _savepoint(tmp_path), "--publish_seconds=9")
        assert (again.run_id, again.started_at) == (first.run_id, first.started_at)
    assert _statuses(tmp_path) == {first.run_id: "running"}


def test_the_flag_of_the_savepoint_may_be_two_words(tmp_path: Path) -> None:
    first = _submit(tmp_path)
    name, _, path = _savepoint(tmp_path).partition("=")
    assert _submit(tmp_path, name, path).run_id == first.run_id


def test_a_submission_without_a_savepoint_takes_the_place_of_the_run_before(tmp_path: Path) -> None:
    first, second = _submit(tmp_path), _submit(tmp_path)
    assert _statuses(tmp_path) == {first.run_id: "failed", second.run_id: "running"}


def test_an_older_savepoint_goes_on_as_the_run_that_it_is_of(tmp_path: Path) -> None:
    first = _submit(tmp_path)
    savepoint = _savepoint(tmp_path)
    second = _submit(tmp_path)
    assert _submit(tmp_path, savepoint).run_id == first.run_id
    assert _statuses(tmp_path) == {first.run_id: "running", second.run_id: "failed"}


def test_a_savepoint_out_of_reach_is_of_the_newest_run(tmp_path: Path) -> None:
    _submit(tmp_path)
    second = _submit(tmp_path)
    assert _submit(tmp_path, "--savepoint_path=s3://bucket/savepoint-1").run_id == second.run_id


@pytest.mark.parametrize("name", ["skim_seconds", "allowed_lateness_seconds", "raw_zone", "inbox"])
def test_other_options_than_those_of_the_savepoint_are_refused(tmp_path: Path, name: str) -> None:
    first = _submit(tmp_path)
    refused = f"of the run {first.run_id} was made with another {name}: .* leave out --savepoint"
    with pytest.raises(UsageError, match=refused):
        _submit(tmp_path, _savepoint(tmp_path), f"--{name}=5")
    assert _statuses(tmp_path) == {first.run_id: "running"}


def test_a_savepoint_of_another_source_is_refused(tmp_path: Path) -> None:
    _submit(tmp_path)
    options = _options(tmp_path, *ON_CLUSTER, _savepoint(tmp_path), f"--inbox={tmp_path}/other")
    marks = mark_options(options, "files", KEY)
    with pytest.raises(UsageError, match="another inbox"):
        resume_run(options, "another inbox", marks, Lake(options.warehouse))


def test_a_savepoint_that_no_stream_of_the_warehouse_can_be_of_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no stream that file:.*savepoint-1 could be of"):
        _submit(tmp_path, _savepoint(tmp_path))
    _submit(tmp_path)
    with pytest.raises(UsageError, match=r"no stream that file:.*savepoint-1 could be of"):
        _submit(tmp_path, _savepoint(tmp_path, taken_ns=10**18))


def test_a_run_that_was_ended_for_good_does_not_go_on(tmp_path: Path) -> None:
    first = _submit(tmp_path)
    end_stream(Lake(f"{tmp_path}/warehouse"), first.run_id, "completed")
    with pytest.raises(UsageError, match="was ended for good"):
        _submit(tmp_path, _savepoint(tmp_path))
    assert _submit(tmp_path).run_id != first.run_id


def test_a_run_that_an_older_version_registered_goes_on_uncompared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = _options(tmp_path, *ON_CLUSTER)
    first = dataclasses.replace(_resume(options), checkpoint_options=None)
    register_stream(Lake(options.warehouse), first, DAY)
    assert _submit(tmp_path, _savepoint(tmp_path), "--skim_seconds=5").run_id == first.run_id
    assert "its options are not compared" in caplog.text
    with pytest.raises(UsageError, match="another skim_seconds"):
        _submit(tmp_path, _savepoint(tmp_path))


def test_a_savepoint_from_scratch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--from_scratch or --savepoint_path, not both"):
        _submit(tmp_path, _savepoint(tmp_path), "--from_scratch")


def test_no_option_can_be_read_from_the_table_of_runs(tmp_path: Path) -> None:
    _submit(tmp_path, "--live_store=redis://:hush@localhost")
    (row,) = seen(tmp_path / "warehouse", "ops.pipeline_runs")
    marks = json.loads(row["checkpoint_options"])
    assert marks.keys() > {"live_store", "kafka_options", "allowed_lateness_seconds"}
    assert all(re.fullmatch("[0-9a-f]{16}", mark) for mark in marks.values())
