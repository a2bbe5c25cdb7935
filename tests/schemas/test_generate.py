"""Are the generated files current, and right?"""

import json
from pathlib import Path

import pytest

from schemas import bigquery, generate, tables


def test_generated_files_are_current() -> None:
    assert generate.differences(generate.ROOT) == []


def test_check_names_the_files_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    generate.write(tmp_path)
    assert generate.main(["--check"]) == 0
    (tmp_path / "docs/dictionary.md").write_text("edited by hand")
    (tmp_path / "schemas/generated/bigquery/gold.gone.json").write_text("[]")
    assert generate.main(["--check"]) == 1
    named = capsys.readouterr().err
    assert "docs/dictionary.md" in named
    assert "gold.gone.json" in named


def test_writing_again_repairs_and_removes(tmp_path: Path) -> None:
    generate.write(tmp_path)
    orphan = tmp_path / "schemas/generated/bigquery/gold.gone.json"
    orphan.write_text("[]")
    assert generate.write(tmp_path) == ["schemas/generated/bigquery/gold.gone.json"]
    assert not orphan.exists()
    assert generate.write(tmp_path) == []


def test_bigquery_fields_of_lists_and_records() -> None:
    fields = {f["name"]: f for f in bigquery.table_fields(tables.get("chapter_engagement"))}
    distribution = fields["time_distribution"]
    assert (distribution["type"], distribution["mode"]) == ("RECORD", "REPEATED")
    assert [(f["name"], f["type"]) for f in distribution["fields"]] == [
        ("time_ms", "INTEGER"),
        ("visits_count", "INTEGER"),
    ]
    assert fields["course_id"]["mode"] == "NULLABLE"
    assert fields["chapter_id"]["mode"] == "REQUIRED"
    videos = {f["name"]: f for f in bigquery.table_fields(tables.get("video_engagement"))}
    curve = videos["drop_off_curve"]
    assert (curve["type"], curve["mode"]) == ("FLOAT", "REPEATED")


def test_optional_json_is_a_nullable_text() -> None:
    fields = {f["name"]: f for f in bigquery.table_fields(tables.get("events"))}
    metadata = fields["metadata"]
    assert (metadata["type"], metadata["mode"]) == ("STRING", "NULLABLE")


def test_clustering_never_exceeds_four_columns_nor_repeats_the_partition() -> None:
    for table in tables.tables().values():
        columns = bigquery.clustering(table)
        assert len(columns) <= 4
        assert table.partition not in columns


def test_table_index_lists_every_table() -> None:
    index = json.loads(generate.generated_files()[generate.GENERATED / "tables.json"])
    assert {entry["table"] for entry in index} == set(tables.tables())
