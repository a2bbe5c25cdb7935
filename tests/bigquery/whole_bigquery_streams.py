"""How do tests run the stream as a program into BigQuery, and compare what it leaves with batch?"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.compare_warehouses import differences
from pipelines import fold
from pipelines.outputs.bigquery.connect import BigQueryError
from pipelines.readers import query_bigquery
from pipelines.readers.query_bigquery import Reader
from pipelines.readers.snapshot import open_snapshot
from tests.pipelines.whole_streams import FINISH_SECONDS, LETTER, WholeStream, dead_letters

_LOOK_SECONDS = 3.0
"""The emulator answers one question at a time, of the stream too."""


class BigQueryStream(WholeStream):
    """A stream into BigQuery, with its raw zone, checkpoints and log in a folder."""

    def __init__(self, folder: Path, address: str, options: Mapping[str, Any], **known: Any):
        given = {"commit_interval_seconds": 10, **options, "warehouse": address}
        super().__init__(folder, given | {"state": folder.absolute() / "state"}, **known)
        self.state = self.folder / "state"
        self.address = address
        self.reader: Reader = query_bigquery.open_reader(address)
        self._looked, self._row = 0.0, dict[str, Any]()

    def row(self) -> dict[str, Any]:
        """The row of the newest streaming run, as it was some seconds ago; empty before it."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._row, self._looked = self.newest_row(), time.monotonic()
        return self._row

    def newest_row(self) -> dict[str, Any]:
        """As it is now."""
        try:
            runs = self.reader.polars("ops.pipeline_runs").to_dicts()
        except BigQueryError:
            return {}
        rows = [row for row in runs if row["mode"] == "streaming"]
        return max(rows, key=lambda row: row["started_at"], default={})

    def wait_for_gold(self) -> float:
        """Not here: rounds take so long in the emulator that a pause between two says nothing."""
        return 0.0

    def wait_for_rows_of(self, other: Path) -> float:
        """Until readers see what they see in a folder that batch has filled."""
        found: list[str] = []

        def is_same() -> bool:
            found[:] = self.differences_from(other)
            return not found

        try:
            return self.wait(is_same, "the rows of batch", FINISH_SECONDS)
        except AssertionError:
            assert not found, found
            raise

    def differences_from(self, other: Path) -> list[str]:
        """What is not as in a folder that batch has filled."""
        found = differences(open_snapshot(other), self.reader)
        letters = self.reader.polars("ops.dead_letters").select(LETTER).rows()
        return found + ([] if sorted(letters) == dead_letters(other) else ["dead letters differ"])

    def fold(self) -> None:
        """Put the changes into the tables."""
        assert fold.main([f"--warehouse={self.address}"]) == 0

    def stored(self, full_name: str) -> int:
        """Rows of a table itself, without what is laid over it."""
        sql = f"SELECT COUNT(*) AS n FROM `{self.reader.address.table(full_name)}`"
        (row,) = self.reader.client.query_and_wait(sql)
        return row.n
