"""Are files of a bucket loaded once, by jobs whose names follow from the run and the files?"""

from pathlib import Path

import polars as pl
import pytest
from google.cloud import bigquery

from pipelines.outputs.bigquery import load
from pipelines.outputs.bigquery.address import parse
from pipelines.outputs.bigquery.connect import BigQueryError, connect
from pipelines.outputs.write_rows import write_rows
from schemas.tables import get
from tests.bigquery.emulator import PROJECT, Emulator
from tests.bigquery.proxy import Proxy

_ADDRESS = parse(f"bq://{PROJECT}.loads")
_TABLE = get("chapter_engagement")


@pytest.fixture(scope="module")
def client(proxy: Proxy) -> bigquery.Client:
    """Of a project with a dataset for staged rows."""
    found = connect(PROJECT)
    found.create_dataset(_ADDRESS.dataset("staged"))
    return found


@pytest.fixture(scope="module")
def uris(emulator: Emulator, client: bigquery.Client) -> list[str]:
    """Three files of a table in a bucket, a row each, with lists, records and dates."""
    folder = emulator.buckets / "staging" / "run"
    return [f"gs://{_write(folder, n).relative_to(emulator.buckets)}" for n in (1, 2, 3)]


def _write(folder: Path, day: int) -> Path:
    distribution = [{"time_ms": day * 1000, "visits_count": day}]
    row = {
        "date": f"2025-10-0{day}",
        "course_id": "c",
        "chapter_id": f"ch{day}",
        "visits_count": day,
        "time_distribution": distribution,
    }
    frame = pl.DataFrame([row]).with_columns(pl.col("date").str.to_date())
    (file,) = write_rows(str(folder), _TABLE.name, frame, keeps_partition=True)
    return folder / _TABLE.path / file.path


def _loads(proxy: Proxy) -> list[dict]:
    return [r.sent for r in proxy.requests if "load" in r.configuration]


def test_files_of_a_bucket_are_loaded_by_their_names(
    client: bigquery.Client, uris: list[str], quiet: Proxy
) -> None:
    staged = load.stage(client, _ADDRESS, _TABLE, uris[::-1], "20251001T000000-a")
    (name,) = staged.wait()
    assert staged.rows == 3
    sql = f"SELECT date, time_distribution FROM `{name}` ORDER BY date"
    rows = [(str(row.date), row.time_distribution) for row in client.query_and_wait(sql)]
    assert rows[1] == ("2025-10-02", [{"time_ms": 2000, "visits_count": 2}])
    (sent,) = _loads(quiet)
    assert sent["configuration"]["load"]["sourceUris"] == sorted(uris)
    assert sent["configuration"]["load"]["parquetOptions"] == {"enableListInference": True}
    assert "schema" not in sent["configuration"]["load"]


def test_the_same_files_again_are_the_same_job(
    client: bigquery.Client, uris: list[str], quiet: Proxy
) -> None:
    first, again = (load.stage(client, _ADDRESS, _TABLE, uris, "run-b") for _ in range(2))
    assert first.wait() == again.wait()
    assert len({sent["jobReference"]["jobId"] for sent in _loads(quiet)}) == 1
    other = load.stage(client, _ADDRESS, _TABLE, uris[:1], "run-b")
    other.wait()
    assert len({sent["jobReference"]["jobId"] for sent in _loads(quiet)}) == 2
    # It took the place of what the first files left there.
    assert other.rows == 1


def test_a_job_that_failed_is_made_again(
    client: bigquery.Client, emulator: Emulator, quiet: Proxy
) -> None:
    late = emulator.buckets / "staging" / "late.parquet"
    with pytest.raises(BigQueryError, match=r"cannot load gold\.chapter_engagement"):
        load.stage(client, _ADDRESS, _TABLE, ["gs://staging/late.parquet"], "run-c").wait()
    _write(late.parent, 4).rename(late)
    again = load.stage(client, _ADDRESS, _TABLE, ["gs://staging/late.parquet"], "run-c")
    again.wait()
    assert again.rows == 1


def test_more_files_than_a_job_takes_are_jobs_into_tables_of_their_own(
    client: bigquery.Client, uris: list[str], quiet: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MOST_FILES", 2)
    staged = load.stage(client, _ADDRESS, _TABLE, uris, "run-d")
    assert len(set(staged.wait())) == 2
    assert staged.rows == 3
