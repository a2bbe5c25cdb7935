"""Do live alerts follow the watermark of a real stream? With Beam's TestStream."""

import datetime
import json
from collections.abc import Iterable
from random import Random
from typing import Any

import apache_beam as beam
import polars as pl
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream as Stream
from apache_beam.transforms.window import TimestampedValue

from tests.transforms.busy_school import BEGIN_MS, clicks, frames, incidents, lively
from transforms.alert_options import MINUTE_MS, AlertOptions, AlertRules
from transforms.raise_alerts import RaiseAlerts
from transforms.track_incidents import describe

NOW = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
DROP = "active_students_drop"
DRAINED_MS = BEGIN_MS + 10_000 * MINUTE_MS
SMALL = AlertRules(
    AlertOptions(drop_from_students=4, video_views=2, idle_students=2, new_level_minutes=20)
)
Step = list[bytes] | int
"""Records that arrive, or the minute that the watermark reaches."""

_told: list[dict[str, Any]] = []
_rows: list[dict[str, Any]] = []


def _clock() -> datetime.datetime:
    return NOW


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    _told.clear()
    _rows.clear()


def _keep_rows(change: tuple[str, pl.DataFrame]) -> None:
    assert change[0] == "alerts"
    _rows.extend(change[1].to_dicts())


def _keep_told(incident: dict[str, Any]) -> None:
    _told.append(incident)


def _stream(steps: Iterable[Step], rules: AlertRules = AlertRules()) -> None:  # noqa: B008
    stream = Stream().advance_watermark_to(BEGIN_MS // 1000)
    for step in steps:
        if isinstance(step, int):
            stream.advance_watermark_to(BEGIN_MS // 1000 + step * 60)
        elif step:
            at = BEGIN_MS // 1000  # as late as possible: a frame's own time means nothing
            stream.add_elements([TimestampedValue(frame, at) for frame in frames(step, 2)])
    stream.advance_watermark_to_infinity()
    options = PipelineOptions(["--streaming"])
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        raised = pipeline | stream | RaiseAlerts(_clock, rules)
        _ = raised.changes | "KeepRows" >> beam.Map(_keep_rows)
        _ = raised.incidents | "KeepTold" >> beam.Map(_keep_told)


def _minutes(milliseconds: int) -> int:
    return (milliseconds - BEGIN_MS) // MINUTE_MS


def _steady(*phases: tuple[int, int]) -> list[Step]:
    """Students that click every minute, some minutes each, the watermark right behind."""
    steps: list[Step] = []
    minute = 0
    for students, minutes in phases:
        for _ in range(minutes):
            steps += [clicks(range(students), minute), minute + 1]
            minute += 1
    return steps


def test_stream_alert_opens_does_not_flap_and_recovers() -> None:
    _stream(_steady((50, 8), (20, 9), (50, 1), (20, 9), (45, 12)))
    drops = [row for row in _rows if row["kind"] == DROP]
    first = drops[0]["alert_id"]
    revisions = [(r["revision"], r["closed_at"] is None) for r in drops if r["alert_id"] == first]
    assert revisions == [(1, True), (2, False)]
    assert drops[0]["opened_at"].minute == 13
    assert drops[1]["closed_at"].minute == 33
    assert drops[0]["processed_at"] == NOW
    assert not drops[0]["is_deleted"]


def test_stream_that_falls_silent_is_seen_as_soon_as_the_watermark_passes() -> None:
    _stream([*_steady((30, 6)), 11])
    opened = [row for row in _rows if row["kind"] == DROP and row["revision"] == 1]
    assert [_minutes(row["opened_at"].timestamp() * 1000) for row in opened] == [11]


def test_stream_tells_of_an_open_incident_every_minute_and_of_a_closed_one_for_a_while() -> None:
    _stream(_steady((50, 8), (20, 20), (50, 30)))
    told = [incident for incident in _told if incident["kind"] == DROP]
    first = [i["revision"] for i in told if i["opened_ms"] == told[0]["opened_ms"]]
    assert first == [1] * 21 + [2] * 10


def test_stream_facts_behind_the_watermark_change_no_alert() -> None:
    late = [r for minute in range(8, 14) for r in clicks(range(50), minute)]
    steps = _steady((50, 8), (20, 6))
    _stream([*steps, late, 15, 16])
    opened = [row["opened_at"].minute for row in _rows if row["kind"] == DROP]
    assert opened[0] == 13


@pytest.mark.parametrize("seed", range(3))
def test_stream_in_any_order_gives_the_incidents_of_the_evaluator(seed: int) -> None:
    chance = Random(seed)
    sent = lively(chance)
    # At most three minutes behind the newest: within the out-of-orderness of the source.
    keyed = sorted((_arrival(frame, chance), n) for n, frame in enumerate(sent))
    steps: list[Step] = []
    for place in range(0, len(keyed), 200):
        chunk = keyed[place : place + 200]
        steps += [_minutes(chunk[0][0]) - 3, [sent[n] for _, n in chunk]]
    _stream(_rising(steps), SMALL)
    expected = incidents(sent, DRAINED_MS, SMALL)
    assert _ordered(_rows) == [(i.alert_id, i.revision, i.value) for i in _sorted(expected)]
    last = {told["alert_id"]: told for told in _told}
    assert last == {i.alert_id: describe(i) for i in expected}


def _arrival(record: bytes, chance: Random) -> int:
    told = json.loads(record)
    return told.get("end_time", told.get("timestamp")) + chance.randrange(3 * MINUTE_MS)


def _rising(steps: list[Step]) -> Iterable[Step]:
    reached = 0
    for step in steps:
        if not isinstance(step, int):
            yield step
        elif step > reached:
            reached = step
            yield step


def _ordered(rows: list[dict[str, Any]]) -> list[tuple]:
    return sorted((row["alert_id"], row["revision"], row["value"]) for row in rows)


def _sorted(found: list) -> list:
    return sorted(found, key=lambda incident: (incident.alert_id, incident.revision))
