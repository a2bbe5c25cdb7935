"""How does Flink take checkpoints of a stream? So that stable input stays in order, and stable."""

from collections.abc import Sequence

from pipelines.options.flags import UsageError
from pipelines.options.runner_flags import value_of

AT_ONCE = 100
"""Checkpoints that may be under way.

Beam gives a step with stable input as many buffers, and one more to be filled. They are used in
turn, whether one is free or not: a job that goes on from a checkpoint brings those along that were
under way then, and takes more before the first is complete. With too few it fills a buffer that is
about to be given out (docs/learned.md).
"""
_LONGEST_MS = 600_000


def checkpoint_flags(interval_ms: int) -> list[str]:
    """Beam's flags of a stream that commits each `interval_ms`.

    A checkpoint that takes too long ends the job, so that never more than half of the buffers are
    taken: the other half is for those that the job brought along.
    """
    timeout_ms = min(_LONGEST_MS, (AT_ONCE // 2 - 1) * interval_ms)
    return [
        f"--checkpointing_interval={interval_ms}",
        f"--num_concurrent_checkpoints={AT_ONCE}",
        f"--checkpoint_timeout_millis={timeout_ms}",
        # Else what a bundle gave before its checkpoint rests under the numbers of its outputs,
        # which another JVM may give to other steps.
        "--finish_bundle_before_checkpointing",
    ]


def check_checkpoint_flags(flags: Sequence[str], interval_ms: int) -> None:
    """Raise UsageError unless flags for a cluster have those of `checkpoint_flags`."""
    needed = checkpoint_flags(interval_ms)
    missing = [flag for flag in needed if not _is_given(flag, flags)]
    if missing:
        raise UsageError(f"a stream on Flink needs {' '.join(missing)}, see docs/flink.md")


def _is_given(flag: str, flags: Sequence[str]) -> bool:
    name, _, value = flag.partition("=")
    return value_of(name, flags) == value
