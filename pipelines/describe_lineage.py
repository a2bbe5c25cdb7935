"""Which table is made from which? Writes docs/lineage.md from the models, or checks it."""

import sys
from collections.abc import Iterable
from pathlib import Path

from pipelines.generated_files import write_or_check
from pipelines.models.sql_models import Model, load_models

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "lineage.md"

_HEAD = """# Lineage of the range tables

Made by `python -m pipelines.describe_lineage` from the texts in `sql/models`; do not edit. How they
are run: [range-tables.md](range-tables.md); how the tables by day come about:
[architecture.md](architecture.md).
"""
_ORDER = """## In the order of a rollup

| table | reads | read by |
|---|---|---|"""


def render(models: Iterable[Model] | None = None) -> str:
    """The document: a picture, and a row for each table in the order of a rollup."""
    chosen = list(load_models().values() if models is None else models)
    rows = [_row(model, chosen) for model in chosen]
    return "\n".join([_HEAD, *_picture(chosen), "", _ORDER, *rows]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the document; with --check only say whether it differs: 1 if so."""
    return write_or_check(
        "pipelines.describe_lineage", __doc__, lambda: {DOCUMENT: render()}, arguments
    )


def _picture(models: list[Model]) -> list[str]:
    """A Mermaid graph from left to right; what is made by a rollup has round corners."""
    made = [model.table.full_name for model in models]
    read = sorted({name for model in models for name in model.inputs} - set(made))
    arrows = [(name, model.table.full_name) for model in models for name in model.inputs]
    return [
        "```mermaid",
        "flowchart LR",
        *(f'  {_node(name)}["{name}"]' for name in read),
        *(f'  {_node(name)}("{name}")' for name in made),
        *(f"  {_node(source)} --> {_node(target)}" for source, target in arrows),
        "```",
    ]


def _node(full_name: str) -> str:
    return full_name.replace(".", "_")


def _row(model: Model, models: list[Model]) -> str:
    name = model.table.full_name
    readers = (other.table.full_name for other in models if name in other.inputs)
    cells = (f"`{name}`", _list(model.inputs), _list(readers))
    return f"| {' | '.join(cells)} |"


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.exit(main())
