"""What does a record say? Objects of any dialect become rows of one shape, or failures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import xxhash

from transforms.columns import first_of, first_texts, milliseconds, nulls
from transforms.decode import Decoded, Failure
from transforms.interpret import (
    MEASURED,
    Events,
    interpret_devices,
    interpret_ids,
    interpret_names,
    interpret_pages,
    interpret_places,
    interpret_scroll,
)
from transforms.read_times import is_time, read_times
from transforms.redact import redact_group
from transforms.transpose import TOP, Fields, transpose

MAX_INTERVAL_MS = 24 * 3_600_000
SLOWEST_RATE, FASTEST_RATE = 0.01, 100.0
"""Playback rates that a player can have; any other counts as missing."""
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class ParseOptions:
    """What parsing depends on besides the record."""

    spellings: Mapping[str, str]
    max_future_ms: int
    max_age_days: int
    rule_fields: tuple[str, ...] = ()


@dataclass
class Parsed:
    """Good records as rows, and the failures of the others.

    `events` has the columns of `schemas.canonical` but student_hash, and besides: row (place of
    the record in the input), student_id, user_agent, ip, location and rule columns.
    """

    events: pl.DataFrame
    failures: list[Failure]
    clipped_scroll_depths: int


def parse_records(
    records: Sequence[bytes], decoded: Decoded, received: np.ndarray | None, options: ParseOptions
) -> Parsed:
    """Records, decoded already, and when they were received (epoch ms).

    `received` is None when that is known of none of them; the smallest int64 stands for unknown.
    """
    if not decoded.objects:
        return Parsed(pl.DataFrame(), decoded.failures, 0)
    fields = transpose(decoded.objects)
    events = Events(fields, np.array(decoded.rows, np.int64)[fields.order])
    known_receipt = None if received is None else received[events.rows]
    _recognise(events)
    _interpret(events, records, options)
    events.columns["received_ms"] = nulls(events.size, pl.Int64)
    if known_receipt is not None:
        _judge_receipt(events, known_receipt, options)
    events.fail_where_bad_type()
    frame, failed = events.split()
    return Parsed(frame, decoded.failures + failed, events.clipped)


def _recognise(events: Events) -> None:
    """Dialect, student and times; the checks run in the order of the closed list."""
    fields, size = events.fields, events.size
    starts = first_present(fields, ("start_time", "chapter_start_time"), size)
    ends = first_present(fields, ("end_time", "chapter_end_time"), size)
    stamps = fields.column(TOP, "timestamp") or [None] * size
    contexts = fields.column(TOP, "context")
    is_view = _is_present(starts) & _is_present(ends)
    has_context = _is_kind(contexts, (dict,), size)
    is_clickstream = _is_kind(stamps, (int, float), size) & ~is_view & ~has_context
    is_raw = _is_kind(stamps, (str,), size)
    events.fail(~(is_view | has_context | is_clickstream | is_raw), "unknown_dialect")
    events.is_view, events.is_clickstream = is_view, is_clickstream
    _identify_students(events)
    _read_occurrence(events, starts, ends, stamps)


def _identify_students(events: Events) -> None:
    students = first_texts(events.fields.columns((TOP,), ("student_id",)), events.size)
    is_missing = students.values.is_null()
    if students.is_bad is not None:
        is_missing &= ~students.is_bad
    events.fail(is_missing.to_numpy(), "missing_student_id")
    events.add("student_id", students)


def _read_occurrence(events: Events, starts: list, ends: list, stamps: Sequence) -> None:
    is_view = events.is_view
    occurred = read_times(_choose(is_view, starts, stamps))
    ended = read_times(ends) if is_view.any() else np.full(events.size, np.iinfo(np.int64).min)
    events.fail(~is_time(occurred) | (is_view & ~is_time(ended)), "bad_time")
    events.fail(is_view & (ended < occurred), "end_before_start")
    events.fail(is_view & (ended - occurred > MAX_INTERVAL_MS), "interval_too_long")
    events.columns["occurred_ms"] = pl.Series(occurred)
    events.columns["ended_ms"] = pl.Series(ended).set(pl.Series(~is_view), None)


def _judge_receipt(events: Events, received: np.ndarray, options: ParseOptions) -> None:
    """Neither the future nor the past is checked where the receipt is unknown."""
    is_known = is_time(received)
    occurred = events.columns["occurred_ms"].to_numpy()
    events.columns["received_ms"] = pl.Series(received).set(pl.Series(~is_known), None)
    if options.max_future_ms:
        is_ahead = is_known & (occurred > received + options.max_future_ms)
        events.fail(is_ahead, "in_the_future")
    if options.max_age_days:
        oldest = received - options.max_age_days * _DAY_MS
        events.fail(is_known & (occurred < oldest), "too_old")


def _interpret(events: Events, records: Sequence[bytes], options: ParseOptions) -> None:
    interpret_names(events, options.spellings)
    interpret_pages(events)
    interpret_ids(events)
    interpret_devices(events)
    interpret_scroll(events)
    _interpret_measures(events)
    _interpret_rest(events, options)
    _identify_records(events, records)


def _interpret_measures(events: Events) -> None:
    def values(key: str) -> list:
        return list(events.fields.columns(MEASURED, (key,)))

    columns, measure = events.columns, events.measure
    columns["measured_ms"] = milliseconds(measure("time_spent", "time_spent_seconds"))
    columns["spent_ms"] = milliseconds(measure("time_spent"))
    columns["tail_ms"] = milliseconds(measure("time_spent", "duration"))
    columns["position_ms"] = milliseconds(measure("current_time"))
    columns["seek_from_ms"] = milliseconds(measure("from"))
    columns["seek_to_ms"] = milliseconds(measure("to"))
    columns["video_duration_ms"] = milliseconds(measure("video_duration", minimum=0.001))
    columns["playback_rate"] = measure("playback_rate", minimum=SLOWEST_RATE, maximum=FASTEST_RATE)
    columns["is_correct"] = first_of(values("correct"), events.size, bool, pl.Boolean)
    columns["score"] = measure("score")
    columns["selected_option"] = first_texts(values("selected_option"), events.size).values
    columns["is_done"] = first_of(values("completed"), events.size, bool, pl.Boolean)


def _interpret_rest(events: Events, options: ParseOptions) -> None:
    groups = events.fields.groups
    metadata = [text for group in groups for text in redact_group(group)]
    events.columns["metadata"] = pl.Series(metadata, dtype=pl.Binary).cast(pl.String)
    scopes = (TOP, "context", "metadata", "payload")
    for name in ("ip", "ip_address", *options.rule_fields):
        column = first_texts(events.fields.columns(scopes, (name,)), events.size)
        events.columns[f"raw_{name}"] = column.values
    interpret_places(events)


def _identify_records(events: Events, records: Sequence[bytes]) -> None:
    chosen = [records[row] for row in events.rows.tolist()]
    fingerprints = list(map(xxhash.xxh3_64_intdigest, chosen))
    events.columns["fingerprint"] = pl.Series(fingerprints, dtype=pl.UInt64)
    ids = first_texts(events.fields.columns((TOP,), ("event_id",)), events.size)
    ids.fill(events.name_after_bytes(ids.values, chosen))
    events.add("event_id", ids)


def first_present(fields: Fields, keys: tuple[str, ...], size: int) -> list[Any]:
    """The first value that is not null among several keys of the top level."""
    result: list[Any] = [None] * size
    for values in fields.columns((TOP,), keys):
        result = [a if a is not None else b for a, b in zip(result, values, strict=True)]
    return result


def _choose(is_first: np.ndarray, first: Sequence, second: Sequence) -> Sequence:
    if not is_first.any():
        return second
    return [a if c else b for c, a, b in zip(is_first.tolist(), first, second, strict=True)]


def _is_present(values: Sequence) -> np.ndarray:
    if values.count(None) == len(values):
        return np.zeros(len(values), bool)
    return np.fromiter((v is not None for v in values), bool, len(values))


def _is_kind(values: Sequence | None, kinds: tuple[type, ...], size: int) -> np.ndarray:
    found: set[type] = set(map(type, values or ()))
    if values is None or found.isdisjoint(kinds):
        return np.zeros(size, bool)
    if found <= set(kinds):
        return np.ones(size, bool)
    return np.fromiter((type(v) in kinds for v in values), bool, size)
