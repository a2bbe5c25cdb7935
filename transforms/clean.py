"""What of an event may be stored? Excluded students and rules go first, then the identities."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from schemas.canonical import COLUMNS
from transforms.catalogue import Catalogue, fill_chapters
from transforms.columns import map_unique
from transforms.pseudonymise import pseudonymise

Place = tuple[str | None, str | None]
"""Country code and region."""

_PLACE_ROW = pl.Struct({"country_code": pl.String, "region": pl.String})


@dataclass(frozen=True)
class CleanOptions:
    """What cleaning depends on besides the events."""

    key: bytes = field(repr=False)
    shards: int = 1
    consenting: frozenset[str] | None = None  # None: no consent list was given
    rules: tuple[tuple[str, str], ...] = ()  # field, regular expression
    catalogue: Catalogue = field(default_factory=Catalogue)
    find_place: Callable[[str], Place] | None = None  # of an IP address


@dataclass
class Cleaned:
    """Events without identities, `row` and `shard` besides the canonical columns, and counts."""

    events: pl.DataFrame
    counts: Mapping[str, int]


def clean_events(events: pl.DataFrame, options: CleanOptions) -> Cleaned:
    """Parsed events (see `transforms.parse.Parsed`, with `is_pseudonym`) as canonical rows."""
    allowed = exclude(events, options.rules)
    consented = require_consent(allowed, options.consenting)
    counts = {
        "excluded": events.height - consented.height,
        "without_consent": allowed.height - consented.height,
    }
    placed = place(consented, options.find_place)
    named = fill_chapters(placed, options.catalogue)
    counts["unknown_chapters"] = _unknown_chapters(named, options.catalogue)
    hashed = pseudonymise(named, options.key, options.shards)
    return Cleaned(_canonical(hashed), counts)


def exclude(events: pl.DataFrame, rules: tuple[tuple[str, str], ...]) -> pl.DataFrame:
    """Leave out events of bots, staff and test users: a field matches a regular expression."""
    for name, pattern in rules:
        column = name if name in events.columns else f"raw_{name}"
        hit = map_unique(events[column].cast(pl.String), _matcher(pattern), pl.Boolean)
        events = events.filter(~hit.fill_null(False))
    return events


def _matcher(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(pattern)
    return lambda text: expression.search(text) is not None


def require_consent(events: pl.DataFrame, consenting: frozenset[str] | None) -> pl.DataFrame:
    """Leave out students who are not on the list of those who consent."""
    if consenting is None:
        return events
    return events.filter(pl.col("student_id").is_in(list(consenting)))


def place(events: pl.DataFrame, find_place: Callable[[str], Place] | None) -> pl.DataFrame:
    """country_code and region from the IP address where the event names none."""
    if find_place is None or events.is_empty():
        return events
    addresses = events.select(pl.coalesce("raw_ip", "raw_ip_address")).to_series()
    found = map_unique(
        addresses,
        lambda ip: dict(zip(_PLACE_ROW.to_schema(), find_place(ip), strict=True)),
        _PLACE_ROW,
    ).struct.unnest()
    is_known = events["country_code"].is_not_null()
    return events.with_columns(events[n].zip_with(is_known, found[n]) for n in found.columns)


def _unknown_chapters(events: pl.DataFrame, catalogue: Catalogue) -> int:
    """Events that name a chapter which a given catalogue does not have."""
    if catalogue.chapters.is_empty() or events.is_empty():
        return 0
    chapters = events["chapter_id"].drop_nulls()
    return int((~chapters.is_in(catalogue.chapters["chapter_id"].to_list())).sum())


def _canonical(events: pl.DataFrame) -> pl.DataFrame:
    return events.select("row", "shard", *(pl.col(n).cast(t) for n, t in COLUMNS.items()))
