"""Where in a record does a field stand, and which value of it counts?"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from urllib.parse import unquote

from benchmarks.reference.clock import is_number, whole_ms

LARGEST_MEASURE = 1e9  # some 31 years of seconds: more is no measure, and sums stay in 64 bits
SLOWEST, FASTEST = 0.01, 100  # playback rates that a player can have
ID_NAMES = {
    "course_id": ("course_id",),
    "chapter_id": ("chapter_id",),
    "lesson_id": ("lesson_id",),
    "video_id": ("video_id",),
    "quiz_id": ("quiz_id", "assessment_id"),
    "question_id": ("question_id",),
    "assignment_id": ("assignment_id",),
    "class_id": ("class_id",),
    "subject_id": ("subject_id",),
    "client_session_id": ("session_id",),
}
_PATH_IDS = {
    "course_id": ("course", "courses"),
    "chapter_id": ("chapter", "chapters"),
    "lesson_id": ("lesson", "lessons"),
    "video_id": ("video", "videos"),
    "quiz_id": ("quiz", "quizzes"),
    "assignment_id": ("assignment", "assignments"),
    "question_id": ("question", "questions"),
}


class BadTypeError(ValueError):
    """A value that must have a certain type has another."""


def without_nulls(value: dict) -> dict:
    """A null key counts as absent."""
    return {key: inner for key, inner in value.items() if inner is not None}


class Levels:
    """The objects of a record in the order of look-up, null keys left out."""

    def __init__(self, record: dict):
        self.top = without_nulls(record)
        self.context = self._object("context")
        self.metadata = self._object("metadata")
        self.payload = self._object("payload")
        device = self.top.get("device")
        self.device = without_nulls(device) if isinstance(device, dict) else {}

    def _object(self, name: str) -> dict:
        value = self.top.get(name, {})
        return without_nulls(value) if isinstance(value, dict) else {}

    def check(self) -> None:
        """BadTypeError unless context, metadata and payload are objects where given."""
        for name in ("context", "metadata", "payload"):
            if not isinstance(self.top.get(name, {}), dict):
                raise BadTypeError(name)

    def values(self, names: Iterable[str], *levels: dict) -> Iterator[object]:
        """Every value of the names, level by level; by default top, metadata, payload."""
        for level in levels or (self.top, self.metadata, self.payload):
            yield from (level[name] for name in names if name in level)


def as_id(value: object) -> str | None:
    """An id as text; numbers become text, an empty text is none."""
    if not isinstance(value, str) and not is_number(value):
        raise BadTypeError("an id that is neither text nor number")
    return str(value) or None


def first_text(values: Iterable[object], name: str) -> str | None:
    """The first value that is not an empty text; BadTypeError if that is no text."""
    for value in values:
        if not isinstance(value, str):
            raise BadTypeError(name)
        if value:
            return value
    return None


def read_ids(levels: Levels) -> dict[str, str | None]:
    """The ids from top level, context, metadata, payload: the first that is not empty."""
    return {column: _read_id(levels, names) for column, names in ID_NAMES.items()}


def _read_id(levels: Levels, names: tuple[str, ...]) -> str | None:
    where = (levels.top, levels.context, levels.metadata, levels.payload)
    found = (as_id(value) for value in levels.values(names, *where))
    return next((text for text in found if text), None)


def read_page(levels: Levels) -> str | None:
    """page_url or screen_name without query string and fragment."""
    page = first_text(levels.values(("page_url", "screen_name"), levels.top), "page")
    return None if page is None else re.split(r"[?#]", page, maxsplit=1)[0] or None


def ids_of_path(page: str | None) -> dict[str, str]:
    """Ids read off the page's path: the segment after `course`, `chapter` and so on."""
    if page is None:
        return {}
    path = page.split("://", 1)[1].partition("/")[2] if "://" in page else page
    segments = path.split("/")
    found: dict[str, str] = {}
    for word, segment in pairwise(segments):
        column = _column_of(word.lower())
        if column and segment:
            found.setdefault(column, unquote(segment))
    return found


def _column_of(word: str) -> str | None:
    return next((column for column, words in _PATH_IDS.items() if word in words), None)


def _first_valid(values: Iterable[object], is_valid: Callable[[object], bool]) -> object:
    return next((value for value in values if is_valid(value)), None)


def _is_measure(value: object) -> bool:
    return is_number(value) and 0 <= value <= LARGEST_MEASURE


def number(levels: Levels, name: str) -> float | None:
    """The first valid number (not negative) of that name."""
    return _first_valid(levels.values((name,)), _is_measure)


def playback_rate(levels: Levels) -> float | None:
    """The first playback rate that a player can have."""
    return _first_valid(
        levels.values(("playback_rate",)),
        lambda value: _is_measure(value) and SLOWEST <= value <= FASTEST,
    )


def duration_ms(levels: Levels, name: str) -> int | None:
    """The first valid number of seconds of that name, as whole milliseconds."""
    return _milliseconds(number(levels, name))


def length_ms(levels: Levels, name: str) -> int | None:
    """The same of at least a millisecond: a length of 0 counts as missing."""
    values = levels.values((name,))
    return _milliseconds(_first_valid(values, lambda v: _is_measure(v) and v >= 0.001))


def _milliseconds(value: float | None) -> int | None:
    return None if value is None else whole_ms(value * 1000)


def boolean(levels: Levels, name: str) -> bool | None:
    """The first boolean of that name."""
    return _first_valid(levels.values((name,)), lambda value: isinstance(value, bool))


def option_text(levels: Levels, name: str) -> str | None:
    """The first text that is not empty, or number as text, of that name."""
    value = _first_valid(levels.values((name,)), _is_option)
    return None if value is None else str(value)


def _is_option(value: object) -> bool:
    return is_number(value) or (isinstance(value, str) and value != "")


def read_scroll_depth(levels: Levels) -> tuple[float | None, bool]:
    """Scroll depth within 0..100, and whether it had to be clipped."""
    depth = next(levels.values(("scroll_depth",)), None)
    if depth is not None and not is_number(depth):
        raise BadTypeError("scroll_depth")
    if depth is None:
        depth = _depth_of_sections(levels)
    if depth is None:
        return None, False
    return float(min(max(depth, 0), 100)), not 0 <= depth <= 100


def _depth_of_sections(levels: Levels) -> float | None:
    reached, total = number(levels, "sections_reached"), number(levels, "sections_total")
    return None if reached is None or not total else 100 * reached / total
