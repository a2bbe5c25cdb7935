"""How does a lake stay sane under a commit every few seconds? Logs are cut and old files deleted.

Small files need no care here: commits put them together as they go.
"""

from collections.abc import Mapping, Sequence

from deltalake import DeltaTable

from pipelines.readers.snapshot import RUNS
from schemas import tables

EVERY_COMMITS = 500
"""Three quarters of an hour, at a commit every five seconds."""
RETENTION_HOURS = 24
"""How long readers can go on with a version that they have opened."""


def is_due(rounds: int) -> bool:
    """Whether tables are to be tended after so many commits."""
    return rounds % EVERY_COMMITS == 0


def tend(opened: Sequence[tuple[str, DeltaTable]], versions: Mapping[str, int]) -> None:
    """Checkpoint tables at their latest versions, cut their logs, delete what is long out of use.

    To be called right after the row that names `versions`, while `committing`: a log that is cut
    knows no version before its checkpoint. A table that is ahead of its version is left alone.
    """
    for name, delta in opened:
        delta.update_incremental()
        full_name = tables.get(name).full_name
        if full_name == RUNS or versions.get(full_name) == delta.version():
            tend_table(delta, RETENTION_HOURS)


def tend_table(delta: DeltaTable, retention_hours: int) -> None:
    """Tend one table. Its latest version is kept whole."""
    delta.create_checkpoint()
    delta.cleanup_metadata()
    # A vacuum without work would still make two commits.
    if delta.vacuum(retention_hours, dry_run=True, enforce_retention_duration=False):
        delta.vacuum(retention_hours, dry_run=False, enforce_retention_duration=False)
        delta.update_incremental()
