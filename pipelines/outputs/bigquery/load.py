"""How do Parquet files get into BigQuery? By load jobs into tables of their own, each job once."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import polars as pl
from google.api_core.exceptions import Conflict
from google.cloud import bigquery

from pipelines import storage
from pipelines.outputs.bigquery.address import STAGED, Address
from pipelines.outputs.bigquery.connect import LABELS, refusals
from schemas.tables import Table

MOST_FILES = 10_000
"""Of one load job."""
_MOST_TRIES = 5


class Staged:
    """Rows of a table on their way: load jobs that were started, each into a table of its own."""

    def __init__(self, address: Address, table: Table, jobs: Sequence[bigquery.LoadJob]) -> None:
        self.address, self.table, self._jobs = address, table, jobs
        self._is_there = False

    def wait(self) -> list[str]:
        """Names of the tables that hold the rows, once they do. Raises as `refusals`."""
        for job in [] if self._is_there else self._jobs:
            with refusals(self.address, f"load {self.table.full_name}"):
                job.result()
        self._is_there = True
        return [str(job.destination) for job in self._jobs]

    @property
    def rows(self) -> int:
        """Rows loaded, to be asked for after `wait`."""
        return sum(job.output_rows or 0 for job in self._jobs)


@dataclass(frozen=True)
class Waiting:
    """Rows of a table that wait already, in another table."""

    name: str

    def wait(self) -> list[str]:
        """Its name."""
        return [self.name]


def stage(
    client: bigquery.Client, address: Address, table: Table, files: Sequence[str], run_id: str
) -> Staged:
    """Start to load whole files, gs:// or local ones. Raises as `refusals`.

    The job's name follows from run and files. A step that is tried again finds the job that its
    first try started, and does not load twice.
    """
    jobs = [
        _start(client, address, table, part, f"{run_id}-{table.name}-{number}")
        for number, part in enumerate(_parts(sorted(files)))
    ]
    return Staged(address, table, jobs)


def run_once(client: bigquery.Client, name: str, start: Callable[[str], Any]) -> Any:
    """The job of that name: started, or, when an earlier try did so, found. Failed ones go again.

    `start` takes the job's id and raises Conflict for one that there is.
    """
    for number in range(_MOST_TRIES):
        try:
            return start(f"{name}-{number}")
        except Conflict:
            job = client.get_job(f"{name}-{number}")
        if not (job.state == "DONE" and job.error_result):
            break
    return job


def _parts(files: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(files), MOST_FILES):
        yield files[first : first + MOST_FILES]


def _start(
    client: bigquery.Client, address: Address, table: Table, files: Sequence[str], name: str
) -> bigquery.LoadJob:
    digest = sha256("\n".join(files).encode()).hexdigest()[:12]
    target = f"{address.dataset(STAGED)}.{name.replace('-', '_')}"
    # Parquet says itself what its columns are; the schema is checked where the rows go in.
    settings = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        create_disposition=bigquery.CreateDisposition.CREATE_IF_NEEDED,
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        labels=LABELS,
    )
    lists = bigquery.ParquetOptions()
    lists.enable_list_inference = True
    settings.parquet_options = lists

    def start(job_id: str) -> bigquery.LoadJob:
        if not storage.is_local(files[0]):
            return client.load_table_from_uri(files, target, job_id=job_id, job_config=settings)
        content = _joined(files)
        return client.load_table_from_file(
            content, target, size=content.getbuffer().nbytes, job_id=job_id, job_config=settings
        )

    with refusals(address, f"load {table.full_name}"):
        return run_once(client, f"{name}-{digest}", start)


def _joined(files: Sequence[str]) -> io.BytesIO:
    """Local files as one: an upload takes no more."""
    rows = pl.concat(pl.read_parquet(storage.read_file(path).to_pybytes()) for path in files)
    content = io.BytesIO()
    rows.write_parquet(content, compression="zstd")
    content.seek(0)
    return content
