"""Does `pipelines.provision` make the tables of the schemas, add to them, and never lose any?"""

from pathlib import Path

import pytest
from google.cloud import bigquery

from pipelines import batch, provision
from pipelines.outputs.bigquery.address import parse
from pipelines.outputs.bigquery.changes import CHANGE_COLUMNS, changes_table
from pipelines.outputs.bigquery.connect import connect
from pipelines.outputs.bigquery.describe_tables import Choices, described_tables
from pipelines.outputs.bigquery.plan import plan
from schemas import bigquery as described
from schemas.streamed import identity, streamed
from schemas.tables import Table, get, tables
from tests.bigquery.emulator import PROJECT
from tests.bigquery.proxy import Proxy

pytestmark = pytest.mark.usefixtures("quiet")
_WAREHOUSE = f"bq://{PROJECT}.provisioned"
_TAG = "projects/p/locations/us/taxonomies/1/policyTags/2"
_OPTIONS = [
    "--location=EU",
    "--partition_expiration_days=silver=400",
    f"--policy_tag={_TAG}",
    "--label=team=data",
]


@pytest.fixture
def client(proxy: Proxy) -> bigquery.Client:
    """Behind the proxy."""
    return connect(PROJECT)


def _said(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], list[str]]:
    captured = capsys.readouterr()
    return captured.out.splitlines(), captured.err.splitlines()


def test_a_batch_into_nothing_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("input")
    (folder / "a.jsonl").write_text("")
    warehouse = f"bq://{PROJECT}.nothing"
    given = [f"--input={folder}", f"--warehouse={warehouse}", f"--staging={folder}"]
    assert batch.main(given) == 2
    _, (error,) = _said(capsys)
    assert "Not found: Dataset" in error
    assert error.endswith(f"python -m pipelines.provision --warehouse={warehouse}")


def test_provision_plans_then_makes_then_has_nothing_to_do(
    client: bigquery.Client, quiet: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [f"--warehouse={_WAREHOUSE}", *_OPTIONS]
    assert provision.main([*given, "--dry_run"]) == 0
    planned, _ = _said(capsys)
    assert {request.method for request in quiet.requests} == {"GET"}
    assert provision.main(given) == 0
    done, _ = _said(capsys)
    assert done[:-1] == planned[:-1]
    assert planned[-1].endswith("changes to do, nothing was changed")
    # Four datasets, the tables, their changes, that of the turn and two of rounds, the views.
    assert len(done) == 4 + len(tables()) + len(streamed()) + 3 + len(streamed()) + 2 + 1
    assert provision.main(given) == 0
    assert _said(capsys)[0] == [f"{_WAREHOUSE}: 0 changes done"]
    for table in tables().values():
        _check_table(client.get_table(parse(_WAREHOUSE).table(table.full_name)), table.name)
    for table in streamed():
        _check_changes(client.get_table(changes_table(parse(_WAREHOUSE), table)), table)
    assert client.get_dataset(f"{PROJECT}.provisioned_staged").default_table_expiration_ms


def _check_table(found: bigquery.Table, name: str) -> None:
    table, index = get(name), described.table_index(get(name))
    shapes = [(f["name"], f["mode"], f["description"]) for f in described.table_fields(table)]
    assert [(f.name, f.mode, f.description) for f in found.schema] == shapes
    tagged = [f.name for f in found.schema if f.policy_tags and f.policy_tags.names == (_TAG,)]
    assert tagged == index["sensitive_columns"]
    assert found.description == index["description"]
    assert (found.clustering_fields or []) == index["clustering"]
    assert found.labels == {"product": "chapterflow", "layer": table.layer, "team": "data"}
    assert (found.time_partitioning.field if table.partition else None) == table.partition
    assert found.table_constraints.primary_key.columns == list(table.key)
    expiration = found.time_partitioning.expiration_ms if table.partition else None
    is_kept = table.layer != "silver"
    assert expiration == (None if is_kept or not table.partition else 400 * 86_400_000)


def _check_changes(found: bigquery.Table, table: Table) -> None:
    fields = {field.name: field for field in found.schema}
    assert list(fields) == [column.name for column in (*table.columns, *CHANGE_COLUMNS)]
    assert all(field.description for field in fields.values())
    tagged = [name for name, field in fields.items() if field.policy_tags]
    assert tagged == described.table_index(table)["sensitive_columns"]
    assert found.labels == {"product": "chapterflow", "layer": table.layer, "team": "data"}
    assert found.time_partitioning.field == "committed_at"
    assert found.time_partitioning.expiration_ms is None
    assert set(found.clustering_fields) <= set(identity(table))
    assert {name for name, field in fields.items() if field.mode == "REQUIRED"} >= {"commit_id"}


def _make_other(
    client: bigquery.Client, address: str, change: object, name: str = "geo_daily"
) -> bigquery.Table:
    """A warehouse that lacks nothing but that one table of it is another."""
    for layer in ("silver", "gold", "ops"):
        client.create_dataset(parse(address).dataset(layer), exists_ok=True)
    (table,) = (t for t in described_tables(parse(address), Choices()) if t.table_id == name)
    change(table)  # type: ignore[operator]
    client.delete_table(table, not_found_ok=True)
    return client.create_table(table)


def test_a_column_is_added_and_rows_stay(
    client: bigquery.Client, quiet: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    address = _WAREHOUSE

    def change(table: bigquery.Table) -> None:
        table.schema = [f for f in table.schema if f.name != "active_students"]

    name = parse(address).table("gold.geo_daily")
    view = client.get_table(f"{name}_current")
    text, view.view_query = view.view_query, f"SELECT date, sessions_count FROM `{name}`"
    client.delete_table(view)
    client.create_table(view)
    table = _make_other(client, address, change)
    _make_other(client, address, change, "geo_daily_changes")
    client.query_and_wait(
        f"INSERT INTO `{table}` (date, sessions_count, total_time_spent_seconds, processed_at, "
        "schema_version) VALUES (DATE '2025-01-01', 1, 2.0, CURRENT_TIMESTAMP(), 1)"
    )
    _said(capsys)
    assert provision.main([f"--warehouse={address}"]) == 0
    said, _ = _said(capsys)
    assert "change table provisioned_gold.geo_daily: add column active_students" in said
    assert "change table provisioned_gold.geo_daily_changes: add column active_students" in said
    assert "change view provisioned_gold.geo_daily_current: view_query" in said
    # The emulator keeps the text, and goes on with the old view.
    (patch,) = [r.sent for r in quiet.requests if r.path.partition("?")[0].endswith("_current")
                and r.method == "PATCH"]  # fmt: skip
    assert patch["view"]["query"] == text
    (row,) = client.query_and_wait(f"SELECT active_students, sessions_count FROM `{table}`")
    assert tuple(row) == (None, 1)
    # A column that rows lack is required of none, now and later.
    assert provision.main([f"--warehouse={address}"]) == 0
    assert _said(capsys)[0] == [f"{address}: 0 changes done"]


def test_what_terraform_does_not_make_is_made_and_what_it_made_stays(
    client: bigquery.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    address = parse(_WAREHOUSE)
    assert provision.main([f"--warehouse={address}"]) == 0
    dataset = client.get_dataset(address.dataset("silver"))
    dataset.description, dataset.labels = "from Terraform", {"by": "terraform"}
    client.update_dataset(dataset, ["description", "labels"])
    client.delete_table(address.table("silver.video_events"))
    (step,) = plan(client, address, Choices()).steps
    assert step.words == "create view provisioned_silver.video_events"
    assert not step.is_needed  # rows can be written without it
    _said(capsys)
    assert provision.main([f"--warehouse={address}"]) == 0
    assert _said(capsys)[0] == [step.words, f"{address}: 1 changes done"]
    assert client.get_dataset(dataset.reference).description == "from Terraform"


@pytest.mark.parametrize(
    ("prefix", "wrong"),
    [
        ("retyped", "retyped_gold.geo_daily: column sessions_count is STRING, not INTEGER"),
        ("repartitioned", "repartitioned_gold.geo_daily: is partitioned by nothing, not by date"),
        ("needing", "needing_gold.geo_daily: column budget is required, but no row has it"),
    ],
)
def test_an_incompatible_table_is_refused_and_nothing_is_changed(
    client: bigquery.Client, quiet: Proxy, prefix: str, wrong: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def change(table: bigquery.Table) -> None:
        if prefix == "retyped":
            table.schema = [_retyped(field) for field in table.schema]
        elif prefix == "repartitioned":
            table.time_partitioning = None
        else:
            needed = bigquery.SchemaField("budget", "FLOAT", "REQUIRED")
            table.schema = [*table.schema, needed]

    _make_other(client, f"bq://{PROJECT}.{prefix}", change)
    quiet.requests.clear()
    _said(capsys)
    assert provision.main([f"--warehouse=bq://{PROJECT}.{prefix}"]) == 2
    _, (error,) = _said(capsys)
    assert wrong in error
    assert "nothing was changed" in error
    assert {request.method for request in quiet.requests} == {"GET"}


def test_a_batch_is_refused_by_a_table_of_another_schema(
    client: bigquery.Client, quiet: Proxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(table: bigquery.Table) -> None:
        table.schema = [_retyped(field) for field in table.schema]

    warehouse = f"bq://{PROJECT}.another"
    _make_other(client, warehouse, change)
    (tmp_path / "a.jsonl").write_text("")
    quiet.requests.clear()
    _said(capsys)
    given = [f"--input={tmp_path}", f"--warehouse={warehouse}", f"--staging={tmp_path}"]
    assert batch.main(given) == 2
    _, (error,) = _said(capsys)
    assert "is not ready" in error
    assert "another_gold.geo_daily: column sessions_count is STRING, not INTEGER" in error
    assert {request.method for request in quiet.requests} == {"GET"}


def _retyped(field: bigquery.SchemaField) -> bigquery.SchemaField:
    is_meant = field.name == "sessions_count"
    return bigquery.SchemaField(field.name, "STRING") if is_meant else field


def test_without_permission_it_says_which_one_is_missing(
    quiet: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet.rule = lambda request: "accessDenied" if request.method == "POST" else None
    assert provision.main([f"--warehouse=bq://{PROJECT}.forbidden"]) == 2
    assert "no permission to create dataset forbidden_silver" in _said(capsys)[1][0]
    quiet.rule = lambda request: "quotaExceeded" if request.method == "POST" else None
    assert provision.main([f"--warehouse=bq://{PROJECT}.forbidden"]) == 1
    assert "a quota is used up, cannot create dataset forbidden_silver" in _said(capsys)[1][0]


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--policy_tag=secret", "secret is no policy tag"),
        ("--partition_expiration_days=bronze=3", "bronze is none of silver, gold, ops"),
        ("--partition_expiration_days=soon", "soon is no whole number of days"),
        ("--label=team", "a label is NAME=VALUE"),
        ("--unknown", "unrecognized arguments: --unknown"),
    ],
)
def test_wrong_options_are_refused(
    flag: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provision.main([f"--warehouse={_WAREHOUSE}", flag]) == 2
    assert said in _said(capsys)[1][0]
