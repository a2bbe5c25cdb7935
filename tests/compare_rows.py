"""Are these rows the expected ones? The rules of comparison of the worked cases, and the cases."""

import hashlib
import hmac
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"
DEFAULT_KEY = "example-key"
RELATIVE_TOLERANCE = 1e-9


def load_cases(folder: Path = EXAMPLES) -> list[tuple[str, dict]]:
    """(name, case) of every worked case, in order."""
    paths = sorted(folder.glob("*.json"))
    return [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in paths]


def record_bytes(event: Mapping | str) -> bytes:
    """The bytes of a case's record: a text is those bytes, an object becomes JSON."""
    text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    return text.encode()


def student_hash(student_id: str, key: str = DEFAULT_KEY) -> str:
    """The keyed hash that stands for a student."""
    return hmac.new(key.encode(), student_id.encode(), hashlib.sha256).hexdigest()


def compare_rows(
    expected: Iterable[Mapping], actual: Iterable[Mapping], key: str = DEFAULT_KEY
) -> list[str]:
    """What differs between expected, partial rows and all actual rows; empty when nothing does.

    Each expected row must be matched by an actual row of its own, in any order, and no actual row
    may be left. Doubles agree to a relative 1e-9, `student_id` stands for its `student_hash`, texts
    are read as times or dates where the actual value is one.
    """
    wanted = [_with_hash(row, key) for row in expected]
    found = list(actual)
    pairs = _match(wanted, found)
    missing = [row for place, row in enumerate(wanted) if place not in pairs.values()]
    left = [row for place, row in enumerate(found) if place not in pairs]
    texts = [f"missing: {row}{_nearest(row, left)}" for row in missing]
    return texts + [f"not expected: {row}" for row in left]


def differing_columns(expected: Mapping, actual: Mapping) -> list[str]:
    """The columns of the expected row whose value in the actual row is another or absent."""
    return [
        column
        for column, value in expected.items()
        if column not in actual or not is_same(value, actual[column], column)
    ]


def is_same(expected: object, actual: object, column: str = "") -> bool:
    """Whether two values are the same by the rules of the worked cases."""
    if expected is None or actual is None:
        return expected is actual
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return math.isclose(expected, actual, rel_tol=RELATIVE_TOLERANCE)
    if isinstance(actual, date):  # a datetime is a date too
        return _as_time(expected) == _as_time(actual)
    if isinstance(expected, list) and isinstance(actual, list):
        same = (is_same(*pair) for pair in zip(expected, actual, strict=False))
        return len(expected) == len(actual) and all(same)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and not differing_columns(expected, actual)
    if column == "metadata":
        return json.loads(expected) == json.loads(actual)
    return expected == actual


def _as_time(value: object) -> object:
    """A UTC time for anything that names one, a date for anything that names a date."""
    if isinstance(value, str):
        value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _with_hash(row: Mapping, key: str) -> dict:
    changed = {column: value for column, value in row.items() if column != "student_id"}
    if "student_id" in row:
        changed["student_hash"] = student_hash(row["student_id"], key)
    return changed


def _match(wanted: list[dict], found: list[Mapping]) -> dict[int, int]:
    """The largest matching, found row -> wanted row (augmenting paths)."""
    choices = [
        [place for place, row in enumerate(found) if not differing_columns(want, row)]
        for want in wanted
    ]
    pairs: dict[int, int] = {}
    for place in range(len(wanted)):
        _augment(place, choices, pairs, set())
    return pairs


def _augment(place: int, choices: list[list[int]], pairs: dict[int, int], seen: set[int]) -> bool:
    for choice in _unseen(choices[place], seen):
        if choice not in pairs or _augment(pairs[choice], choices, pairs, seen):
            pairs[choice] = place
            return True
    return False


def _unseen(choices: list[int], seen: set[int]) -> Iterator[int]:
    for choice in choices:
        if choice not in seen:
            seen.add(choice)
            yield choice


def _nearest(row: dict, left: list[Mapping]) -> str:
    """A hint: the columns in which the nearest row left over differs."""
    if not left:
        return ""
    nearest = min(left, key=lambda other: len(differing_columns(row, other)))
    differs = {column: nearest.get(column) for column in differing_columns(row, nearest)}
    return f" (nearest differs in {differs})"
