"""Has a stream on Flink as many buffers for stable input as checkpoints can be under way?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.options.checkpoint_flags import check_checkpoint_flags, checkpoint_flags
from pipelines.options.flags import UsageError
from pipelines.options.stream_options import parse_stream_options

ON_FLINK = ("--warehouse=lake", "--inbox=inbox", "--runner=FlinkRunner", "--streaming")


def _number(flags: list[str], name: str) -> int:
    return next(int(flag.partition("=")[2]) for flag in flags if flag.startswith(f"--{name}="))


@given(st.integers(1, 3_600_000))
def test_buffers_hold_what_came_along_and_what_is_under_way(interval_ms: int) -> None:
    flags = checkpoint_flags(interval_ms)
    under_way = _number(flags, "checkpoint_timeout_millis") // interval_ms + 1
    buffers = _number(flags, "num_concurrent_checkpoints") + 1
    assert 2 * under_way + 1 <= buffers, "as many came along, and one is being filled"


def test_those_flags_are_enough_however_they_are_written() -> None:
    check_checkpoint_flags(checkpoint_flags(5000), 5000)
    apart = [part for flag in checkpoint_flags(5000) for part in flag.split("=")]
    check_checkpoint_flags(apart, 5000)


@pytest.mark.parametrize("flag", checkpoint_flags(5000))
def test_a_stream_on_a_cluster_without_one_of_them_is_refused(flag: str) -> None:
    others = [other for other in checkpoint_flags(5000) if other != flag]
    with pytest.raises(UsageError, match=f"^a stream on Flink needs {flag}, see docs/flink.md$"):
        parse_stream_options([*ON_FLINK, *others])


def test_the_interval_is_that_of_commits() -> None:
    given_flags = [*ON_FLINK, *checkpoint_flags(5000), "--commit_interval_seconds=2"]
    with pytest.raises(UsageError, match="--checkpointing_interval=2000"):
        parse_stream_options(given_flags)
    assert parse_stream_options([*given_flags[:-1]]).commit_interval_ms == 5000
