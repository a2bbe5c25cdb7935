"""Which events of a student can an event that is still acceptable change? Only those are kept."""

import datetime
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, TypeVar

from transforms.pack_events import (
    ENDED,
    EVENT_ID,
    FINGERPRINT,
    OCCURRED,
    RECEIVED,
    Row,
    pack_rows,
    unpack_rows,
)

Item = TypeVar("Item")

OWNED_BEYOND_LATENESS_MS = 48 * 3_600_000
"""An acceptable event can begin a day before its end, and lengthen a session that began a day
before that: streaming owns the dates of two more days than the allowed lateness."""

_DAY_MS = 86_400_000
_CELLS_KEPT = 3
"""A session over the maximum stays over it, and is cut alike, with this many cells of its grid."""


@dataclass(frozen=True)
class Retention:
    """How long events are kept: what the choice depends on besides the watermark."""

    session_gap_ms: int
    max_session_ms: int
    allowed_lateness_ms: int
    reporting_timezone: str = "UTC"

    @property
    def kept_ms(self) -> int:
        """Events that ended longer ago than this, and a day, change nothing any more."""
        return self.allowed_lateness_ms + OWNED_BEYOND_LATENESS_MS

    def owned_from(self, watermark_ms: int) -> datetime.date:
        """The first date that is still written; dates before it are left as they are."""
        seconds = (watermark_ms - self.kept_ms) / 1000
        zone = zoneinfo.ZoneInfo(self.reporting_timezone)
        epoch = datetime.datetime.fromtimestamp(0, zone)
        lowest = datetime.datetime.min.replace(tzinfo=datetime.UTC).timestamp() + 86_400
        return (epoch + datetime.timedelta(seconds=max(seconds, lowest))).date()


class Chain(NamedTuple):
    """Events of a student without a gap that ends a session: no row of silver is made of two.

    From the first event to the last end (epoch ms); `packed`: the events (`pack_rows`).
    """

    first_ms: int
    reach_ms: int
    packed: bytes


class Kept(NamedTuple):
    """What is remembered of a student: events, the newest watermark seen, revisions so far."""

    chains: Sequence[Chain] = ()
    watermark_ms: int = 0
    revision: int = 0


@dataclass(frozen=True)
class StudentEvents:
    """The events of a student before and after new ones came, copies of the new ones included.

    Only those of the chains that the new ones join. Both are to be derived for the dates from
    `owned_from` on. `revision` grows with every change.
    """

    student_hash: str
    revision: int
    owned_from: datetime.date
    before: Sequence[Row]
    after: Sequence[Row]


def retain(
    student_hash: str, kept: Kept, fresh: Sequence[Row], watermark_ms: int, retention: Retention
) -> tuple[StudentEvents, Kept]:
    """What is to be derived because of new events, and what to remember.

    `watermark_ms`: the newest that the new events were read at. It only grows, so that dates that
    were given up are never written again.
    """
    watermark_ms = max(kept.watermark_ms, watermark_ms)
    owned_from = retention.owned_from(watermark_ms)
    revision = kept.revision + 1
    known = keep_changeable(kept.chains, owned_from, retention)
    joined, others = _join(known, fresh, retention.session_gap_ms)
    before = [row for chain in joined for row in unpack_rows(chain.packed)]
    after = [*before, *fresh]
    chains = keep_changeable(
        link(drop_copies(after), retention.session_gap_ms), owned_from, retention
    )
    changed = StudentEvents(student_hash, revision, owned_from, before, after)
    return changed, Kept([*others, *chains], watermark_ms, revision)


def _join(
    chains: Sequence[Chain], fresh: Sequence[Row], gap_ms: int
) -> tuple[list[Chain], list[Chain]]:
    """The chains that new events join, also by others of them in between; and those left alone."""
    spans: list[tuple[int, int, Chain | None]] = [
        *((chain.first_ms, chain.reach_ms, chain) for chain in chains),
        *((row[OCCURRED], _end(row), None) for row in fresh),
    ]
    joined: list[Chain] = []
    others: list[Chain] = []
    for run in _runs(sorted(spans, key=itemgetter(0)), itemgetter(0), itemgetter(1), gap_ms):
        found = [chain for _, _, chain in run if chain is not None]
        (others if len(found) == len(run) else joined).extend(found)
    return joined, others


def link(rows: Sequence[Row], gap_ms: int) -> list[Chain]:
    """The chains of events (`drop_copies` given)."""
    return [
        Chain(run[0][OCCURRED], max(map(_end, run)), pack_rows(run))
        for run in _runs(rows, itemgetter(OCCURRED), _end, gap_ms)
    ]


def _runs(
    items: Iterable[Item], begin: Callable[[Item], int], end: Callable[[Item], int], gap_ms: int
) -> Iterator[list[Item]]:
    """Items, in the order of their beginnings, without a longer gap between them."""
    run: list[Item] = []
    reach = 0
    for item in items:
        if run and begin(item) - reach > gap_ms:
            yield run
            run = []
        reach = max(reach, end(item)) if run else end(item)
        run.append(item)
    if run:
        yield run


def forget_ms(kept: Kept, retention: Retention) -> int:
    """The watermark (epoch ms) from which on nothing of a student can change any more."""
    newest = max((chain.reach_ms for chain in kept.chains), default=kept.watermark_ms)
    return max(newest, kept.watermark_ms) + retention.kept_ms + _DAY_MS


def drop_copies(rows: Sequence[Row]) -> list[Row]:
    """One row per event, in order of time: that of the smallest fingerprint, received first."""
    kept: dict[tuple[int, str], Row] = {}
    for row in rows:
        key = (row[OCCURRED], row[EVENT_ID])
        kept[key] = _survivor(kept[key], row) if key in kept else row
    return [kept[key] for key in sorted(kept)]


def _survivor(one: Row, other: Row) -> Row:
    winner = min(one, other, key=lambda row: row[FINGERPRINT])
    known = [row[RECEIVED] for row in (one, other) if row[RECEIVED] is not None]
    received = min(known, default=None)
    return (*winner[:RECEIVED], received, *winner[RECEIVED + 1 :])


def keep_changeable(
    chains: Iterable[Chain], owned_from: datetime.date, retention: Retention
) -> list[Chain]:
    """The chains that reach into the dates still written."""
    zone = zoneinfo.ZoneInfo(retention.reporting_timezone)
    midnight = datetime.datetime.combine(owned_from, datetime.time(), zone)
    horizon_ms = round(midnight.timestamp() * 1000)
    kept = (chain for chain in chains if chain.reach_ms >= horizon_ms)
    return [_shorten(chain, horizon_ms, retention.max_session_ms) for chain in kept]


def _shorten(chain: Chain, horizon_ms: int, max_session_ms: int) -> Chain:
    """Of activity without an end (a robot) only the last cells are kept."""
    first_cell = horizon_ms // max_session_ms - _CELLS_KEPT
    if chain.first_ms // max_session_ms >= first_cell:
        return chain
    rows = unpack_rows(chain.packed)
    kept = [row for row in rows if _end(row) // max_session_ms >= first_cell]
    return Chain(kept[0][OCCURRED], chain.reach_ms, pack_rows(kept))


def _end(row: Row) -> int:
    return int(row[OCCURRED] if row[ENDED] is None else row[ENDED])
