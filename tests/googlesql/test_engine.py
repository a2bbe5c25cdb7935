"""Does the reference engine keep values as they are, and say what is wrong with a query?"""

import datetime
import math

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from schemas import arrow
from tests.googlesql.engine import Engine, GoogleSqlError

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROS = [None, -1, -999, -1001, -86_400_000_001, 0, 1, 1_700_000_000_123_456]
DAYS = [None, -719_162, -1, 0, 1, 20_000, 2_932_896]
DOUBLES = [
    *(None, 0.0, -0.0, 0.1, 0.1 + 0.2, 0.3, 1 / 3, math.nextafter(1, 2), 5e-324),
    *(1.7976931348623157e308, -2.5, 1e-7, 2.0**53 + 2, math.inf, -math.inf),
]
TEXTS = [None, "", "é – 漢字 🎓", 'a "quote" and \\ and \n', "\t\u2028\x01", "@as_of_date -- no"]
NESTED = pl.List(pl.Struct({"name": pl.String(), "n": pl.Int64(), "at": pl.Date()}))
COLUMNS: dict[str, tuple[pl.DataType, list]] = {
    "timestamps": (
        pl.Datetime("us", "UTC"),
        [None if n is None else EPOCH + datetime.timedelta(microseconds=n) for n in MICROS],
    ),
    "dates": (
        pl.Date(),
        [None if n is None else EPOCH.date() + datetime.timedelta(days=n) for n in DAYS],
    ),
    "doubles": (pl.Float64(), DOUBLES),
    "integers": (pl.Int64(), [None, 0, -(2**63), 2**63 - 1, 2**53 + 1]),
    "texts": (pl.String(), TEXTS),
    "booleans": (pl.Boolean(), [None, True, False]),
    "bytes": (pl.Binary(), [None, b"", b"\x00\xff"]),
    "lists": (pl.List(pl.Int64()), [[], [1], [2, 1, 2]]),
    "lists_of_records": (
        NESTED,
        [
            [],
            [{"name": "é", "n": -1, "at": None}, {"name": None, "n": 2, "at": EPOCH.date()}],
        ],
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_values_go_there_and_back_exactly(name: str, googlesql: Engine) -> None:
    dtype, values = COLUMNS[name]
    frame = pl.DataFrame({"n": range(len(values)), "x": pl.Series(values, dtype=dtype)})
    googlesql.load("silver.kept", frame)
    back = googlesql.run("SELECT n, x FROM silver.kept ORDER BY n")
    assert_frame_equal(back, frame, check_exact=True)
    assert [repr(value) for value in back["x"]] == [repr(value) for value in frame["x"]]


def test_a_double_that_is_no_number_comes_back(googlesql: Engine) -> None:
    googlesql.load("silver.kept", pl.DataFrame({"x": [math.nan]}))
    assert math.isnan(googlesql.run("SELECT x FROM silver.kept").item())


def test_timestamps_are_compared_to_the_microsecond(googlesql: Engine) -> None:
    values = [EPOCH + datetime.timedelta(microseconds=n) for n in MICROS if n is not None]
    googlesql.load("silver.kept", pl.DataFrame({"x": values}))
    back = googlesql.run("SELECT UNIX_MICROS(x) AS n FROM silver.kept ORDER BY x")
    assert back["n"].to_list() == sorted(n for n in MICROS if n is not None)


def test_an_empty_table_keeps_its_columns(googlesql: Engine) -> None:
    frame = pl.DataFrame(schema={name: dtype for name, (dtype, _) in COLUMNS.items()})
    googlesql.load("silver.kept", frame)
    assert_frame_equal(googlesql.run("SELECT * FROM silver.kept"), frame)


def test_a_null_list_is_stored_as_an_empty_one(googlesql: Engine) -> None:
    googlesql.load("silver.kept", pl.DataFrame({"x": [None]}, schema={"x": pl.List(pl.Int64)}))
    assert googlesql.run("SELECT x FROM silver.kept").rows() == [([],)]


def test_described_columns_have_the_type_that_they_have_in_bigquery(googlesql: Engine) -> None:
    described = pl.DataFrame(arrow.schema("sessions").empty_table())
    nulls = pl.DataFrame({name: [None] for name in described.columns})
    googlesql.load("silver.sessions", nulls)
    back = googlesql.run("SELECT * FROM silver.sessions")
    assert back.schema == described.schema
    assert len(back) == 1


def test_a_view_may_have_more_columns_than_its_table(googlesql: Engine) -> None:
    table = pl.DataFrame(arrow.schema("question_attempts").empty_table())
    view = pl.concat([table, pl.DataFrame({"attempt_number": [3]})], how="diagonal")
    googlesql.load("silver.question_attempts", view)
    back = googlesql.run("SELECT * FROM silver.question_attempts")
    assert_frame_equal(back, view)


def test_a_table_loaded_again_has_its_new_columns_and_rows(googlesql: Engine) -> None:
    for frame in (pl.DataFrame({"x": [1, 2]}), pl.DataFrame({"y": ["a"]})):
        googlesql.load("silver.kept", frame)
        assert_frame_equal(googlesql.run("SELECT * FROM silver.kept"), frame)


def test_tables_are_found_by_the_names_as_written(googlesql: Engine) -> None:
    googlesql.load("silver.kept", pl.DataFrame({"x": [1, 2]}))
    googlesql.load("gold.kept", pl.DataFrame({"x": [2, 3]}))
    sql = """
        -- silver.kept: 'é' moves the places of bytes and of characters apart
        WITH kept AS (SELECT kept.x, 'é silver.kept' AS t FROM silver.kept WHERE kept.x > 1)
        SELECT kept.t, kept.x, g.x AS y, (SELECT COUNT(*) FROM silver.kept) AS n
        FROM kept JOIN gold.kept AS g ON g.x = kept.x
    """
    assert googlesql.run(sql).rows() == [("é silver.kept", 2, 2, 2)]


def test_parameters_are_given_by_name(googlesql: Engine) -> None:
    given = {
        "as_of_date": datetime.date(1969, 12, 31),
        "time": datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC),
        "days": 7,
        "mark": 0.6,
        "name": "d'é\\",
        "is_so": True,
    }
    columns = ", ".join(f"@{name} AS {name}" for name in given)
    assert googlesql.run(f"SELECT {columns}", given).to_dicts() == [given]


def test_a_parameter_that_the_query_does_not_name_is_left_out(googlesql: Engine) -> None:
    assert googlesql.run("SELECT 1 AS x -- @other", {"other": 1}).item() == 1


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1 +", "Syntax error"),
        ("SELECT x\nFROM silver.nowhere", "Table not found: silver.nowhere [at 2:6]"),
        ("SELECT z FROM silver.kept", "Unrecognized name: z [at 1:8]"),
        ("SELECT 'é', t = x FROM silver.kept", "No matching signature for operator ="),
        ("SELECT x FROM silver.kept WHERE @missing", "Query parameter 'missing' not found"),
        ("SELECT SUM(x) AS s, t FROM silver.kept", "neither grouped nor aggregated"),
        ("SELECT TYPEOF(1) AS no_function_of_bigquery", "Function not found: TYPEOF"),
        ("SELECT CAST(1 AS INT32) AS no_type_of_bigquery", "Type not found: INT32"),
        ("SELECT CAST(t AS INT64) AS n FROM silver.kept", "Bad int64 value: a"),
        ("SELECT 1 AS x, 2 AS x", "two columns of the result have the same name"),
        ("SELECT NUMERIC '1' AS x", "no table has a column of type NUMERIC"),
    ],
)
def test_what_is_wrong_with_a_query_is_said_in_one_line(
    sql: str, words: str, googlesql: Engine
) -> None:
    googlesql.load("silver.kept", pl.DataFrame({"x": [1], "t": ["a"]}))
    with pytest.raises(GoogleSqlError) as raised:
        googlesql.run(sql)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("googlesql")
def test_the_process_ends_with_the_engine() -> None:
    with Engine() as engine:
        assert engine.process.poll() is None
    assert engine.process.poll() is not None


@pytest.mark.usefixtures("googlesql")
def test_an_engine_that_died_is_told() -> None:
    with Engine() as engine:
        engine.process.kill()
        with pytest.raises(GoogleSqlError, match="the engine ended"):
            engine.run("SELECT 1 AS x")
