"""Has an incident begun, or is it over? Opened once, closed after a while back within."""

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from transforms import calendar
from transforms.alert_options import MINUTE_MS
from transforms.present import present

PLATFORM = "platform"
RESEND_MS = 10 * MINUTE_MS
"""How long a closed incident is told of again every minute, for receivers that were away."""


class Incident(msgspec.Struct, frozen=True):
    """An incident from its opening to its recovery; times in epoch ms, closed_ms None while open.

    `base`: the number of students against which it is judged. `within_ms`: since when what was
    measured has been back within its limit, None while it is not.
    """

    alert_id: str
    kind: str
    scope: str
    severity: str
    opened_ms: int
    value: float
    threshold: float
    explanation: str
    base: int = 0
    within_ms: int | None = None
    closed_ms: int | None = None

    @property
    def revision(self) -> int:
        """1 of an open incident, 2 of a closed one."""
        return 1 if self.closed_ms is None else 2


@dataclass(frozen=True)
class Reading:
    """What one rule says of one minute. `excess`: how many times its limit the value is."""

    kind: str
    is_breached: bool
    value: float
    threshold: float
    excess: float
    words: str
    base: int = 0


def track(
    incident: Incident | None, reading: Reading, at_ms: int, recovery_ms: int
) -> Incident | None:
    """The incident of a rule after the minute that ended at `at_ms`; None where there is none."""
    if incident is None:
        return _open(reading, at_ms) if reading.is_breached else None
    if reading.is_breached:
        return msgspec.structs.replace(incident, within_ms=None)
    since = at_ms if incident.within_ms is None else incident.within_ms
    if at_ms - since < recovery_ms:
        return msgspec.structs.replace(incident, within_ms=since)
    words = (
        f"{incident.explanation} Closed after {recovery_ms // MINUTE_MS} minutes: {reading.words}"
    )
    return msgspec.structs.replace(incident, within_ms=since, closed_ms=at_ms, explanation=words)


def is_told(incident: Incident, at_ms: int) -> bool:
    """Whether receivers are still told of it every minute."""
    return incident.closed_ms is None or at_ms - incident.closed_ms < RESEND_MS


def describe(incident: Incident) -> dict[str, Any]:
    """An incident as receivers get it: columns of `gold.alerts`, times in epoch ms, revision."""
    told = msgspec.structs.asdict(incident)
    del told["base"], told["within_ms"]
    return {**told, "revision": incident.revision}


def alert_rows(
    incidents: list[Incident], timezone: str, processed_at: datetime.datetime
) -> pl.DataFrame:
    """Stored rows of `gold.alerts`, with `is_deleted` and `revision`."""
    frame = pl.DataFrame([describe(incident) for incident in incidents], schema=_ROW)
    dated = frame.with_columns(calendar.dates(frame["opened_ms"], timezone).alias("date"))
    rows = present("alerts", dated, processed_at)
    return rows.with_columns(frame["revision"], pl.lit(False).alias("is_deleted"))


_ROW = {
    **dict.fromkeys(("alert_id", "kind", "scope", "severity", "explanation"), pl.String),
    **dict.fromkeys(("value", "threshold"), pl.Float64),
    **dict.fromkeys(("opened_ms", "closed_ms", "revision"), pl.Int64),
}


def _open(reading: Reading, at_ms: int) -> Incident:
    name = f"{reading.kind}|{PLATFORM}|{at_ms}"
    return Incident(
        alert_id=str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        kind=reading.kind,
        scope=PLATFORM,
        severity=_severity(reading.excess),
        opened_ms=at_ms,
        value=reading.value,
        threshold=reading.threshold,
        explanation=reading.words,
        base=reading.base,
    )


def _severity(excess: float) -> str:
    """The grades of anomalies."""
    return "low" if excess < 1.5 else "medium" if excess < 3 else "high"
