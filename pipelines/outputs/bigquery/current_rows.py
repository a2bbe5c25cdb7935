"""Which rows does a table have now? Those that are in it, with newer changes laid over them.

GoogleSQL as texts. Rows are told apart as `schemas.streamed.identity` says; null is a value.
"""

from pipelines.outputs.bigquery.address import Address
from pipelines.outputs.bigquery.changes import COMMITS, POSITION, changes_table
from schemas.kinds import kind
from schemas.streamed import FIRST_STAYS, identity
from schemas.tables import Table


def current_rows(address: Address, table: Table) -> str:
    """The query of the view: it looks at changes of whole rounds that are not folded yet."""
    here, names = address.table(table.full_name), _columns(table)
    newest = newest_changes(address, table, _unfolded(address))
    same = same_row(table, "stored", "latest")
    if table.name in FIRST_STAYS:
        return (
            f"WITH changes AS (\n{newest}\n)\n"
            f"SELECT {names} FROM `{here}`\nUNION ALL\n"
            f"SELECT {names} FROM changes AS latest "
            f"WHERE NOT EXISTS (SELECT 1 FROM `{here}` AS stored WHERE {same})"
        )
    return (
        f"WITH changes AS (\n{newest}\n)\n"
        f"SELECT {names} FROM `{here}` AS stored "
        f"WHERE NOT EXISTS (SELECT 1 FROM changes AS latest WHERE {same})\nUNION ALL\n"
        f"SELECT {names} FROM changes WHERE NOT is_deleted"
    )


def newest_changes(address: Address, table: Table, rounds: str, where: str = "TRUE") -> str:
    """Of each row the change that counts: the latest, or the first where the first stays.

    `rounds`: a query for the commit_id, epoch and number of the rounds to look at; `where`: what
    else is asked of a change, called `changed`.
    """
    names = ", ".join(f"changed.`{column.name}`" for column in table.columns)
    apart = ", ".join(f"changed.`{name}`" for name in identity(table))
    way = "ASC" if table.name in FIRST_STAYS else "DESC"
    order = f"whole.epoch {way}, whole.number {way}, changed.revision {way}"
    return (
        f"SELECT {names}, changed.is_deleted FROM `{changes_table(address, table)}` AS changed\n"
        f"JOIN ({rounds}) AS whole ON whole.commit_id = changed.commit_id\nWHERE {where}\n"
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {apart} ORDER BY {order}) = 1"
    )


def same_row(table: Table, one: str, other: str) -> str:
    """Whether two rows are the same. Each term is an equality, as BigQuery wants it of a join."""
    required = {column.name for column in table.columns if not kind(column.type).is_nullable}
    return " AND ".join(
        _equal(f"{one}.`{name}`", f"{other}.`{name}`", name in required) for name in identity(table)
    )


def rounds_between(
    address: Address, since: tuple[int, int], until: tuple[int, int] | None = None
) -> str:
    """The query for rounds after a position (epoch, number), and not after another."""
    where = is_after(*since) + (f" AND NOT ({is_after(*until)})" if until else "")
    return _rounds(address, where)


def is_after(epoch: int | str, number: int | str) -> str:
    """Whether a round, called `round`, is after a position."""
    return f"(round.epoch > {epoch} OR (round.epoch = {epoch} AND round.number > {number}))"


def _unfolded(address: Address) -> str:
    position = f"CROSS JOIN `{address.table(POSITION.full_name)}` AS position"
    after = is_after("position.folded_epoch", "position.folded_number")
    return _rounds(address, after, position)


def _rounds(address: Address, where: str, beside: str = "") -> str:
    """One row for each: what is appended twice after a lost answer is there twice."""
    return (
        "SELECT DISTINCT round.commit_id, round.epoch, round.number "
        f"FROM `{address.table(COMMITS.full_name)}` AS round {beside} WHERE {where}"
    )


def _columns(table: Table) -> str:
    return ", ".join(f"`{column.name}`" for column in table.columns)


def _equal(one: str, other: str, is_required: bool) -> str:
    if is_required:
        return f"{one} = {other}"
    return f"TO_JSON_STRING({one}) = TO_JSON_STRING({other})"
