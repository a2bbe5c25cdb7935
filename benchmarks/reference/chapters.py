"""How much time did each chapter get, by day and by hour?"""

import math
from collections import Counter

from benchmarks.reference.clock import QUARTER_MS, local_date, local_hour, seconds
from benchmarks.reference.derived import group
from benchmarks.reference.gold import mean, students_of
from benchmarks.reference.options import Options

QUANTILES = {"median": 0.5, "p25": 0.25, "p75": 0.75, "p90": 0.9}


def quantile(values: list[float], share: float) -> float:
    """The quantile by linear interpolation (PERCENTILE_CONT)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = math.ceil(place)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def visits_by_chapter_day(visits: list[dict], options: Options) -> dict[tuple, list[dict]]:
    """Visits by (date of start, course, chapter)."""
    dated = [{**visit, "date": local_date(visit["start"], options.timezone)} for visit in visits]
    return group(dated, "date", "course_id", "chapter_id")


def chapter_engagement(visits: list[dict], options: Options) -> list[dict]:
    """Rows of gold.chapter_engagement."""
    groups = visits_by_chapter_day(visits, options)
    return [_engagement(key, members) for key, members in groups.items()]


def _engagement(key: tuple, visits: list[dict]) -> dict:
    times = [visit["time"] for visit in visits]
    quantiles = {
        f"{name}_time_per_visit_seconds": seconds(quantile(times, share))
        for name, share in QUANTILES.items()
    }
    return {
        "date": key[0],
        "course_id": key[1],
        "chapter_id": key[2],
        "total_time_spent_seconds": seconds(sum(times)),
        "average_time_per_visit_seconds": seconds(sum(times) / len(times)),
        **quantiles,
        "median_active_seconds": seconds(quantile([visit["active"] for visit in visits], 0.5)),
        "unique_students": students_of(visits),
        "visits_count": len(visits),
        **_rates(visits),
        "time_distribution": _distribution(times),
    }


def _rates(visits: list[dict]) -> dict:
    depths = [visit["scroll_depth"] for visit in visits if visit["scroll_depth"] is not None]
    drops = [visit["is_drop_off"] for visit in visits if visit["is_drop_off"] is not None]
    completions = [visit["is_completed"] for visit in visits if visit["is_completed"] is not None]
    return {
        "average_scroll_depth": mean(depths),
        "drop_off_rate": mean(drops),
        "completion_rate": mean(completions),
        "drop_off_known_count": len(drops),
        "drop_off_count": sum(drops),
        "completion_known_count": len(completions),
        "completed_count": sum(completions),
        "scroll_known_count": len(depths),
    }


def _distribution(times: list[int]) -> list[dict]:
    counts = sorted(Counter(times).items())
    return [{"time_ms": time, "visits_count": count} for time, count in counts]


def chapter_hourly_activity(visits: list[dict], options: Options) -> list[dict]:
    """Rows of gold.chapter_hourly_activity."""
    pieces = [piece for visit in visits for piece in _pieces(visit, options)]
    columns = ("date", "hour", "course_id", "chapter_id", "class_id")
    return [
        dict(zip(columns, key, strict=True)) | _hour(members)
        for key, members in group(pieces, *columns).items()
    ]


def _pieces(visit: dict, options: Options) -> list[dict]:
    """The visit cut at the quarters of UTC hours; the first piece counts the visit itself."""
    pieces = []
    start = visit["start"]
    while start < visit["end"] or not pieces:
        end = min(visit["end"], (start // QUARTER_MS + 1) * QUARTER_MS)
        day, hour = local_hour(start, options.timezone)
        columns = ("course_id", "chapter_id", "class_id", "student_hash")
        piece = {column: visit[column] for column in columns}
        piece |= {"date": day, "hour": hour, "time": end - start, "visits": int(not pieces)}
        pieces.append(piece)
        start = end
    return pieces


def _hour(pieces: list[dict]) -> dict:
    return {
        "time_spent_seconds": seconds(sum(piece["time"] for piece in pieces)),
        "visits_count": sum(piece["visits"] for piece in pieces),
        "active_students": students_of(pieces),
    }
