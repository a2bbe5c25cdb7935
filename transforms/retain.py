"""Which events of a student can an event that is still acceptable change? Only those are kept."""

import datetime
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from transforms.pack_events import ENDED, EVENT_ID, FINGERPRINT, OCCURRED, RECEIVED, Row

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


@dataclass(frozen=True)
class Kept:
    """What is remembered of a student: events, the newest watermark seen, revisions so far."""

    rows: Sequence[Row] = field(default_factory=list)
    watermark_ms: int = 0
    revision: int = 0


@dataclass(frozen=True)
class StudentEvents:
    """The events of a student before and after new ones came, copies of the new ones included.

    Only those of the dates that the new ones can change, whole sessions of them. Both are to be
    derived for the dates from `owned_from` on. `revision` grows with every change.
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
    before = keep_changeable(kept.rows, owned_from, retention)
    revision = kept.revision + 1
    rows = keep_changeable(drop_copies([*before, *fresh]), owned_from, retention)
    touched = [*_touched(before, fresh, retention)]
    changed = StudentEvents(student_hash, revision, owned_from, touched, [*touched, *fresh])
    return changed, Kept(rows, watermark_ms, revision)


def _touched(before: Sequence[Row], fresh: Sequence[Row], retention: Retention) -> Iterator[Row]:
    """The known events that share a date or a session with new ones, or are linked so by others."""
    marked = sorted(
        [*((row, False) for row in before), *((row, True) for row in fresh)],
        key=lambda pair: pair[0][OCCURRED],
    )
    zone = zoneinfo.ZoneInfo(retention.reporting_timezone)
    for span in _spans(marked, retention.session_gap_ms, zone):
        if any(is_fresh for _, is_fresh in span):
            yield from (row for row, is_fresh in span if not is_fresh)


def _spans(
    marked: Sequence[tuple[Row, bool]], gap_ms: int, zone: zoneinfo.ZoneInfo
) -> Iterator[list[tuple[Row, bool]]]:
    """Runs of events without a longer gap between them that begins on one date and ends on another.

    No row of a table is made of events of two of them.
    """
    span: list[tuple[Row, bool]] = []
    reach = 0
    for pair in marked:
        began = pair[0][OCCURRED]
        if span and began - reach > gap_ms and _date(began, zone) > _date(reach, zone):
            yield span
            span = []
        reach = max(reach, _end(pair[0])) if span else _end(pair[0])
        span.append(pair)
    if span:
        yield span


def _date(epoch_ms: int, zone: zoneinfo.ZoneInfo) -> datetime.date:
    return datetime.datetime.fromtimestamp(epoch_ms / 1000, zone).date()


def forget_ms(kept: Kept, retention: Retention) -> int:
    """The watermark (epoch ms) from which on nothing of a student can change any more."""
    newest = max(map(_end, kept.rows), default=kept.watermark_ms)
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
    rows: Sequence[Row], owned_from: datetime.date, retention: Retention
) -> list[Row]:
    """The events of the sessions that reach into the dates still written (`drop_copies` given)."""
    zone = zoneinfo.ZoneInfo(retention.reporting_timezone)
    midnight = datetime.datetime.combine(owned_from, datetime.time(), zone)
    horizon_ms = round(midnight.timestamp() * 1000)
    kept: list[Row] = []
    for chain in _chains(rows, retention.session_gap_ms):
        if max(map(_end, chain)) >= horizon_ms:
            kept += _shorten(chain, horizon_ms, retention.max_session_ms)
    return kept


def _chains(rows: Sequence[Row], gap_ms: int) -> Iterator[list[Row]]:
    """Runs of events without a longer gap between them: no session crosses their borders."""
    chain: list[Row] = []
    reach = 0
    for row in rows:
        if chain and row[OCCURRED] - reach > gap_ms:
            yield chain
            chain = []
        reach = max(reach, _end(row)) if chain else _end(row)
        chain.append(row)
    if chain:
        yield chain


def _shorten(chain: list[Row], horizon_ms: int, max_session_ms: int) -> list[Row]:
    """Of activity without an end (a robot) only the last cells are kept."""
    first_cell = horizon_ms // max_session_ms - _CELLS_KEPT
    return [row for row in chain if _end(row) // max_session_ms >= first_cell]


def _end(row: Row) -> int:
    return int(row[OCCURRED] if row[ENDED] is None else row[ENDED])
