"""How are drawn events written as JSON Lines, a column at a time?"""

from collections.abc import Sequence

import polars as pl

RAW_EVENT, MIXED = "raw_event", "mixed"
DEVICES = ("web", "android", "iphone", "ipad", "desktop", "mobile")
DEVICE_TYPES = ("desktop", "mobile", "mobile", "tablet", "desktop", "mobile")
SUBJECTS = ("MATH", "SCI", "LANG", "HIST", "GEO", "PHYS", "CODE", "ART")
TYPE = pl.col("event_type")
# Some things are done outside of any chapter: then no ids are sent.
HAS_PLACE = (pl.col("chance") >= 0.05) & ~TYPE.is_in(["login", "forum_view"])
# Each chapter has one video of its own length.
VIDEO_SECONDS = 120 + (pl.col("course") * 37 + pl.col("chapter") * 53) % 480
POSITION = pl.min_horizontal("position", VIDEO_SECONDS)


def encode_lines(events: pl.DataFrame, event_types: Sequence[str], dialect: str) -> pl.Series:
    """One JSON text for each row of `draw_events`, in the order given."""
    course = pl.format("course-{}", _padded("course"))
    named = (
        events.with_columns(pl.col("course", "chapter").cast(pl.Int32))
        .with_columns(
            event_type=_name(pl.col("type"), event_types),
            course_id=course,
            chapter_id=pl.format("{}-ch{}", course, _padded("chapter")),
            student_id=pl.format("stu_{}", pl.col("student") + 1001),
        )
        .with_columns(measures=_measures())
    )
    return named.select(_raw_event() if dialect == RAW_EVENT else _mixed()).to_series()


def _name(code: pl.Expr, names: Sequence[str]) -> pl.Expr:
    """The name that a number stands for."""
    return code.replace_strict(list(range(len(names))), list(names), return_dtype=pl.String)


def _padded(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.zfill(2)


def _when(condition: pl.Expr, text: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(text).otherwise(pl.lit(""))


def _clock(column: pl.Expr) -> pl.Expr:
    """ISO 8601 in UTC with milliseconds."""
    return pl.from_epoch(column, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def _measures() -> pl.Expr:
    """What metadata or payload holds, without the braces; never empty."""
    is_video, is_seek = TYPE.str.starts_with("video_"), TYPE == "video_seek"
    session = pl.format('"app":"5.{}.{}"', pl.col("device"), pl.col("question"))
    return pl.concat_str(
        session,
        _when(TYPE.is_in(["page_view", "scroll", "chapter_view"]), _reading()),
        _when(TYPE == "click", pl.format(',"x":{},"y":{}', "x", "y")),
        _when(is_video, pl.format(',"video_id":"v-{}"', "chapter_id")),
        _when(is_seek, pl.format(',"from":{},"to":{}', POSITION, _target())),
        _when(is_video & ~is_seek, _playing()),
        _when(TYPE.str.starts_with("quiz_"), pl.format(',"quiz_id":"quiz-{}"', "chapter_id")),
        _when(TYPE == "quiz_answer", _answer()),
    )


def _reading() -> pl.Expr:
    time_spent = _when(pl.col("chance") < 0.4, pl.format(',"time_spent":{}', "time_spent"))
    return pl.concat_str(pl.format(',"scroll_depth":{}', "scroll_depth"), time_spent)


def _target() -> pl.Expr:
    return pl.min_horizontal("target", VIDEO_SECONDS)


def _playing() -> pl.Expr:
    text = ',"current_time":{},"video_duration":{},"playback_rate":{}'
    return pl.format(text, POSITION, VIDEO_SECONDS, "playback_rate")


def _answer() -> pl.Expr:
    is_right = pl.when(pl.col("target") < 410).then(pl.lit("true")).otherwise(pl.lit("false"))
    option = _name(pl.col("x") % 4, "ABCD")
    text = ',"correct":{},"selected_option":"{}","time_spent":{}'
    return pl.format(text, is_right, option, "time_spent")


def _question() -> pl.Expr:
    text = pl.format('"question_id":"{}-q{}",', "chapter_id", "question")
    return _when(TYPE == "quiz_answer", text)


def _page() -> pl.Expr:
    inside = pl.format(
        '"page_url":"/course/{}/chapter/{}?visit={}",', "course_id", "chapter_id", "x"
    )
    page = pl.when(HAS_PLACE).then(inside).otherwise(pl.lit('"page_url":"/home",'))
    return _when(TYPE.is_in(["page_view", "chapter_view"]), page)


def _raw_event() -> pl.Expr:
    place = pl.format('"course_id":"{}","chapter_id":"{}",', "course_id", "chapter_id")
    head = '{"event_id":"{}","student_id":"{}","timestamp":"{}","event_type":"{}",'
    return pl.concat_str(
        _format(head, "event_id", "student_id", _clock(pl.col("at_ms")), TYPE),
        _page(),
        _when(HAS_PLACE, place),
        _question(),
        _format('"device":"{}","metadata":{', _name(pl.col("device"), DEVICES)),
        "measures",
        pl.lit("}}"),
    )


def _clickstream() -> pl.Expr:
    head = '{"event_id":"{}","student_id":"{}","class_id":"{}","subject_id":"{}",'
    category = (
        pl.when(TYPE.str.starts_with("video_")).then(pl.lit("video_event"))
        .when(TYPE.str.starts_with("quiz_")).then(pl.lit("quiz_action"))
        .otherwise(pl.lit("click"))
    )  # fmt: skip
    body = '"event_type":"{}","event_name":"{}","timestamp":{},"metadata":{"device":"{}",'
    place = pl.format('"course_id":"{}","chapter_id":"{}",', "course_id", "chapter_id")
    subject = _name(pl.col("course") % 8, SUBJECTS)
    return pl.concat_str(
        _format(head, "event_id", "student_id", pl.col("course") % 12 + 1, subject),
        _when(HAS_PLACE, place),
        _question(),
        _format(body, category, TYPE, "at_ms", _name(pl.col("device"), DEVICES)),
        "measures",
        pl.lit("}}"),
    )


def _analytics_event() -> pl.Expr:
    head = '{"event_id":"{}","student_id":"{}","event_type":"{}","timestamp":"{}",'
    place = pl.format('"course_id":"{}","lesson_id":"{}"', "course_id", "chapter_id")
    device = '},"device":{"type":"{}"},"payload":{'
    return pl.concat_str(
        _format(head, "event_id", "student_id", TYPE, _clock(pl.col("at_ms"))),
        pl.lit('"context":{'),
        _when(HAS_PLACE, place),
        _format(device, _name(pl.col("device"), DEVICE_TYPES)),
        _question(),
        "measures",
        pl.lit("}}"),
    )


def _chapter_view() -> pl.Expr:
    end_ms = pl.col("at_ms") + (pl.col("time_spent") * 1000).cast(pl.Int64)
    head = '{"event_id":"{}","student_id":"{}","course_id":"{}","chapter_id":"{}",'
    times = '"start_time":"{}","end_time":"{}","time_spent_seconds":{},'
    tail = '"device_type":"{}","scroll_depth":{}}'
    return pl.concat_str(
        _format(head, "event_id", "student_id", "course_id", "chapter_id"),
        _format(
            times, _clock(pl.col("at_ms")), _clock(end_ms), pl.col("time_spent").cast(pl.Int32)
        ),
        _format(tail, _name(pl.col("device"), DEVICE_TYPES), "scroll_depth"),
    )


def _mixed() -> pl.Expr:
    """The dialect that was drawn for each row, in equal parts."""
    return (
        pl.when(pl.col("dialect") == 0).then(_raw_event())
        .when(pl.col("dialect") == 1).then(_clickstream())
        .when(pl.col("dialect") == 2).then(_analytics_event())
        .otherwise(_chapter_view())
    )  # fmt: skip


def _format(text: str, *parts: pl.Expr | str) -> pl.Expr:
    """`pl.format` for texts with braces of their own: only `{}` stands for a part."""
    pieces = text.split("{}")
    columns: list[pl.Expr] = [pl.lit(pieces[0])]
    for part, piece in zip(parts, pieces[1:], strict=True):
        columns += [pl.col(part) if isinstance(part, str) else part, pl.lit(piece)]
    return pl.concat_str(columns)
