"""What is wrong right now? Frames of events in, incidents out, minute by minute of event time.

The watermark closes a minute; what comes later than that changes no alert.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import FixedWindows, GlobalWindow, GlobalWindows
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from transforms.alert_options import MINUTE_MS, AlertRules
from transforms.encode_frames import FrameCoder
from transforms.gather_facts import gather_facts, needed
from transforms.judge_minutes import judge_until
from transforms.keep_alert_state import keep_state, restore_state
from transforms.track_incidents import Incident, alert_rows, describe, is_told

Change = tuple[str, pl.DataFrame]
Keyed = tuple[int, pl.DataFrame]
Clock = Callable[[], datetime.datetime]

_EVERYONE = 0
"""The one key: an alert is about all students."""
_INCIDENTS = "incidents"


@dataclass
class RaiseAlerts(beam.PTransform):
    """Frames of canonical events to `.changes` of `gold.alerts` and `.incidents`.

    `.changes`: ("alerts", frame of stored rows with is_deleted and revision). `.incidents`: dicts
    of every incident that is open or closed of late, told again each minute: a receiver acts on
    the pairs of alert_id and revision that it has not seen. `clock` gives processed_at.
    """

    clock: Clock
    rules: AlertRules = field(default_factory=AlertRules)

    def expand(self, frames: beam.PCollection) -> Any:
        """Both outputs, as attributes of what is returned."""
        minutes = (
            frames
            | "GatherFacts" >> beam.ParDo(_GatherFacts(self.rules)).with_output_types(Keyed)
            | "Minutes" >> beam.WindowInto(FixedWindows(MINUTE_MS // 1000))
            | "GroupMinutes" >> beam.GroupByKey()
            | "JoinFacts" >> beam.MapTuple(_join).with_output_types(Keyed)
            | "LeaveMinutes" >> beam.WindowInto(GlobalWindows())
        )
        judge = beam.ParDo(_JudgeMinutes(self.clock, self.rules))
        return minutes | "JudgeMinutes" >> judge.with_outputs(_INCIDENTS, main="changes")


class _GatherFacts(beam.DoFn):
    """Facts of a bundle's frames, each minute's at its own time."""

    def __init__(self, rules: AlertRules):
        self._rules = rules

    def start_bundle(self) -> None:
        """Nothing gathered yet."""
        self._events: list[pl.DataFrame] = []

    def process(self, events: pl.DataFrame) -> None:
        """Keep what is needed of a frame."""
        if not events.is_empty():
            self._events.append(needed(events, self._rules.max_future_ms))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """One frame per minute; the watermark waits for the bundle, so none becomes late."""
        for end_ms, facts in gather_facts(self._events):
            yield WindowedValue((_EVERYONE, facts), _timestamp(end_ms - 1), (GlobalWindow(),))
        self._events = []


def _join(key: int, facts: Iterable[pl.DataFrame]) -> Keyed:
    return key, pl.concat(facts)


def _timestamp(milliseconds: int) -> Timestamp:
    return Timestamp(micros=milliseconds * 1000)


def _end_of_minute(facts: pl.DataFrame) -> int:
    return (int(facts["ended_ms"][0]) // MINUTE_MS + 1) * MINUTE_MS


class _JudgeMinutes(beam.DoFn):
    """Minutes in order, each once the watermark has passed it, also those without any event.

    When a timer of time T fires, every minute that ended by T has arrived; all of them are judged
    then, so that neither the order of timers nor a timer that was set anew matters.
    """

    FACTS = BagStateSpec("Facts", FrameCoder())
    STATE = ReadModifyWriteStateSpec("State", beam.coders.BytesCoder())
    MINUTE = TimerSpec("Minute", TimeDomain.WATERMARK)

    def __init__(self, clock: Clock, rules: AlertRules):
        self._clock, self._rules = clock, rules

    def process(
        self,
        element: Keyed,
        facts: Any = beam.DoFn.StateParam(FACTS),
        minute: Any = beam.DoFn.TimerParam(MINUTE),
    ) -> None:
        """Keep the facts of a minute until the watermark has passed its end."""
        facts.add(element[1])
        minute.set(_timestamp(_end_of_minute(element[1])))

    @on_timer(MINUTE)
    def judge(
        self,
        at: Any = beam.DoFn.TimestampParam,
        facts: Any = beam.DoFn.StateParam(FACTS),
        kept: Any = beam.DoFn.StateParam(STATE),
        minute: Any = beam.DoFn.TimerParam(MINUTE),
    ) -> Iterator[Any]:
        """Judge all minutes up to now, and see to it that the next one is judged as well."""
        until_ms = at.micros // 1000
        waiting = {_end_of_minute(frame): frame for frame in facts.read()}
        state, changed = judge_until(restore_state(kept.read()), waiting, until_ms, self._rules)
        kept.write(keep_state(state))
        facts.clear()
        ahead = {end_ms: frame for end_ms, frame in waiting.items() if end_ms > until_ms}
        for frame in ahead.values():
            facts.add(frame)
        if state.is_awake or ahead:
            minute.set(_timestamp(until_ms + MINUTE_MS if state.is_awake else min(ahead)))
        yield from self._tell(changed, [i for i in state.incidents if is_told(i, until_ms)])

    def _tell(self, changed: list[Incident], standing: list[Incident]) -> Iterator[Any]:
        if changed:
            zone = self._rules.metrics.reporting_timezone
            yield "alerts", alert_rows(changed, zone, self._clock())
        told = [*changed, *(incident for incident in standing if incident not in changed)]
        for incident in told:
            yield beam.pvalue.TaggedOutput(_INCIDENTS, describe(incident))
