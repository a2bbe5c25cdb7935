"""How much of each video did a session play?"""

import math

from benchmarks.reference.clock import whole_ms
from benchmarks.reference.options import Options
from benchmarks.reference.sessions import first_known, merge_segments

STOPPING = ("video_pause", "video_stop", "video_complete")
TOLERANCE_MS = 1000
COMPLETED_RATIO = 0.9


class Player:
    """A player of one video: what it plays, from where, at which rate, and what it has played."""

    def __init__(self, length: int | None, idle_ms: int):
        self.length = length
        self.idle_ms = idle_ms
        self.is_playing = False
        self.position: int | None = None
        self.rate: float = 1
        self.since = 0
        self.segments: list[tuple[int, int, float]] = []

    def take(self, event: dict) -> None:
        """One event of the video."""
        end = self._close(event) if self.is_playing else None
        kind = event["event_type"]
        if kind == "video_play":
            self._play(event)
        elif kind == "video_seek":
            self._seek(event)
        elif kind in STOPPING:
            self.is_playing = False
        else:
            self.position = end
        self.since = event["start"]

    def _play(self, event: dict) -> None:
        unchanged = self.rate if self.is_playing else 1
        self.rate = unchanged if event["rate"] is None else event["rate"]
        self.position = event["position"]
        self.is_playing = True

    def _seek(self, event: dict) -> None:
        to = event["seek_to"]
        self.position = event["position"] if to is None else to
        if self.is_playing and event["rate"] is not None:
            self.rate = event["rate"]

    def _close(self, event: dict) -> int | None:
        """Closes the segment at the event; returns the position there."""
        elapsed = event["start"] - self.since
        end = event["seek_from" if event["event_type"] == "video_seek" else "position"]
        if end is None:
            end = self._estimate(elapsed)
        if self.position is not None:
            self._add(self._cut(end), elapsed)
        return end

    def _estimate(self, elapsed: int) -> int | None:
        """Position after that time of playing, no longer than a student stays without a sign."""
        if self.position is None:
            return None
        return self._cut(self.position + whole_ms(min(elapsed, self.idle_ms) * self.rate))

    def _cut(self, position: int) -> int:
        return position if self.length is None else min(position, self.length)

    def _add(self, end: int, elapsed: int) -> None:
        played = end - self.position
        if 0 < played <= whole_ms(elapsed * self.rate) + TOLERANCE_MS:
            self.segments.append((self.position, end, self.rate))

    def leave(self, elapsed: int) -> None:
        """Credits a play that is still open until the next event of the session."""
        end = self._estimate(elapsed)
        if self.is_playing and end is not None:
            self._add(end, elapsed)


def views_of_session(session: dict, options: Options) -> list[dict]:
    """One view per video of the session."""
    by_video: dict[str, list[int]] = {}
    for place, event in enumerate(session["events"]):
        if event["event_type"].startswith("video_") and event["video_id"] is not None:
            by_video.setdefault(event["video_id"], []).append(place)
    return [_view(session, places, options) for places in by_video.values()]


def _view(session: dict, places: list[int], options: Options) -> dict:
    events = [session["events"][place] for place in places]
    lengths = [event["length"] for event in events if event["length"] is not None]
    player = Player(max(lengths, default=None), options.idle_ms)
    for event in events:
        player.take(event)
    after = session["events"][places[-1] + 1 :]
    if after:
        player.leave(after[0]["start"] - events[-1]["start"])
    return {
        "session": session,
        "events": events,
        "start": events[0]["start"],
        "video_id": events[0]["video_id"],
        "course_id": first_known(events, "course_id"),
        "chapter_id": first_known(events, "chapter_id"),
        "length": player.length,
        **_figures(player, [event["event_type"] for event in events]),
    }


def _figures(player: Player, kinds: list[str]) -> dict:
    watched = sum(end - start for start, end, _ in player.segments)
    union = merge_segments((start, end) for start, end, _ in player.segments)
    unique = sum(end - start for start, end in union)
    ratio = None if player.length is None else min(1.0, unique / player.length)
    return {
        "watched": watched,
        "unique": unique,
        "ratio": ratio,
        "playing": math.fsum((end - start) / rate for start, end, rate in player.segments),
        "furthest": max((end for _, end, _ in player.segments), default=None),
        "seeks": kinds.count("video_seek"),
        "pauses": kinds.count("video_pause"),
        "is_completed": "video_complete" in kinds or (ratio or 0) >= COMPLETED_RATIO,
    }
