"""Which fields do the dialects share? Their types, meanings and units, said once."""

import dataclasses
from collections.abc import Mapping
from typing import Any

_DATE = r"(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
ISO_TIME = rf"^{_DATE}[T ]{_TIME}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?$"
"""Times as text; without an offset they are UTC."""

IS_EPOCH_MS = {"minimum": 0, "maximum": 253402300799999}
_ID = ("string", "number")


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a record.

    `types` are JSON Schema type names. A field that is not required may be absent or null. A
    `is_measure` field of another type does not spoil the record: it counts as missing.
    """

    name: str
    types: tuple[str, ...]
    description: str
    is_required: bool = False
    is_measure: bool = False
    fields: tuple["Field", ...] = ()
    rules: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _ids(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, _ID, _ID_WORDS[name]) for name in names)


_ID_WORDS = {
    "course_id": "Course.",
    "chapter_id": "Chapter.",
    "lesson_id": "Lesson; stands for its chapter where no chapter is named.",
    "video_id": "Video.",
    "quiz_id": "Quiz.",
    "assessment_id": "Other spelling of quiz_id.",
    "question_id": "Question.",
    "assignment_id": "Assignment.",
    "class_id": 'Class or grade of the student, for example "7".',
    "subject_id": "Subject, for example MATH.",
    "session_id": "The client's own session id; informative, sessions are computed.",
}
ALL_IDS = _ids(*_ID_WORDS)

EVENT_ID = Field("event_id", _ID, "Unique id of the event; a redelivery repeats it.")
STUDENT_ID = Field(
    "student_id", _ID, "Student; stored only as a keyed hash.", True, rules={"minLength": 1}
)
EVENT_TYPE = Field("event_type", ("string",), "What happened; unknown types are kept as other.")
IS_ISO_TIME = {"pattern": ISO_TIME}
SCROLL_DEPTH = Field("scroll_depth", ("number",), "Share of the page scrolled (0-100 %).")
DEVICE = Field("device", ("string", "object"), "mobile, tablet, desktop, or a user agent.")
BROWSER = Field("browser", ("string",), "Browser, kept as written.")
OS = Field("os", ("string",), "Operating system, kept as written.")
DEVICE_TYPE = Field("device_type", ("string",), "mobile, tablet or desktop.")
PAGES = (
    Field("page_url", ("string",), "Page; query string and fragment are cut off."),
    Field("screen_name", ("string",), "Screen of an app, in place of page_url."),
)
TIME_SPENT = Field(
    "time_spent_seconds", ("number",), "Time spent as the client measured it (s).", is_measure=True
)


def _measures() -> tuple[Field, ...]:
    words = {
        "time_spent": "Time spent as the client measured it (s).",
        "duration": "Duration of the event (s).",
        "current_time": "Position in the video (s).",
        "video_duration": "Length of the video (s).",
        "playback_rate": "Speed of playing; 1 is normal.",
        "from": "Position before a seek (s).",
        "to": "Position after a seek (s).",
        "buffer_health": "Video loaded ahead of the position (s).",
        "score": "Score of an answer (0-1).",
    }
    numbers = tuple(Field(name, ("number",), text, is_measure=True) for name, text in words.items())
    return (
        *numbers,
        Field("video_quality", ("string",), "Quality of the video, such as 720p.", is_measure=True),
        Field("selected_option", ("string", "number"), "Option chosen.", is_measure=True),
        Field("correct", ("boolean",), "Whether the answer is right.", is_measure=True),
        Field("completed", ("boolean",), "Whether the chapter was completed.", is_measure=True),
    )


ALL_DETAILS = (SCROLL_DEPTH, *ALL_IDS, *_measures())
METADATA = Field(
    "metadata",
    ("object",),
    "Anything else; personal data is removed before it is stored.",
    fields=(DEVICE, BROWSER, OS, *ALL_DETAILS),
)
DEVICE_FIELDS = (Field("type", ("string",), "desktop, mobile or tablet."), OS, BROWSER)
