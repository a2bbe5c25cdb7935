"""Which figures does a running pipeline tell of itself? The table of all of them."""

from dataclasses import dataclass
from typing import Literal

PREFIX = "chapterflow_"
Kind = Literal["counter", "sum", "gauge", "histogram"]


@dataclass(frozen=True)
class Metric:
    """A figure. `sum` is a count that corrections can lower; `labels` split it."""

    name: str
    kind: Kind
    description: str
    labels: tuple[str, ...] = ()

    @property
    def exposed(self) -> str:
        """Its name in Prometheus."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"


METRICS: tuple[Metric, ...] = (
    Metric("records_read", "counter", "records that came from the source"),
    Metric("dead_letters", "counter", "records that cannot be used", ("reason",)),
    Metric("excluded", "counter", "events left out by consent or exclusion rules"),
    Metric("without_consent", "counter", "events left out for want of consent"),
    Metric("late", "counter", "accepted events behind the watermark"),
    Metric("dropped", "counter", "events later than the allowed lateness: only in the raw zone"),
    Metric("clipped_scroll_depths", "counter", "scroll depths outside 0 to 100"),
    Metric("unknown_chapters", "counter", "events of chapters that the catalogue does not know"),
    Metric("bundles", "counter", "bundles of records parsed"),
    Metric("events", "sum", "distinct events that sessions were made of"),
    Metric("duplicates", "sum", "copies of events that were left out"),
    Metric("out_of_range", "sum", "events outside the dates that are written"),
    Metric("id_conflicts", "sum", "events that share their id with another of the session"),
    Metric("sessions", "sum", "sessions made, retracted ones taken off"),
    Metric("open_sessions", "gauge", "sessions that an event could still join"),
    Metric("lag_seconds", "gauge", "age of the newest record when it was read"),
    Metric("watermark_seconds", "gauge", "event time that is complete, as epoch seconds"),
    Metric("commit_seconds", "histogram", "duration of a commit of a table", ("table",)),
    Metric("rows_upserted", "counter", "rows inserted or replaced in tables", ("table",)),
    Metric("rows_retracted", "counter", "rows removed from tables", ("table",)),
    Metric("raw_records", "counter", "records kept in the raw zone"),
    Metric("raw_files", "counter", "files finished in the raw zone"),
    Metric("live_events", "counter", "events written to the live store"),
    Metric("live_events_dropped", "counter", "events the live store was away too long for"),
    Metric("live_events_refused", "counter", "events the live store refused"),
    Metric("live_events_waiting", "gauge", "events waiting for the live store"),
    Metric("live_store_errors", "counter", "failed requests to the live store"),
    Metric("live_store_is_up", "gauge", "1 while the live store answers, else 0"),
    Metric("live_write_seconds", "histogram", "duration of a write to the live store"),
    Metric("alerts_told", "counter", "openings and closings of incidents told to receivers"),
    Metric("alerts_not_delivered", "counter", "deliveries of incidents that failed"),
)


def render() -> str:
    """The table as Markdown: name in Prometheus, kind, labels, meaning."""
    head = "| metric | kind | labels | meaning |\n|---|---|---|---|"
    rows = (
        f"| `{m.exposed}` | {_KINDS[m.kind]} | {', '.join(m.labels)} | {m.description} |"
        for m in METRICS
    )
    return "\n".join([head, *rows]) + "\n"


_KINDS = {"counter": "counter", "sum": "gauge", "gauge": "gauge", "histogram": "histogram"}
