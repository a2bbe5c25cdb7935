"""Do rows of every kind get through the Storage Write API, and is it clear why if they do not?"""

import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from threading import Barrier

import grpc
import polars as pl
import pytest
from google.cloud import bigquery

from pipelines.outputs.bigquery import append
from pipelines.outputs.bigquery.address import parse
from pipelines.outputs.bigquery.append import PAUSES, Appender, as_stored, batches_of
from pipelines.outputs.bigquery.connect import BigQueryError, connect
from pipelines.outputs.bigquery.run_sql import rows_of
from pipelines.readers.snapshot import WarehouseError
from schemas.bigquery import table_fields
from schemas.gold_daily import TimeCount
from schemas.tables import Column, Table
from tests.bigquery.emulator import PROJECT, Emulator
from tests.bigquery.proxy import Proxy
from tests.bigquery.write_proxy import REQUEST_BYTES, WriteProxy

_ADDRESS = parse(f"bq://{PROJECT}.appends")
_KINDS = {
    "id": str, "text": str | None, "number": int | None, "share": float | None, "is_so": bool,
    "raw": bytes | None, "at": datetime.datetime | None, "day": datetime.date | None,
    "texts": list[str], "counts": list[TimeCount],
}  # fmt: skip
_TABLE = Table(
    "silver", "all_kinds", "one row per test", ("id",), None,
    tuple(Column(name, kind, f"A {name}.") for name, kind in _KINDS.items()),
)  # fmt: skip
_ROWS = [
    {
        "id": "full", "text": '{"a": "é\\n\\u0000"}', "number": -(2**62), "share": 0.1 + 0.2,
        "is_so": True, "raw": b"\x00\xff", "day": datetime.date(1999, 12, 31),
        "at": datetime.datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=datetime.UTC),
        "texts": ["a", ""], "counts": [{"time_ms": 1000, "visits_count": 2}],
    },
    {"id": "", "is_so": False, "texts": [], "counts": []},
]  # fmt: skip


@pytest.fixture(scope="module")
def client(proxy: Proxy) -> bigquery.Client:
    """Of a project with a table."""
    found = connect(PROJECT)
    found.create_dataset(_ADDRESS.dataset("silver"))
    fields = map(bigquery.SchemaField.from_api_repr, table_fields(_TABLE))
    found.create_table(bigquery.Table(_ADDRESS.table(_TABLE.full_name), schema=list(fields)))
    return found


@pytest.fixture
def writes(
    emulator: Emulator, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WriteProxy]:
    """What stands before the Storage Write API."""
    with WriteProxy(emulator.grpc_address).running() as proxy:
        monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", proxy.address)
        yield proxy


def _rows(*ids: str) -> pl.DataFrame:
    rows = [{**_ROWS[1], "id": name} for name in ids]
    return pl.DataFrame(rows or _ROWS, schema=pl.DataFrame(as_stored(_TABLE, pl.DataFrame(
        schema=dict.fromkeys(_KINDS, pl.Null)))).schema)  # fmt: skip


def _stored(client: bigquery.Client, *ids: str) -> pl.DataFrame:
    wanted = ", ".join(f"'{name}'" for name in ids)
    table = _ADDRESS.table(_TABLE.full_name)
    sql = f"SELECT * FROM `{table}` WHERE id IN ({wanted}) ORDER BY id DESC"
    return rows_of(client, _ADDRESS, sql, "read")


def test_values_of_every_kind_and_nulls_come_back_as_they_were(client: bigquery.Client) -> None:
    rows = _rows()
    Appender(_ADDRESS).append(_TABLE, rows)
    found = _stored(client, "full", "")
    assert found.cast(dict(rows.schema)).rows() == rows.rows()


def test_a_list_that_is_null_is_an_empty_one(client: bigquery.Client) -> None:
    rows = _rows("nolist").with_columns(texts=None, counts=None)
    Appender(_ADDRESS).append(_TABLE, rows)
    assert _stored(client, "nolist").select("texts", "counts").row(0) == ([], [])


def test_one_connection_is_kept_for_all_tables(writes: WriteProxy, client: bigquery.Client) -> None:
    other = replace(_TABLE, name="other_kinds", columns=_TABLE.columns[:2])
    fields = map(bigquery.SchemaField.from_api_repr, table_fields(other))
    client.create_table(bigquery.Table(_ADDRESS.table(other.full_name), schema=list(fields)))
    appender = Appender(_ADDRESS)
    for table in (_TABLE, other, _TABLE):
        appender.append(table, _rows("kept"))
    assert writes.tables() == ["all_kinds", "other_kinds", "all_kinds"]
    assert all(append.has_schema for append in writes.appends)
    assert writes.connections == 1
    assert _stored(client, "kept").height == 2
    sql = f"SELECT COUNT(*) AS n FROM `{_ADDRESS.table(other.full_name)}`"
    assert rows_of(client, _ADDRESS, sql, "read").item() == 1


def test_tables_are_appended_to_side_by_side_on_connections_that_are_kept(
    writes: WriteProxy, client: bigquery.Client
) -> None:
    appender, together = Appender(_ADDRESS), Barrier(3)

    def append_one(name: str) -> None:
        together.wait()
        appender.append(_TABLE, _rows(name))

    for turn in ("s", "t"):
        ids = [f"{turn}{number}" for number in range(3)]
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(append_one, ids))
        assert _stored(client, *ids).height == 3
    assert writes.connections <= 3
    appender.close()


@pytest.mark.parametrize("code", ["UNAVAILABLE", "ABORTED", "INTERNAL", "RESOURCE_EXHAUSTED"])
def test_what_passes_is_tried_again_on_another_connection(
    writes: WriteProxy, client: bigquery.Client, code: str
) -> None:
    failures = iter([None, grpc.StatusCode[code], grpc.StatusCode[code]])
    writes.rule = lambda request: next(failures, None)
    waits: list[float] = []
    appender = Appender(_ADDRESS, pause=waits.append)
    for name in ("first", "second"):
        appender.append(_TABLE, _rows(f"{name} {code}"))
    assert _stored(client, f"first {code}", f"second {code}").height == 2
    assert [a.connection for a in writes.appends] == [1, 1, 2, 3]
    assert waits == list(PAUSES[:2])


def test_an_answer_that_is_lost_sends_the_rows_again(
    writes: WriteProxy, client: bigquery.Client
) -> None:
    failures = iter([grpc.StatusCode.UNAVAILABLE])
    writes.rule, writes.loses = lambda request: next(failures, None), True
    Appender(_ADDRESS, pause=lambda seconds: None).append(_TABLE, _rows("lost"))
    assert _stored(client, "lost").height == 2


def test_an_answer_that_never_comes_is_not_waited_for(
    writes: WriteProxy, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "ANSWER_SECONDS", 1.0)
    silent = iter([True])
    writes.is_silent = lambda: next(silent, False)

    def pause(seconds: float) -> None:
        monkeypatch.setattr(append, "ANSWER_SECONDS", 60.0)

    Appender(_ADDRESS, pause=pause).append(_TABLE, _rows("silence"))
    assert _stored(client, "silence").height == 1
    assert writes.connections == 2


@pytest.mark.parametrize(
    ("code", "kind", "said", "tries"),
    [
        ("PERMISSION_DENIED", WarehouseError, r"no permission to append to silver\.all_kinds", 1),
        ("UNAUTHENTICATED", WarehouseError, r"no permission to append to silver\.all_kinds", 1),
        ("RESOURCE_EXHAUSTED", BigQueryError, "a quota is used up, cannot append to", 7),
        ("UNAVAILABLE", BigQueryError, r"cannot append to silver\.all_kinds: UNAVAILABLE", 7),
    ],
)
def test_a_refusal_is_one_line(
    writes: WriteProxy, code: str, kind: type[Exception], said: str, tries: int
) -> None:
    writes.rule = lambda request: grpc.StatusCode[code]
    with pytest.raises(kind, match=said) as raised:
        Appender(_ADDRESS, pause=lambda seconds: None).append(_TABLE, _rows("never"))
    assert str(raised.value).startswith(f"{_ADDRESS}: ")
    assert "\n" not in str(raised.value)
    assert len(writes.appends) == tries


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (replace(_TABLE, name="none"), "Not found: Table"),
        (replace(_TABLE, columns=(*_TABLE.columns, Column("new", int | None, "New."))), "new"),
    ],
)
def test_a_table_that_is_missing_or_older_is_to_be_provisioned(
    client: bigquery.Client, table: Table, said: str
) -> None:
    rows = _rows("never").with_columns(new=1)
    with pytest.raises(WarehouseError, match=f"cannot append to silver.*{said}") as raised:
        Appender(_ADDRESS).append(table, rows)
    assert f"python -m pipelines.provision --warehouse={_ADDRESS}" in str(raised.value)


def test_without_rows_nothing_is_sent(writes: WriteProxy) -> None:
    Appender(_ADDRESS).append(_TABLE, _rows("x").clear())
    assert writes.appends == []


def test_many_rows_go_in_requests_that_are_small_enough(
    writes: WriteProxy, client: bigquery.Client
) -> None:
    sizes = [*(1000 for _ in range(300)), *(1_000_000 for _ in range(12)), 9_000_000]
    ids = [f"large {number}" for number in range(len(sizes))]
    rows = _rows(*ids).with_columns(text=pl.Series(["x" * size for size in sizes]))
    Appender(_ADDRESS).append(_TABLE, rows)
    assert _stored(client, *ids).height == len(sizes)
    assert max(a.size_bytes for a in writes.appends) < REQUEST_BYTES
    assert len(writes.appends) < 20


def test_all_rows_are_in_the_batches_in_their_order() -> None:
    rows = _rows(*(f"{number:05d}" for number in range(40_000)))
    text = pl.Series([("y" * 900) for _ in range(40_000)])
    batches = batches_of(as_stored(_TABLE, rows.with_columns(text=text)))
    assert len(batches) > 3
    found = [name for batch in batches for name in batch.column("id").to_pylist()]
    assert list(islice(found, 3)) == ["00000", "00001", "00002"]
    assert found == sorted(found)
    assert len(found) == 40_000
