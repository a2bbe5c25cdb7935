"""Which questions can be asked by name? Writes docs/queries.md from sql/queries, or checks it."""

import sys
from pathlib import Path

from pipelines.generated_files import write_or_check
from pipelines.readers.queries import PARAMETERS, Column, Query, load_queries

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "queries.md"

_HEAD = """# Questions

Made by `python -m pipelines.describe_queries` from the comments of `sql/queries`; do not edit.

```sh
python -m pipelines.query --warehouse=… --list
python -m pipelines.query --warehouse=… --run=NAME [--param=NAME=VALUE …] [--format=csv|json]
```

answers a question by its name or number. The texts are GoogleSQL; [the dictionary](dictionary.md)
describes the tables they read. `n` of a row is its sample size: a rate or a quantile of three
visits is no answer. Questions that read a table over a range have no rows for a date for which no
rollup ran: `python -m pipelines.rollup --warehouse=… --as_of=…`. Rows have a total order: the same
rows come in the same order.

Each question says which of these parameters it has:
"""
_TABLE = "| column | type | meaning |\n|---|---|---|"


def render() -> str:
    """The document."""
    queries = load_queries()
    parameters = "\n".join(f"| `{name}` | {text} |" for name, text in PARAMETERS.items())
    index = "\n".join(f"{q.number}. [{q.question}](#{q.name})" for q in queries.values())
    parts = [_HEAD, f"| parameter | meaning |\n|---|---|\n{parameters}\n", f"{index}\n"]
    return "\n".join([*parts, *map(_section, queries.values())])


def main(arguments: list[str] | None = None) -> int:
    """Write the document; with --check only say whether it differs: 1 if so."""
    return write_or_check(
        "pipelines.describe_queries", __doc__, lambda: {DOCUMENT: render()}, arguments
    )


def _section(query: Query) -> str:
    source = f"../sql/queries/{query.number:02d}_{query.name}.sql"
    names = ", ".join(f"`{name}`" for name in query.parameters)
    read = ", ".join(f"`{name}`" for name in query.inputs)
    lines = [
        f"## {query.name}\n",
        f"**{query.question}** {query.row}\n",
        "\n".join([_TABLE, *map(_row, query.columns)]) + "\n",
        f"{_plain(query.caveat)}\n" if query.caveat else "",
        f"Number {query.number}, [its text]({source}); parameters {names}; reads {read}.\n",
    ]
    return "\n".join(line for line in lines if line)


def _row(column: Column) -> str:
    kind = f"{column.kind} or null" if column.is_nullable else column.kind
    return f"| `{column.name}` | {kind} | {_plain(column.meaning)} |"


def _plain(text: str) -> str:
    """As a sentence, without what Markdown would read as marks."""
    return (text[:1].upper() + text[1:]).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
