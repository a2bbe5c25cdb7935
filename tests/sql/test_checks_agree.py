"""Does every check observe the same in GoogleSQL itself as in DuckDB?"""

import datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines import rollup
from pipelines.models.checks import count_wrong, own_checks, unique_key
from pipelines.models.run_models import Reckoning
from pipelines.models.sql_models import SQL
from pipelines.readers.snapshot import open_snapshot
from schemas import tables
from tests.compare_rows import DEFAULT_KEY
from tests.googlesql.agree import assert_both_engines_agree
from tests.googlesql.engine import Engine
from tests.pipelines.range_lake import make_school

NEWEST = datetime.date(2025, 9, 2)
PARAMETERS = Reckoning(NEWEST).parameters() | {"today": NEWEST}
CHECKED = sorted(path.stem for path in (SQL / "checks").glob("*.sql"))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """All tables of a small school, range tables included, by full name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
        warehouse: Path = make_school(tmp_path_factory.mktemp("school"), days=2)
    assert rollup.main([f"--warehouse={warehouse}"]) == 0
    snapshot = open_snapshot(warehouse)
    names = (table.full_name for table in tables.tables().values())
    return {name: snapshot.polars(name) for name in names}


@pytest.mark.parametrize("name", CHECKED)
def test_checks_written_for_a_table_observe_the_same(
    name: str, frames: dict[str, pl.DataFrame], googlesql: Engine
) -> None:
    for check in own_checks(tables.get(name)):
        rows = assert_both_engines_agree(googlesql, check.sql, frames, PARAMETERS)
        assert rows.columns == ["observed", "expected"]
        assert rows.height == 1


@pytest.mark.parametrize("name", list(tables.tables()))
def test_checks_from_the_description_observe_the_same(
    name: str, frames: dict[str, pl.DataFrame], googlesql: Engine
) -> None:
    table = tables.get(name)
    for sql in (count_wrong(table), unique_key(table).sql):
        assert assert_both_engines_agree(googlesql, sql, frames).height == 1
