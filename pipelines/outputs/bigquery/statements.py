"""Which statements change the tables? GoogleSQL as texts; names of tables are whole ones."""

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence

from pipelines.outputs.keep_among import Among
from schemas.tables import Table


def transaction(statements: Sequence[str]) -> str:
    """All of the statements or none: BigQuery rolls back what does not come to its COMMIT."""
    return "\n".join(["BEGIN TRANSACTION;", *statements, "COMMIT TRANSACTION;"])


def or_fail(update: str, words: str) -> str:
    """An UPDATE of a transaction that fails, and the rest with it, if there was no such row."""
    return f"{update};\nIF @@row_count = 0 THEN RAISE USING MESSAGE = '{words}'; END IF;"


def remove_dates(here: str, table: Table, dates: Collection[datetime.date] | None) -> str:
    """Remove the rows of `dates`, or (None) all."""
    return f"DELETE FROM `{here}` WHERE {of_dates(table, dates)};"


def add_rows(here: str, staged: str, table: Table) -> str:
    """Add the rows of another table."""
    return add_rows_of(here, table, f"`{staged}`")


def add_rows_of(here: str, table: Table, source: str) -> str:
    """Add the rows of a source, which says all that stands behind FROM."""
    names = _names(column.name for column in table.columns)
    return f"INSERT INTO `{here}` ({names}) SELECT {names} FROM {source};"


def keep_new(here: str, staged: str, table: Table) -> str:
    """Add the rows of another table whose key is not there."""
    names = _names(column.name for column in table.columns)
    same = " AND ".join(f"stored.`{name}` = added.`{name}`" for name in table.key)
    return (
        f"INSERT INTO `{here}` ({names}) SELECT {names} FROM `{staged}` AS added "
        f"WHERE NOT EXISTS (SELECT 1 FROM `{here}` AS stored WHERE {same});"
    )


def add_first_row(here: str, values: Mapping[str, str]) -> str:
    """Add a row to an empty table; `values` by column, as SQL."""
    return (
        f"INSERT INTO `{here}` ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM (SELECT COUNT(*) AS n FROM `{here}`) WHERE n = 0"
    )


def set_replayed(here: str, letters: Iterable[str]) -> str:
    """Note of dead letters that they have been put where they belong."""
    ids = ", ".join(f"'{letter}'" for letter in letters)
    return f"UPDATE `{here}` SET is_replayed = TRUE WHERE dead_letter_id IN ({ids});"


def select_rows(
    here: str,
    table: Table,
    columns: Iterable[str],
    dates: Collection[datetime.date] | None,
    without: Collection[datetime.date],
    among: Among | None = None,
) -> str:
    """Columns of the rows of `dates` (None: all), but of those in `without`.

    `among`: texts that are wanted, by column; names as in code, without quotes.
    """
    where = of_dates(table, dates)
    for column, values in (among or {}).items():
        where += f" AND `{column}` IN ({', '.join(map(repr, sorted(values)))})"
    if without and table.partition:
        where += f" AND NOT ({of_dates(table, without)})"
    return f"SELECT {_names(columns)} FROM `{here}` WHERE {where}"


def drop_tables(names: Iterable[str]) -> str:
    """Drop tables that may be gone."""
    return "\n".join(f"DROP TABLE IF EXISTS `{name}`;" for name in names)


def of_dates(table: Table, dates: Collection[datetime.date] | None) -> str:
    """Whether a row is of `dates` (None: any).

    They are constants, so that BigQuery looks at these partitions only.
    """
    if dates is None or table.partition is None:
        return "TRUE"
    if not dates:
        return "FALSE"
    days = sorted(dates)
    if len(days) == (days[-1] - days[0]).days + 1:
        return f"`{table.partition}` BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'"
    constants = ", ".join(f"DATE '{day}'" for day in days)
    return f"`{table.partition}` IN ({constants})"


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)
