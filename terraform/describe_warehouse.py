"""What is in BigQuery besides the tables of the schemas? Writes warehouse.json from the pipelines.

`python terraform/describe_warehouse.py` writes, with --check it only says whether it differs. The
texts of views name tables of PROJECT_ID and PREFIX, which Terraform replaces.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().with_name("warehouse.json")
sys.path.insert(0, str(FILE.parents[1]))

from google.cloud import bigquery  # noqa: E402

from pipelines.outputs.bigquery import describe_tables  # noqa: E402
from pipelines.outputs.bigquery.address import STAGED, Address  # noqa: E402
from pipelines.outputs.bigquery.changes import INTERNAL, changes_of  # noqa: E402
from schemas import tables  # noqa: E402
from schemas.streamed import streamed  # noqa: E402

ADDRESS = Address("project-id", "prefix")
"""Stands in the texts for the one that there will be."""
_SENSITIVE = "sensitive"
"""Asked for as the tag of all sensitive columns, to find out which these are."""
_CHANGES_OF = {changes_of(table).full_name: table.full_name for table in streamed()}


def render() -> str:
    """JSON: the dataset for rows on their way, tables that no schema describes, views."""
    choices = describe_tables.Choices(policy_tags={"": _SENSITIVE})
    known = {ADDRESS.table(table.full_name) for table in tables.tables().values()}
    described = describe_tables.described_tables(ADDRESS, choices)
    (staged,) = [
        dataset
        for dataset in describe_tables.datasets(ADDRESS, choices, None)
        if dataset.dataset_id == f"{ADDRESS.prefix}_{STAGED}"
    ]
    views = describe_tables.described_views(ADDRESS)
    content = {
        "staged": {
            "dataset": STAGED,
            "description": staged.description,
            "expiration_ms": staged.default_table_expiration_ms,
        },
        "tables": [_describe(t) for t in described if _whole_name(t) not in known],
        "views": [_describe_view(view, views) for view in views],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the file; with --check write nothing, and answer 1 if it differs."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="write nothing")
    text = render()
    if not parser.parse_args(arguments).check:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.read_text("utf-8") == text:
        return 0
    print("terraform/warehouse.json is out of date", file=sys.stderr)
    return 1


def _whole_name(table: bigquery.Table) -> str:
    return f"{table.project}.{table.dataset_id}.{table.table_id}"


def _describe(table: bigquery.Table) -> dict[str, Any]:
    """`of`: the table whose changes these are; `is_appended`: whether a stream appends to it."""
    name = _name(table)
    partitioning = table.time_partitioning
    return {
        **_names(table),
        "of": _CHANGES_OF.get(name),
        "is_appended": name in _CHANGES_OF or name in {internal.full_name for internal in INTERNAL},
        "partition": partitioning.field if partitioning else None,
        "clustering": table.clustering_fields or [],
        "sensitive_columns": [field.name for field in table.schema if field.policy_tags],
        "fields": [_without_tags(field) for field in table.schema],
    }


def _describe_view(view: bigquery.Table, views: list[bigquery.Table]) -> dict[str, Any]:
    """`is_over_views`: whether it reads another one, which has to be there before it."""
    others = [f"`{_whole_name(other)}`" for other in views]
    reads = any(other in view.view_query for other in others)
    return {**_names(view), "is_over_views": reads, "query": view.view_query}


def _names(table: bigquery.Table) -> dict[str, str]:
    layer, name = _name(table).split(".")
    return {"layer": layer, "table": name, "description": table.description}


def _name(table: bigquery.Table) -> str:
    return f"{table.dataset_id.removeprefix(f'{ADDRESS.prefix}_')}.{table.table_id}"


def _without_tags(field: bigquery.SchemaField) -> dict[str, Any]:
    """Terraform says which tag a sensitive column has."""
    return {name: value for name, value in field.to_api_repr().items() if name != "policyTags"}


if __name__ == "__main__":
    sys.exit(main())
