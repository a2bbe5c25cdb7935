"""Does a batch that reads a bucket and stages there leave in BigQuery what it leaves in a folder?

The folder in which one emulator keeps its objects is the one that the other takes for gs://.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.compare_warehouses import differences
from pipelines.readers import query_bigquery
from pipelines.readers.query_bigquery import Reader
from pipelines.readers.snapshot import open_snapshot
from tests.bigquery.emulator import Emulator
from tests.bigquery.proxy import Proxy
from tests.compare_rows import DEFAULT_KEY
from tests.pipelines import gcs_server, term
from tests.pipelines.gcs_emulator import names, put
from tests.pipelines.secret_server import serving
from tests.pipelines.whole_runs import run
from tests.templates.entry_point import ended, parameters, start

SECRET = "projects/school/secrets/pseudonym-key/versions/1"
_DAYS = {"start_date": term.DATES[2], "end_date": term.DATES[3]}


@pytest.fixture(scope="module")
def bucket(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket that BigQuery loads from."""
    with gcs_server.keeping(emulator.buckets, tmp_path_factory.mktemp("gcs")) as name:
        yield name


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of a term, in the folders of the raw zone."""
    return term.write_term(tmp_path_factory.mktemp("term"))


@pytest.fixture(scope="module")
def folder(source: Path, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the term in a folder."""
    place = tmp_path_factory.mktemp("folder")
    assert run(place, source) == 0
    return place


@pytest.fixture(scope="module")
def raw(source: Path, bucket: str) -> str:
    """The same files in the bucket."""
    for file in (path for path in source.rglob("*") if path.is_file()):
        put(f"{bucket}/raw/{file.relative_to(source)}", file.read_bytes())
    return f"{bucket}/raw"


@pytest.fixture(scope="module")
def filled(warehouse: str, raw: str, bucket: str) -> Reader:
    """The warehouse in BigQuery after a run on which no file was on this machine."""
    assert run(warehouse, raw, staging=f"{bucket}/staging") == 0
    return query_bigquery.open_reader(warehouse)


def _loads(proxy: Proxy) -> list[dict]:
    found = [request.configuration for request in proxy.requests]
    return [configuration["load"] for configuration in found if "load" in configuration]


def test_rows_are_those_of_a_folder_and_nothing_staged_is_left(
    filled: Reader, folder: Path, bucket: str
) -> None:
    assert differences(open_snapshot(folder), filled) == []
    assert filled.polars("silver.events").height > 100
    assert names(f"{bucket}/staging") == []


def test_a_run_for_dates_by_the_template_loads_from_the_bucket(
    filled: Reader, folder: Path, warehouse: str, raw: str, bucket: str, quiet: Proxy
) -> None:
    given = {"input": raw, "warehouse": warehouse, "staging": f"{bucket}/staging", **_DAYS}
    with serving({SECRET: DEFAULT_KEY.encode()}) as (environment, _):
        more = [f"--pseudonym_key_secret={SECRET}", "--runner=FnApiRunner"]
        code, said = ended(start([*parameters("batch", given), *more], environment))
    assert code == 0, said
    uris = [uri for load in _loads(quiet) for uri in load["sourceUris"]]
    assert uris
    assert all(uri.startswith(f"{bucket}/staging/") for uri in uris)
    assert differences(open_snapshot(folder), filled) == []
    runs = filled.polars("ops.pipeline_runs").sort("started_at")
    assert runs["out_of_range"].to_list()[-1] > 0, "the days around the dates are read, too"
    assert names(f"{bucket}/staging") == []


def test_a_load_that_a_bucket_refuses_leaves_the_old_rows(
    filled: Reader, warehouse: str, raw: str, bucket: str, quiet: Proxy,
    folder: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    quiet.rule = lambda request: (
        "accessDenied" if "load" in request.configuration and len(_loads(quiet)) > 3 else None
    )
    assert run(warehouse, raw, staging=f"{bucket}/staging") in (1, 2)
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "no permission to load" in line
    assert differences(open_snapshot(folder), filled) == []
    assert names(f"{bucket}/staging") == []
