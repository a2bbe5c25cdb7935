"""What does `bq://…` name, and how do names in a query become those of its datasets?"""

import pytest

from pipelines import batch, provision, query
from pipelines.options.flags import UsageError
from pipelines.outputs.bigquery.address import Address, parse
from pipelines.readers.snapshot import WarehouseError, open_snapshot

_THERE = Address("my-school", "dev")


def test_an_address_has_a_project_and_perhaps_a_prefix() -> None:
    assert parse("bq://my-school.dev") == _THERE
    assert _THERE.dataset("gold") == "my-school.dev_gold"
    assert parse("bq://my-school").table("gold.geo_daily") == "my-school.gold.geo_daily"
    assert [str(parse(text)) for text in ("bq://my-school", "bq://my-school.dev")] == [
        "bq://my-school",
        "bq://my-school.dev",
    ]


@pytest.mark.parametrize(
    "text", ["bq://", "bq://My-School", "bq://my-school.", "bq://my-school.a.b", "bq://school/gold"]
)
def test_a_bad_address_is_refused_by_every_program(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="is no BigQuery address: give bq://project"):
        parse(text)
    assert batch.main(["--input=nothing", f"--warehouse={text}"]) == 2
    assert provision.main([f"--warehouse={text}"]) == 2
    assert query.main([f"--warehouse={text}", "SELECT 1"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    assert all("is no BigQuery address" in line for line in lines)


def test_a_batch_into_bigquery_has_to_know_where_files_can_be(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    assert batch.main([f"--input={tmp_path}", "--warehouse=bq://my-school"]) == 2
    assert "say where they can be, --staging=gs://" in capsys.readouterr().err


def test_a_program_that_knows_folders_only_says_so() -> None:
    with pytest.raises(WarehouseError, match="does not work with bq://my-school"):
        open_snapshot("bq://my-school")


@pytest.mark.parametrize(
    ("sql", "there"),
    [
        ("SELECT * FROM gold.geo_daily", "SELECT * FROM `my-school.dev_gold.geo_daily_current`"),
        ("FROM `silver.events` AS e", "FROM `my-school.dev_silver.events_current` AS e"),
        ("FROM `silver`.`events`", "FROM `my-school.dev_silver.events_current`"),
        (
            "FROM silver.question_attempts",
            "FROM `my-school.dev_silver.question_attempts_numbered`",
        ),
        ("FROM gold.at_risk_scores", "FROM `my-school.dev_gold.at_risk_scores`"),
        ("FROM gold.geo_daily_changes", "FROM `my-school.dev_gold.geo_daily_changes`"),
        ("SELECT 'gold.x', \"silver.y\"", "SELECT 'gold.x', \"silver.y\""),
        ("SELECT 'it\\'s gold.x' -- ops.y", "SELECT 'it\\'s gold.x' -- ops.y"),
        ("/* gold.x\n */ # ops.y\nSELECT 1", "/* gold.x\n */ # ops.y\nSELECT 1"),
        ("SELECT '''a 'gold.x' b'''", "SELECT '''a 'gold.x' b'''"),
        ("SELECT other.gold.x, marigold.y", "SELECT other.gold.x, marigold.y"),
    ],
)
def test_names_of_tables_become_those_of_the_datasets(sql: str, there: str) -> None:
    assert _THERE.localise(sql) == there
