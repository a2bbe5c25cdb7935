"""Which steps does an event pass in a stream? The graph of the long-running program."""

import datetime
import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam

from pipelines import VERSION
from pipelines.inputs.streams.pubsub import PubSubStream
from pipelines.inputs.streams.pubsub_direct import ReadPubSubDirectly, ahead_seconds
from pipelines.inputs.streams.read import ReadStream
from pipelines.inputs.streams.sources import StreamSource
from pipelines.observability import observe
from pipelines.observability.watch_worker import WatchEvents, WatchWorker
from pipelines.options.stream_options import StreamOptions
from pipelines.outputs.deliver_alerts import DeliverAlerts, LiveStoreDelivery
from pipelines.outputs.describe_run import Run
from pipelines.outputs.keep_tables import KeepTables
from pipelines.outputs.live_store import open_client
from pipelines.outputs.raw_zone import KeepRaw
from pipelines.outputs.update_live import UpdateLive
from transforms.alert_options import AlertRules
from transforms.derive import DeriveOptions
from transforms.follow_days import FollowDays
from transforms.follow_students import FollowSettings, FollowStudents
from transforms.note_trend_dates import NoteTrendDates
from transforms.parse_events import ParseSettings
from transforms.parse_stream import ParseStream, StreamSettings
from transforms.raise_alerts import RaiseAlerts
from transforms.revise_tables import ReviseSettings, ReviseTables
from transforms.tally_counts import TallyCounts
from transforms.total_changes import TotalChanges

_TREND_SECONDS = 60.0


@dataclass(frozen=True)
class StreamPlan:
    """A stream, ready to be built: what to read, how to compute, where to write."""

    source: StreamSource
    is_direct: bool
    options: StreamOptions
    parse: ParseSettings
    derive: DeriveOptions
    run: Run


def build_stream(pipeline: beam.Pipeline, plan: StreamPlan) -> None:
    """A source to tables, live figures, alerts and the raw zone."""
    options = plan.options
    received = read_records(pipeline, plan)
    if options.raw_zone:
        keep_raw = KeepRaw(options.raw_zone, options.raw_file_bytes, options.raw_file_seconds)
        _ = received | "KeepRaw" >> keep_raw
    parsed = received | "ParseStream" >> ParseStream(stream_settings(plan))
    if options.live_store:
        _ = parsed.events | "UpdateLive" >> update_live(options)
    watch = WatchEvents(options.metrics.session_gap_ms, _max_future_ms(options))
    _ = parsed.events | "WatchEvents" >> watch
    alerts = _alert(parsed.events, options)
    revising = ReviseSettings(plan.derive, options.retention, _now, observe.count_outcome)
    students = parsed.events | "FollowStudents" >> FollowStudents(_follow_settings(plan))
    revised = students | "ReviseTables" >> ReviseTables(revising)
    days = revised.traces | "FollowDays" >> FollowDays(revising)
    contributions = (revised.contributions, days.contributions)
    # Of the changes of a row between two commits only the last would be seen.
    total = TotalChanges(revising, options.commit_interval_seconds)
    totals = contributions | "JoinContributions" >> beam.Flatten() | "TotalChanges" >> total
    counts = (parsed.counts, revised.counts) | "JoinCounts" >> beam.Flatten()
    tally = counts | "TallyCounts" >> TallyCounts()
    trending = totals | "NoteTrendDates" >> NoteTrendDates(_now, _TREND_SECONDS)
    changes = (revised.changes, days.changes, totals, trending, tally, parsed.dead_letters, alerts)
    keep = KeepTables(options.warehouse, plan.run, plan.derive, options.retention.owned_from)
    _ = changes | "JoinChanges" >> beam.Flatten() | "KeepTables" >> keep


def read_records(pipeline: beam.Pipeline, plan: StreamPlan) -> beam.PCollection:
    """Records as the source gives them, watched from the process that reads them."""
    options = plan.options
    direct = _direct_pubsub(plan)
    read: beam.PTransform = ReadPubSubDirectly(direct) if direct else ReadStream(plan.source)
    watch = WatchWorker(
        options.log_format, plan.run.run_id, options.metrics_port, options.health_file
    )
    return pipeline | "ReadStream" >> read | "WatchWorker" >> watch


def update_live(options: StreamOptions) -> UpdateLive:
    """The step that keeps the live store."""
    return UpdateLive(str(options.live_store), options.metrics, _max_future_ms(options))


def _direct_pubsub(plan: StreamPlan) -> PubSubStream | None:
    """The source, if Beam's own reader of the DirectRunner is to read it."""
    source = plan.source
    return source if plan.is_direct and isinstance(source, PubSubStream) else None


def _alert(events: beam.PCollection, options: StreamOptions) -> beam.PCollection:
    rules = AlertRules(options.alerts, options.metrics, _max_future_ms(options))
    raised = events | "RaiseAlerts" >> RaiseAlerts(_now, rules)
    if options.live_store:
        connect = partial(_receivers, options.live_store)
        _ = raised.incidents | "DeliverAlerts" >> DeliverAlerts(connect)
    return raised.changes


def _max_future_ms(options: StreamOptions) -> int:
    return round(options.max_future_seconds * 1000)


def _receivers(live_store: str) -> list[Any]:
    return [LiveStoreDelivery(open_client(live_store))]


def stream_settings(plan: StreamPlan) -> StreamSettings:
    """How records are parsed."""
    lateness_ms = plan.options.retention.allowed_lateness_ms
    return StreamSettings(plan.parse, lateness_ms, _now, observe.count_outcome)


def _follow_settings(plan: StreamPlan) -> FollowSettings:
    options, direct = plan.options, _direct_pubsub(plan)
    return FollowSettings(
        options.retention,
        fingerprint(plan.derive),
        _now,
        publish_seconds=options.publish_seconds,
        ahead_seconds=ahead_seconds(direct) if direct else 0,
    )


def fingerprint(derive: DeriveOptions) -> str:
    """Changes with anything that the rows of given events depend on."""
    catalogues = (derive.catalogue.chapters, derive.questions.questions)
    parts = [VERSION, repr(derive.metrics), *(frame.write_ndjson() for frame in catalogues)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
