"""What of a video was played in a session?

A walk in Python over the video events alone: each step depends on the one before (an estimated
position carries on), and videos are the smaller part of all events.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from transforms import calendar
from transforms.options import MetricOptions
from transforms.sessionize import Timeline
from transforms.slices import changes, codes, first_known, firsts_of, lasts_of

_STOPPING = ("video_pause", "video_stop", "video_complete")
_POSITIONS = ("position_ms", "seek_from_ms", "seek_to_ms")

Event = tuple[str, int, int | None, int | None, int | None, float | None]
"""Type, epoch ms, position, seek_from, seek_to (ms of video), playback rate; None where unknown."""

_TOLERANCE_MS = 1000
_HAIR = 1e-6
"""A product of doubles may lie a hair below a whole millisecond: that is no fraction to cut."""


@dataclass(slots=True)
class Playback:
    """The played segments (ms of video) of one video in one session, and the player's state."""

    length: int | None
    idle_ms: int
    segments: list[tuple[int, int]] = field(default_factory=list)
    playing_ms: float = 0.0
    is_playing: bool = False
    position: int | None = None
    rate: float = 1.0
    at: int = 0

    def handle(self, event: Event) -> None:
        """Close the segment that the event ends, then do what it says."""
        kind, at, position, seek_from, seek_to, rate = event
        is_seek = kind == "video_seek"
        resumed = seek_to if is_seek and seek_to is not None else position
        if self.is_playing:
            reached = self.close(at, seek_from if is_seek else position)
            if resumed is None and not is_seek and kind != "video_play":
                resumed = reached
        self._set(kind, rate)
        self.position, self.at = resumed, at

    def close(self, at: int, reached: int | None) -> int | None:
        """End the segment at `reached`, estimated where unknown; the position it ends at."""
        if self.position is None:
            return reached
        limit = (at - self.at) * self.rate
        if reached is None:
            reached = self.position + int(min(at - self.at, self.idle_ms) * self.rate + _HAIR)
        if self.length is not None:
            reached = min(reached, self.length)
        played = reached - self.position
        if 0 < played <= limit + _TOLERANCE_MS + _HAIR:
            self.segments.append((self.position, reached))
            self.playing_ms += played / self.rate
        return reached

    def _set(self, kind: str, rate: float | None) -> None:
        if kind in _STOPPING:
            self.is_playing = False
        elif kind == "video_play":
            self.rate = rate or (self.rate if self.is_playing else 1.0)
            self.is_playing = True
        elif kind == "video_seek" and self.is_playing:
            self.rate = rate or self.rate


def union_length(segments: list[tuple[int, int]]) -> int:
    """Length of the union of segments."""
    total = reach = 0
    for begin, end in sorted(segments):
        total += max(end - max(begin, reach), 0)
        reach = max(reach, end)
    return total


def watch_videos(timeline: Timeline, options: MetricOptions) -> pl.DataFrame:
    """One row per session and video: silver's columns, times and durations in milliseconds."""
    rows = _video_rows(timeline)
    events = timeline.events[rows]
    session = timeline.session[rows]
    firsts = firsts_of(changes(session, codes(events["video_id"])))
    views = pl.DataFrame(
        list(_play(timeline, rows, events, firsts, options)), schema=_PLAYED, orient="row"
    )
    first_events = events[firsts]
    started = first_events["occurred_ms"]
    return views.with_columns(
        *first_events["student_hash", "video_id"].get_columns(),
        timeline.sessions["session_id"].gather(session[firsts]),
        first_known(events["course_id"], firsts) if len(rows) else events["course_id"],
        first_known(events["chapter_id"], firsts) if len(rows) else events["chapter_id"],
        started.alias("started_ms"),
        calendar.dates(started, options.reporting_timezone).alias("view_date"),
    )


_PLAYED = {
    "watched_ms": pl.Int64,
    "unique_watched_ms": pl.Int64,
    "rewatched_ms": pl.Int64,
    "video_duration_ms": pl.Int64,
    "watch_ratio": pl.Float64,
    "playing_ms": pl.Float64,
    "average_playback_rate": pl.Float64,
    "seeks_count": pl.Int64,
    "pauses_count": pl.Int64,
    "is_completed": pl.Boolean,
    "furthest_position_ms": pl.Int64,
}


def _video_rows(timeline: Timeline) -> np.ndarray:
    """Rows of video events with a video, those of one session and video together, in order."""
    events = timeline.events
    is_video = events["event_type"].str.starts_with("video_") & events["video_id"].is_not_null()
    rows = np.flatnonzero(is_video.to_numpy())
    videos = codes(events["video_id"].gather(rows))
    return rows[np.lexsort((rows, videos, timeline.session[rows]))]


def _play(
    timeline: Timeline,
    rows: np.ndarray,
    events: pl.DataFrame,
    firsts: np.ndarray,
    options: MetricOptions,
) -> Iterator[tuple]:
    lengths = events["video_duration_ms"].to_list()
    columns = ["event_type", "occurred_ms", *_POSITIONS, "playback_rate"]
    steps = list(zip(*(events[name].to_list() for name in columns), strict=True))
    lasts = lasts_of(firsts, len(rows))
    next_at = _next_times(timeline, rows[lasts])
    for first, last, following in zip(firsts.tolist(), lasts.tolist(), next_at, strict=True):
        length = max((x for x in lengths[first : last + 1] if x), default=None)
        playback = Playback(length, options.idle_after_ms)
        view = steps[first : last + 1]
        for step in view:
            playback.handle(step)
        if playback.is_playing and following is not None:
            playback.close(following, None)
        yield _summarise(playback, [step[0] for step in view])


def _next_times(timeline: Timeline, rows: np.ndarray) -> list[int | None]:
    """When the session's event after each row happened; None when there is none."""
    following = np.minimum(rows + 1, timeline.size - 1)
    has_next = (rows + 1 < timeline.size) & (timeline.session[following] == timeline.session[rows])
    times = timeline.start[following].tolist()
    return [t if known else None for t, known in zip(times, has_next.tolist(), strict=True)]


def _summarise(playback: Playback, kinds: list[str]) -> tuple:
    segments, length = playback.segments, playback.length
    watched = sum(end - begin for begin, end in segments)
    unique = union_length(segments)
    ratio = None if length is None else min(unique / length, 1.0)
    is_completed = (ratio is not None and ratio >= 0.9) or "video_complete" in kinds
    rate = watched / playback.playing_ms if watched else None
    furthest = max((end for _, end in segments), default=None)
    return (
        watched, unique, watched - unique, length, ratio, playback.playing_ms, rate,
        kinds.count("video_seek"), kinds.count("video_pause"), is_completed, furthest,
    )  # fmt: skip
