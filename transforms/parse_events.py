"""Which events does a block of records hold, and which of its records are dead letters?"""

import datetime
import gc
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput

from transforms import calendar, encode_frames  # noqa: F401 (registers the coder)
from transforms.clean import CleanOptions, Place, clean_events
from transforms.name_rows import uuids
from transforms.parse import ParseOptions, parse_records
from transforms.unwrap import UNKNOWN_MS, Receipts, decode_receipts

DEAD_LETTERS, COUNTS = "dead_letters", "counts"
STAGE = "ParseEvents"


class Fault(Protocol):
    """The rest of a source that cannot be read."""

    message: str
    payload: bytes
    position: str


class Block(Protocol):
    """Records of one source; `position(i)` tells where record i stands in it."""

    source: str
    records: list[bytes]

    @property
    def failure(self) -> Fault | None:
        """What cannot be read after the records, if anything."""

    def position(self, index: int) -> str:
        """Line, row or offset of a record."""


@dataclass(frozen=True)
class ParseSettings:
    """What a block is parsed and cleaned with. Factories run on the worker, once per process.

    `load_key` gives the key of the pseudonyms; `open_places` gives a function from an IP address
    to country and region. `topic_of` tells the topic of a source.
    """

    parse: ParseOptions
    clean: CleanOptions
    load_key: Callable[[], bytes]
    topic_of: Callable[[str], str]
    started_at: datetime.datetime
    timezone: str = "UTC"
    pseudonymous_topics: frozenset[str] = frozenset()
    open_places: Callable[[], Callable[[str], Place]] | None = None


def open_settings(settings: ParseSettings) -> ParseSettings:
    """Settings whose factories were run: with the key and the places of addresses at hand."""
    places = settings.open_places
    clean = replace(
        settings.clean, key=settings.load_key(), find_place=places() if places else None
    )
    return replace(settings, clean=clean)


@dataclass
class ParsedBlock:
    """Canonical events with their shard, rows of `dead_letters`, and counts of the records.

    `occurred_ms`: of all its events, also those that were left out.
    """

    events: pl.DataFrame
    dead_letters: pl.DataFrame
    counts: Counter[str]
    occurred_ms: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64))


def parse_block(block: Block, settings: ParseSettings) -> ParsedBlock:
    """All records of a block, each as an event, a dead letter or left out by rule or consent."""
    decoded, receipts = decode_receipts(block.records)
    parsed = parse_records(receipts.records, decoded, receipts.received, settings.parse)
    counts = Counter(records_read=len(block.records) + (block.failure is not None))
    counts["clipped_scroll_depths"] = parsed.clipped_scroll_depths
    letters = _dead_letters(block, receipts, parsed.failures, settings.started_at)
    counts["dead_letters"] = letters.height
    counts.update(f"dead_letters/{reason}" for reason in letters["reason"])
    if parsed.events.is_empty():
        return ParsedBlock(pl.DataFrame(), letters, counts)
    known = parsed.events.with_columns(_pseudonyms(block, receipts, parsed.events["row"], settings))
    cleaned = clean_events(known, settings.clean)
    counts.update(cleaned.counts)
    return ParsedBlock(cleaned.events.drop("row"), letters, counts, parsed.events["occurred_ms"])


def _pseudonyms(
    block: Block, receipts: Receipts, rows: pl.Series, settings: ParseSettings
) -> pl.Series:
    """True for events of topics whose student ids are pseudonyms already."""
    wanted = settings.pseudonymous_topics
    is_one = settings.topic_of(block.source) in wanted
    if not wanted or not receipts.origins:
        return pl.Series("is_pseudonym", [is_one]).new_from_index(0, len(rows))
    origins = receipts.origins
    flags = [origins[row].topic in wanted if row in origins else is_one for row in rows]
    return pl.Series("is_pseudonym", flags, pl.Boolean)


def _dead_letters(
    block: Block, receipts: Receipts, failures: list, failed_at: datetime.datetime
) -> pl.DataFrame:
    letters = [_letter(block, receipts, *failure) for failure in failures]
    if block.failure is not None:
        fault = block.failure
        letters.append(
            (block.source, fault.position, "unreadable_source", fault.message, fault.payload, None)
        )
    return describe_dead_letters(letters, failed_at)


def _letter(block: Block, receipts: Receipts, row: int, reason: str, message: str) -> tuple:
    record = receipts.records[row]
    origin = receipts.origins.get(row)
    received = UNKNOWN_MS if receipts.received is None else int(receipts.received[row])
    place = (origin.topic, origin.position()) if origin else (block.source, block.position(row))
    return (*place, reason, message, record, None if received == UNKNOWN_MS else received)


def describe_dead_letters(letters: list[tuple], failed_at: datetime.datetime) -> pl.DataFrame:
    """(source, position, reason, message, payload, received ms) as rows of `dead_letters`."""
    rows = [
        (s, p, reason, message, zlib.compress(payload), received,
         f"{s}|{p}|{hashlib.sha256(payload).hexdigest()}")
        for s, p, reason, message, payload, received in letters
    ]  # fmt: skip
    if not rows:
        return _NO_LETTERS
    frame = pl.DataFrame(rows, schema=_LETTER, orient="row")
    return frame.with_columns(
        uuids(frame["name"]).alias("dead_letter_id"),
        failed_date=pl.lit(failed_at.date()),
        failed_at=pl.lit(failed_at, pl.Datetime("us", "UTC")),
        stage=pl.lit(STAGE),
        is_replayed=pl.lit(False),
    ).drop("name")


_LETTER = {
    "source": pl.String,
    "position": pl.String,
    "reason": pl.String,
    "message": pl.String,
    "payload": pl.Binary,
    "received_ms": pl.Int64,
    "name": pl.String,
}


_NO_LETTERS = pl.DataFrame(schema={"reason": pl.String})


class ParseEvents(beam.PTransform):
    """Parse and clean blocks of records.

    Input: blocks. Output: canonical events (frames with `shard`); side outputs `dead_letters`
    (frames) and `counts` (counts of a block and the dates of its events).
    Errors: none; what cannot be used is a dead letter.
    """

    def __init__(self, settings: ParseSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, blocks: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Wire the parser."""
        parser = beam.ParDo(_Parse(self.settings))
        return blocks | "ParseBlock" >> parser.with_outputs(DEAD_LETTERS, COUNTS, main="events")


Outputs = (
    pl.DataFrame
    | TaggedOutput[Literal["dead_letters"], pl.DataFrame]
    | TaggedOutput[Literal["counts"], tuple]
)


class _Parse(beam.DoFn):
    def __init__(self, settings: ParseSettings) -> None:
        self.settings = settings

    def setup(self) -> None:
        # What the imports left behind stays for good: the collector need not look at it again.
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        self.settings = open_settings(self.settings)

    def process(self, block: Any) -> Iterator[Outputs]:
        # A block makes many objects and no cycles: the collector would only walk over them.
        gc.disable()
        try:
            parsed = parse_block(block, self.settings)
        finally:
            gc.enable()
        for name, count in parsed.counts.items():
            beam.metrics.Metrics.counter("chapterflow", name).inc(count)
        if not parsed.events.is_empty():
            yield parsed.events
        if not parsed.dead_letters.is_empty():
            yield TaggedOutput("dead_letters", parsed.dead_letters)  # type: ignore[misc]
        dates = set(calendar.dates(parsed.occurred_ms, self.settings.timezone).unique())
        yield TaggedOutput("counts", (parsed.counts, dates))  # type: ignore[misc]
