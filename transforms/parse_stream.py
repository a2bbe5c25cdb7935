"""Which events does a stream of received records hold, and which of them come too late?"""

import datetime
import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from transforms.diff_rows import IS_DELETED, REVISION
from transforms.parse_events import ParseSettings, open_settings, parse_block
from transforms.present import present

DEAD_LETTERS, COUNTS = "dead_letters", "counts"
WATERMARK = "watermark_ms"

Received = tuple[bytes, int]
"""An envelope line (`transforms.unwrap.Envelope`), and the source's watermark at its reading."""

Count = Callable[[str, int], None]
"""Told what was counted, for those who watch the pipeline."""

_MOST_RECORDS = 2000
_REST = 3
"""To parse few records takes nearly as long as to parse many: at most every fourth moment is spent
so, but for what the number of records takes."""


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is parsed. Records are parsed together that come within `gather_seconds`.

    `clock` tells the time of processing (UTC); `count` is told what becomes of the records.
    `most_gather_seconds`: the same where parsing, and what follows it at once, takes long.
    """

    parse: ParseSettings
    allowed_lateness_ms: int
    clock: Callable[[], datetime.datetime]
    count: Count
    gather_seconds: float = 0.05
    most_gather_seconds: float = 0.2


@dataclass
class Envelopes:
    """Envelope lines as a block of records. Each tells its own place."""

    records: list[bytes]
    source: str = "stream"
    failure: Any = None

    def position(self, index: int) -> str:
        """Place of a line that is no envelope; sources give none."""
        return str(index)


@dataclass
class Heard:
    """What a few records gave: accepted events with `watermark_ms`, dead letters, counts."""

    events: pl.DataFrame
    dead_letters: pl.DataFrame
    counts: Counter[str]
    watermark_ms: int


def hear(received: list[Received], settings: StreamSettings) -> Heard:
    """Parse records read one after the other; leave out those beyond the allowed lateness.

    An event counts at its end. It is late behind the watermark that it was read at (the oldest of
    the records given), dropped when it is behind by more than the allowed lateness.
    """
    watermark_ms = min(watermark for _, watermark in received)
    parsed = parse_block(
        Envelopes([line for line, _ in received]),
        replace(settings.parse, started_at=settings.clock()),
    )
    if parsed.events.is_empty():
        return Heard(pl.DataFrame(), parsed.dead_letters, parsed.counts, watermark_ms)
    ends = pl.col("ended_ms").fill_null(pl.col("occurred_ms"))
    accepted = parsed.events.filter(ends >= watermark_ms - settings.allowed_lateness_ms)
    parsed.counts["dropped"] = parsed.events.height - accepted.height
    parsed.counts["late"] = accepted.filter(ends < watermark_ms).height
    events = accepted.with_columns(pl.lit(watermark_ms, pl.Int64).alias(WATERMARK))
    return Heard(events, parsed.dead_letters, parsed.counts, watermark_ms)


class ParseStream(beam.PTransform):
    """Parse and clean received records, many at a time.

    Input: `Received`. Output: frames of accepted canonical events with `watermark_ms`; side outputs
    `dead_letters` (changes of the table) and `counts` ((counts, watermark in ms) of a bundle).
    Errors: none; what cannot be used is a dead letter.
    """

    def __init__(self, settings: StreamSettings) -> None:
        super().__init__()
        self.settings = settings

    def expand(self, received: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Wire the parser."""
        parser = beam.ParDo(_Parse(self.settings))
        return received | "ParseReceived" >> parser.with_outputs(
            DEAD_LETTERS, COUNTS, main="events"
        )


Changes = tuple[str, pl.DataFrame]
Outputs = (
    pl.DataFrame
    | TaggedOutput[Literal["dead_letters"], Changes]
    | TaggedOutput[Literal["counts"], tuple]
)


class _Parse(beam.DoFn):
    def __init__(self, settings: StreamSettings) -> None:
        self.settings = settings
        self._received: list[Received] = []
        self._since = 0.0
        self._wait_seconds = settings.gather_seconds
        self._counts: Counter[str] = Counter()
        self._watermark_ms: int | None = None

    def setup(self) -> None:
        gc.freeze()
        self.settings = replace(self.settings, parse=open_settings(self.settings.parse))

    def start_bundle(self) -> None:
        self._received, self._counts, self._watermark_ms = [], Counter(), None

    def process(self, element: Received) -> Iterator[Outputs]:
        now = self.settings.clock().timestamp()
        if not self._received:
            self._since = now
        self._received.append(element)
        if now - self._since >= self._wait_seconds or len(self._received) >= _MOST_RECORDS:
            yield from self._flush()
            self._pace(self.settings.clock().timestamp() - now)

    def finish_bundle(self) -> Iterator[Any]:
        yield from at_end_of_bundle([*self._flush(), *self._tell_counts()])

    def _pace(self, took_seconds: float) -> None:
        least, most = self.settings.gather_seconds, self.settings.most_gather_seconds
        self._wait_seconds = min(max(_REST * took_seconds, least), most)

    def _flush(self) -> Iterator[Outputs]:
        if not self._received:
            return
        heard = hear(self._received, self.settings)
        self._received = []
        self._counts.update(heard.counts)
        self._watermark_ms = max(heard.watermark_ms, self._watermark_ms or heard.watermark_ms)
        if not heard.events.is_empty():
            yield heard.events
        if not heard.dead_letters.is_empty():
            rows = present("dead_letters", heard.dead_letters, self.settings.clock())
            added = rows.with_columns(
                pl.lit(False).alias(IS_DELETED), pl.lit(1, pl.Int64).alias(REVISION)
            )
            yield TaggedOutput(DEAD_LETTERS, ("dead_letters", added))  # type: ignore[misc]

    def _tell_counts(self) -> Iterator[Outputs]:
        for name, number in self._counts.items():
            beam.metrics.Metrics.counter("chapterflow", name).inc(number)
            self.settings.count(name, number)
        if self._watermark_ms is not None:
            yield TaggedOutput(COUNTS, (self._counts, self._watermark_ms))  # type: ignore[misc]


def at_end_of_bundle(outputs: Iterable[Any]) -> Iterator[Any]:
    """Outputs, tagged or not, as `finish_bundle` has to give them.

    In time they stand before everything: what waits on its way may not let timers overtake it.
    """
    window = GlobalWindow()
    for output in outputs:
        is_tagged = isinstance(output, TaggedOutput)
        placed = WindowedValue(output.value if is_tagged else output, MIN_TIMESTAMP, (window,))
        yield TaggedOutput(output.tag, placed) if is_tagged else placed
