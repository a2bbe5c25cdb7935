"""Which views are beside the tables? Those of `pipelines.readers.views`, in GoogleSQL."""

from pipelines.outputs.bigquery.address import NUMBERED
from pipelines.readers import views
from schemas import tables

_VIDEO_COLUMNS = (
    "student_hash", "event_id", "session_id", "event_type", "event_name", "occurred_at",
    "event_date", "course_id", "chapter_id", "lesson_id", "video_id", "device_type",
)  # fmt: skip


def _number(key: str) -> str:
    """A measure that is a number and not negative; the JSON of a text has its quotes: no number."""
    value = f"SAFE_CAST(JSON_QUERY(metadata, '$.{key}') AS FLOAT64)"
    return f"IF({value} >= 0, {value}, NULL)"


def _video_events() -> str:
    columns = ", ".join(_VIDEO_COLUMNS)
    measures = ", ".join(f"{_number(key)} AS {name}" for name, key in views.MEASURES.items())
    position = f"COALESCE({_number('current_time')}, {_number('to')})"
    return (
        f"SELECT {columns}, {position} AS position_seconds, {measures}, "
        "JSON_VALUE(metadata, '$.video_quality') AS video_quality "
        "FROM silver.events WHERE STARTS_WITH(event_type, 'video_')"
    )


def _numbered() -> str:
    """With names in place of `*`: a view would not show a column that its table gets later."""
    names = ", ".join(column.name for column in tables.get("question_attempts").columns)
    text = views.SELECTS["silver.question_attempts"].replace("SELECT *", f"SELECT {names}", 1)
    return text.format(source="{question_attempts}")


VIEWS = {
    f"silver.{NUMBERED}": (
        "Answers with attempt_number: how often the student has answered the question by then.",
        _numbered(),
    ),
    f"silver.{views.VIDEO_EVENTS}": (
        "One row per video event: position, length, rate, quality and buffer of the player.",
        _video_events(),
    ),
}
"""Full name -> description and text; `{question_attempts}` is the table of the stored answers."""
