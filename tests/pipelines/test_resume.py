"""Does a stream go on only from a checkpoint that it can go on from?"""

import json
from pathlib import Path

import pytest

from pipelines.flags import UsageError
from pipelines.resume import locked_state, resume_run
from pipelines.stream_options import StreamOptions, parse_stream_options


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
    one = resume_run(_options(tmp_path), "inbox", "files")
    other = resume_run(_options(tmp_path), "inbox", "files")
    assert one.run_id != other.run_id, "nothing was kept of the first: there is no checkpoint"
    assert one.mode == "streaming"


def test_a_start_with_a_checkpoint_is_the_same_run(tmp_path: Path) -> None:
    first = resume_run(_options(tmp_path), "inbox", "files")
    _checkpoint(_options(tmp_path))
    again = resume_run(_options(tmp_path), "inbox", "files")
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
    resume_run(_options(tmp_path), "inbox", "files")
    _checkpoint(_options(tmp_path))
    name = flag.removeprefix("--").partition("=")[0]
    expected = "metrics" if name == "skim_seconds" else name
    with pytest.raises(UsageError, match=f"another {expected}: start with the same"):
        resume_run(_options(tmp_path, flag), "inbox", "files")


def test_other_contents_of_the_catalogue_are_refused(tmp_path: Path) -> None:
    resume_run(_options(tmp_path), "inbox", "files")
    _checkpoint(_options(tmp_path))
    with pytest.raises(UsageError, match="contents of the files named"):
        resume_run(_options(tmp_path), "inbox", "other files")


def test_how_it_runs_may_change(tmp_path: Path) -> None:
    first = resume_run(_options(tmp_path), "inbox", "files")
    _checkpoint(_options(tmp_path))
    flags = ("--publish_seconds=9", "--metrics_port=9999", "--log_format=json", "--flink_heap=1g")
    assert resume_run(_options(tmp_path, *flags), "inbox", "files").run_id == first.run_id


def test_from_scratch_forgets_the_checkpoint(tmp_path: Path) -> None:
    first = resume_run(_options(tmp_path), "inbox", "files")
    made = _checkpoint(_options(tmp_path))
    flags = ("--from_scratch", "--allowed_lateness_seconds=10")
    assert resume_run(_options(tmp_path, *flags), "inbox", "files").run_id != first.run_id
    assert not made.exists()


def test_only_the_job_of_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    resume_run(_options(tmp_path), "inbox", "files")
    old, new = _checkpoint(_options(tmp_path), "old"), _checkpoint(_options(tmp_path), "new")
    resume_run(_options(tmp_path), "inbox", "files")
    assert new.exists()
    assert not old.exists()


def test_no_secret_is_written_down(tmp_path: Path) -> None:
    flags = ("--live_store=redis://:hush@localhost", "--kafka_options=sasl.password=hush")
    options = _options(tmp_path, *flags)
    resume_run(options, "inbox", "files")
    told = (Path(options.state) / "run.json").read_text()
    assert json.loads(told)["facts"]["inbox"]
    assert "hush" not in told


def test_two_streams_do_not_share_their_state(tmp_path: Path) -> None:
    options = _options(tmp_path)
    refused = pytest.raises(UsageError, match="another stream runs")
    with locked_state(options), refused, locked_state(options):
        pass
    with locked_state(options):
        pass
