"""On what was a visit spent? On the video it holds, else on the quiz, else on reading."""

import json
from typing import Any

import pytest

from tests.in_memory import run

START_MS = 1_772_359_200_000
PLACE = {"course_id": "k1", "chapter_id": "c1"}


def _record(at: float, kind: str, **told: Any) -> bytes:
    moment = START_MS + round(at * 1000)
    return json.dumps({"student_id": "s", "timestamp": moment, "event_type": kind, **told}).encode()


def _interval(begins: float, ends: float) -> bytes:
    span = {
        "start_time": START_MS + round(begins * 1000),
        "end_time": START_MS + round(ends * 1000),
    }
    return json.dumps({"student_id": "s", **PLACE, **span}).encode()


def _kinds(*records: bytes) -> list[str]:
    visits = run(records).tables["chapter_visits"]
    return [v["activity_kind"] for v in sorted(visits, key=lambda visit: visit["started_at"])]


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (("page_view", "scroll", "assignment_submit"), "reading"),
        (("page_view", "quiz_start"), "quiz"),
        (("quiz_answer", "quiz_submit", "scroll"), "quiz"),
        (("video_play",), "video"),
        (("quiz_start", "video_progress", "quiz_submit", "scroll"), "video"),
    ],
)
def test_a_video_goes_before_a_quiz_and_a_quiz_before_reading(
    types: tuple[str, ...], kind: str
) -> None:
    assert _kinds(*(_record(at, name, **PLACE) for at, name in enumerate(types))) == [kind]


def test_events_without_a_chapter_count_for_the_open_visit() -> None:
    opened = _record(0, "page_view", **PLACE)
    assert _kinds(opened, _record(1, "video_play")) == ["video"]
    assert _kinds(opened, _record(1, "quiz_start")) == ["quiz"]
    assert _kinds(opened, _record(1, "login"), _record(2, "video_play")) == ["reading"]


def test_a_video_at_the_moment_the_next_visit_begins_belongs_to_whoever_is_first_by_id() -> None:
    """Two events of one millisecond: their ids decide, which no time of a visit could tell."""
    first = _record(0, "page_view", event_id="a", **PLACE)
    video = _record(9, "video_play", event_id="b")
    following = {"course_id": "k1", "chapter_id": "c2"}
    assert _kinds(first, video, _record(9, "page_view", event_id="c", **following)) == [
        "video", "reading",
    ]  # fmt: skip
    assert _kinds(first, video, _record(9, "page_view", event_id="Z", **following)) == [
        "reading", "video",
    ]  # fmt: skip


def test_points_attached_to_an_interval_count_for_it_and_others_do_not() -> None:
    inside, after = _record(30, "quiz_answer", **PLACE), _record(61, "quiz_answer", **PLACE)
    assert _kinds(_interval(0, 60)) == ["reading"]
    assert _kinds(_interval(0, 60), inside) == ["quiz"]
    assert _kinds(_interval(0, 60), after) == ["reading", "quiz"]
    assert _kinds(_interval(0, 60), inside, _record(40, "video_play", **PLACE)) == ["video"]
