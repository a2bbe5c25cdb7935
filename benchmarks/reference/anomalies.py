"""What is out of the ordinary, in a visit, a session or a chapter's day?"""

import statistics
import uuid
from datetime import date, timedelta

from benchmarks.reference.catalogue import Catalogue
from benchmarks.reference.chapters import quantile, visits_by_chapter_day
from benchmarks.reference.clock import local_date, seconds
from benchmarks.reference.derived import Derived
from benchmarks.reference.options import Options

LONG_SESSION_SECONDS = 28_800.0
CLOCK_JUMP_MS = 300_000
OVERLAP_MS = 60_000
DROP_OFF_LIMIT = 0.7
LEAST_VISITS = 5
HISTORY_DAYS = 28
LEAST_HISTORY = 7
Z_LIMIT = 3.5


def find_anomalies(derived: Derived, options: Options, catalogue: Catalogue) -> list[dict]:
    """All rows of gold.anomalies, one per anomaly_id: the largest value is kept."""
    rows = [row for visit in derived.visits for row in _of_visit(visit, options)]
    rows += [row for session in derived.sessions for row in _of_session(session, options)]
    visits_by_day = visits_by_chapter_day(derived.visits, options)
    for key, visits in visits_by_day.items():
        rows += _low_engagement(key, visits, catalogue)
    rows += _time_changes(visits_by_day)
    kept: dict[str, dict] = {}
    for row in sorted(rows, key=lambda row: row["value"]):
        kept[row["anomaly_id"]] = row
    return list(kept.values())


def _row(
    kind: str, day: date, value: float, expected: float, score: float, **names: str | None
) -> dict:
    columns = ("student_hash", "session_id", "course_id", "chapter_id")
    where = {column: names.get(column) for column in columns}
    parts = (kind, day.isoformat(), *where.values(), names.get("visit_id"))
    text = "|".join(part or "" for part in parts)
    return {
        "anomaly_id": str(uuid.uuid5(uuid.NAMESPACE_OID, text)),
        "kind": kind,
        "date": day,
        **where,
        "value": value,
        "expected": expected,
        "score": score,
        "severity": "low" if score < 1.5 else "medium" if score < 3 else "high",
        "explanation": f"{kind}: {value:g} where {expected:g} was expected",
    }


def _of_visit(visit: dict, options: Options) -> list[dict]:
    day = local_date(visit["start"], options.timezone)
    columns = ("student_hash", "session_id", "course_id", "chapter_id", "visit_id")
    names = {column: visit[column] for column in columns}
    rows = []
    if visit["is_idle"]:
        value, limit = seconds(visit["time"]), seconds(visit["idle_limit"])
        rows.append(_row("idle_visit", day, value, limit, value / limit, **names))
    if visit["is_skim"]:
        value, limit = seconds(visit["active"]), seconds(visit["skim_limit"])
        rows.append(_row("skim_visit", day, value, limit, value / limit, **names))
    return rows


def _of_session(session: dict, options: Options) -> list[dict]:
    day = local_date(session["start"], options.timezone)
    names = {column: session[column] for column in ("student_hash", "session_id")}
    found = (
        ("over_long_session", _over_long_seconds(session), LONG_SESSION_SECONDS),
        ("clock_jump", _jump_seconds(session["events"]), CLOCK_JUMP_MS / 1000),
        ("overlapping_devices", _overlaps(session["events"]), 1.0),
    )
    return [
        _row(kind, day, value, limit, value / limit, **names)
        for kind, value, limit in found
        if value is not None
    ]


def _over_long_seconds(session: dict) -> float | None:
    duration = seconds(session["end"] - session["start"])
    is_cut = session["end_reason"] == "max_length"
    return duration if is_cut or duration > LONG_SESSION_SECONDS else None


def _jump_seconds(events: list[dict]) -> float | None:
    known = [event for event in events if event["received"] is not None]
    ahead = max((event["start"] - event["received"] for event in known), default=0)
    return seconds(ahead) if ahead > CLOCK_JUMP_MS else None


def _overlaps(events: list[dict]) -> float | None:
    """Number of three consecutive events, of those with a device, that are A, B, A."""
    known = [event for event in events if event["device_type"] is not None]
    triples = zip(known, known[1:], known[2:], strict=False)
    count = sum(
        first["device_type"] == third["device_type"] != second["device_type"]
        and third["start"] - first["start"] <= OVERLAP_MS
        for first, second, third in triples
    )
    return float(count) if count else None


def _low_engagement(key: tuple, visits: list[dict], catalogue: Catalogue) -> list[dict]:
    day, course, chapter = key
    names = {"course_id": course, "chapter_id": chapter}
    if len(visits) < LEAST_VISITS:
        return []
    drops = [visit["is_drop_off"] for visit in visits if visit["is_drop_off"] is not None]
    if drops and sum(drops) / len(drops) >= DROP_OFF_LIMIT:
        found = (sum(drops) / len(drops), DROP_OFF_LIMIT)
    else:
        found = _short_reading(visits, catalogue.expected_ms(course, chapter))
    if found is None:
        return []
    value, limit = found
    return [_row("low_engagement_chapter", day, value, limit, value / limit, **names)]


def _short_reading(visits: list[dict], expected: int | None) -> tuple[float, float] | None:
    """Median active time and its limit (seconds), where it is under 20 % of the expected time."""
    median = quantile([visit["active"] for visit in visits], 0.5)
    if expected is None or 5 * median >= expected:
        return None
    return seconds(median), seconds(expected / 5)


def _time_changes(visits_by_day: dict[tuple, list[dict]]) -> list[dict]:
    """Chapter-days whose median time stands out from the chapter's own 28 days before."""
    medians = {
        key: quantile([visit["time"] for visit in visits], 0.5)
        for key, visits in visits_by_day.items()
    }
    return [row for key in medians for row in _time_change(key, medians)]


def _time_change(key: tuple, medians: dict[tuple, float]) -> list[dict]:
    day, course, chapter = key
    days = [day - timedelta(days=back) for back in range(1, HISTORY_DAYS + 1)]
    keys = [(earlier, course, chapter) for earlier in days]
    history = [medians[earlier] for earlier in keys if earlier in medians]
    if len(history) < LEAST_HISTORY:
        return []
    expected = statistics.median(history)
    deviation = statistics.median(abs(median - expected) for median in history)
    z = 0.6745 * (medians[key] - expected) / deviation if deviation else 0
    if abs(z) < Z_LIMIT:
        return []
    kind = "chapter_time_spike" if z > 0 else "chapter_time_drop"
    names = {"course_id": course, "chapter_id": chapter}
    value, score = seconds(medians[key]), abs(z) / Z_LIMIT
    return [_row(kind, day, value, seconds(expected), score, **names)]
