"""How do the live figures look in a terminal? Panels of lines, as many as there is room for."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import accumulate

from pipelines.live.groups import Group, hottest
from pipelines.live.view import LiveView

BARS = " ▁▂▃▄▅▆▇█"
_BOLD, _DIM, _GREEN, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_GAP = 2
_CLASS, _MOST_HEAT = 8, 12
"""Of the heat map: how wide the class is, how many rows there are at most."""
_WIDE = 120
"""From here on the latest events and sessions have a column of their own."""


def render(view: LiveView, width: int, height: int, has_colour: bool) -> str:
    """The screen: at most `height` lines of less than `width` characters."""
    head = [*_head(view), *_alerts(view), ""]
    room = max(height - len(head) - 1, 4)
    is_wide = width >= _WIDE
    columns = 3 if is_wide else 2
    size = (width - 1 - _GAP * (columns - 1)) // columns
    panels = [_left(view, room, size), _middle(view, room, size)]
    if is_wide:
        panels.append(_right(view, room, size))
    lines = [*head, *_beside(panels, size), _foot(view)]
    if len(lines) > height:
        lines = [*lines[: height - 1], lines[-1]]
    text = "\n".join(_cut(line, width - 1) for line in lines)
    return text if has_colour else _STYLE.sub("", text)


def _head(view: LiveView) -> list[str]:
    counts = [count for _, count in view.events_per_minute]
    trend = "" if view.trend is None else f" {_signed(view.trend)} in 5 min"
    score = "–" if view.engagement is None else f"{view.engagement:.0f}"
    return [
        f"{_BOLD}chapterflow live{_RESET}  {_clock(view.now_ms)} UTC",
        f"{_BOLD}{view.active_count:,}{_RESET} active  {view.idle_count:,} idle  "
        f"engagement {_BOLD}{score}{_RESET}/100{trend}",
        f"events per minute  {bars(counts)}  {_BOLD}{counts[-2]:,}{_RESET} in the last, "
        f"{max(counts):,} at most in 10",
    ]


def bars(counts: Sequence[int], most: int = 0, width: int = 2) -> str:
    """A bar for each count, as high as the count is beside `most` (the largest unless given)."""
    most = most or max(counts) or 1
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] * width for count in counts)


def _alerts(view: LiveView) -> list[str]:
    shown = [f"{_RED}! {_alert(alert)}{_RESET}" for alert in view.alerts[:2]]
    more = len(view.alerts) - len(shown)
    return [*shown, *([f"{_RED}! and {more} more{_RESET}"] if more else [])]


def _alert(alert: dict) -> str:
    words = (alert.get(name) for name in ("explanation", "kind", "alert_id"))
    return next((str(word) for word in words if word), str(alert))


def _left(view: LiveView, room: int, size: int) -> list[str]:
    heat = _heat(view, max(room // 3, room - len(view.classes) - 2), size)
    return [*_groups("class", view.classes, max(room - len(heat), 3), size), *heat][:room]


def _heat(view: LiveView, room: int, size: int) -> list[str]:
    """A row per class and chapter, a bar per minute, all bars of one scale."""
    minutes = [minute for minute, _ in view.events_per_minute]
    rows = hottest(view.heat, minutes, min(room - 1, _MOST_HEAT))
    if not rows:
        return []
    most = max(max(row.event_counts) for row in rows)
    wide = size - _CLASS - len(minutes) - 7
    lines = [
        f"{_cell(row.class_id, _CLASS)}{_cell(row.chapter_id, wide)}"
        f"{bars(row.event_counts, most, 1)}{sum(row.event_counts):>7,}"
        for row in rows
    ]
    return [_title(f"{'class':<{_CLASS}}{'chapter':<{wide}}{'by minute':<10}{'events':>7}"), *lines]


def _middle(view: LiveView, room: int, size: int) -> list[str]:
    rest = [*_shares(view.devices, size), *_shares(view.browsers, size)]
    subjects = _groups("subject", view.subjects[:3], 4, size) if view.subjects else []
    most = max(room - len(rest) - len(subjects), 3)
    return [*_groups("chapter", view.chapters, most, size), *subjects, *rest][:room]


def _right(view: LiveView, room: int, size: int) -> list[str]:
    half = (room - 2) // 2
    latest = [
        f"{_clock(e.moment_ms)} {e.student_hash[:6]} {e.event_type} {e.chapter_id or ''}"
        for e in view.latest[:half]
    ]
    sessions = [
        f"{_clock(e.moment_ms)} {e.student_hash[:6]} {e.kind}"
        for e in view.sessions[: room - 2 - half]
    ]
    return [_title("latest events"), *latest, _title("sessions"), *sessions]


def _groups(name: str, groups: list[Group], room: int, size: int) -> list[str]:
    """A table: active, idle, engagement and its trend."""
    wide = size - 24
    head = f"{name:<{wide}}{'active':>7}{'idle':>6}{'score':>6}{'±5m':>5}"
    lines = [
        f"{_cell(g.name, wide)}{g.active_count:>7,}{g.idle_count:>6,}"
        f"{_whole(g.engagement):>6}{_coloured(g.trend)}"
        for g in groups
    ]
    if len(lines) > room - 1:
        hidden = len(lines) - (room - 2)
        lines = [*lines[: room - 2], f"{_DIM}and {hidden} more{_RESET}"]
    return [_title(head), *lines]


def _shares(counts: dict[str, int], size: int) -> list[str]:
    total = sum(counts.values())
    parts = (f"{name} {100 * count / total:.0f}%" for name, count in counts.items())
    return [_cut("  ".join(parts), size)] if counts else []


def _foot(view: LiveView) -> str:
    if view.written_ms is None:
        return "nothing was written to this live store yet"
    ages = {
        "written": view.written_ms,
        "newest event": view.newest_ms,
        "watermark": view.watermark_ms,
    }
    words = [f"{name} {_age(view.now_ms - at)}" for name, at in ages.items() if at is not None]
    lag = [] if view.lag_ms is None else [f"lag {view.lag_ms / 1000:.2f} s"]
    return f"{_DIM}{', '.join([*lag, *words])} ago{_RESET}"


def _age(age_ms: int) -> str:
    seconds = age_ms / 1000
    if abs(seconds) < 120:
        return f"{seconds:.0f} s"
    if abs(seconds) < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.0f} h"


def _clock(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%H:%M:%S")


def _title(text: str) -> str:
    return f"{_DIM}{text}{_RESET}"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _signed(value: float) -> str:
    return f"{value:+.0f}" if round(value) else "±0"


def _coloured(trend: float | None) -> str:
    if trend is None:
        return f"{'–':>5}"
    colour = _GREEN if round(trend) > 0 else _RED if round(trend) < 0 else ""
    return f"{colour}{_signed(trend):>5}{_RESET if colour else ''}"


def _beside(panels: list[list[str]], size: int) -> list[str]:
    rows = max(map(len, panels))
    filled = [[*panel, *[""] * (rows - len(panel))] for panel in panels]
    return [(" " * _GAP).join(_pad(_cut(cell, size), size) for cell in row) for row in zip(*filled)]


def _cells(character: str) -> int:
    """How many cells of a terminal a character takes."""
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cells_of(text: str) -> int:
    """How many cells of a terminal a text takes, its styles none."""
    return sum(map(_cells, _STYLE.sub("", text)))


def _pad(text: str, size: int) -> str:
    return text + " " * max(size - cells_of(text), 0)


def _cell(text: str, size: int) -> str:
    """The text in a column of `size` cells, the last of them free."""
    return _pad(_cut(text, size - 1), size)


def _cut(text: str, size: int) -> str:
    """The text without control characters, its styles kept, in `size` cells."""
    is_long = cells_of(text) > size
    room = size - is_long
    cut = ""
    for part in re.split(f"({_STYLE.pattern})", text):
        is_style = _STYLE.fullmatch(part)
        shown = part if is_style else _fitting(filter(str.isprintable, part), room)
        room -= cells_of(shown)
        cut += shown
    return cut + ("…" if is_long else "")


def _fitting(characters: Iterable[str], room: int) -> str:
    """The first characters that take `room` cells at most."""
    sizes = accumulate(map(_cells, shown := list(characters)))
    return "".join(shown[: sum(size <= room for size in sizes)])
