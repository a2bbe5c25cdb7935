"""What is a row of silver? Facts about one student's events, sessions and visits."""

import datetime

from schemas.tables import Json, column, table

_STUDENT = "Keyed hash (HMAC-SHA-256, hex) of the student id."
_SESSION = "Session the row belongs to."
_COURSE = "Course; null when no record or catalogue names one."
_CHAPTER = "Chapter; ids of an unknown chapter are kept."
_DEVICE = "mobile, tablet or desktop; null if unknown."


@table(
    "silver",
    "one row per student, event id and time of occurrence",
    ("student_hash", "event_id", "occurred_at"),
    "event_date",
)
class Events:
    """Every accepted event in canonical form, after duplicates are removed."""

    event_id: str = column("Id given by the client, else sha256: and the hash of the record.")
    student_hash: str = column(_STUDENT, is_sensitive=True)
    event_type: str = column("Type in the taxonomy; `other` for an unknown one.")
    event_name: str | None = column("Name of the event as the client wrote it.")
    occurred_at: datetime.datetime = column("Event time (UTC, whole milliseconds).")
    ended_at: datetime.datetime | None = column("End of an interval event; null for a point.")
    is_id_conflict: bool = column("The session has the same event id at another time too.")
    received_at: datetime.datetime | None = column("Earliest known receipt; null for plain files.")
    event_date: datetime.date = column("Date of occurred_at in the reporting time zone.")
    event_hour: int = column("Hour (0-23) of occurred_at in the reporting time zone.")
    measured_seconds: float | None = column("Time spent as the client measured it (s).")
    course_id: str | None = column(_COURSE)
    chapter_id: str | None = column(_CHAPTER)
    lesson_id: str | None = column("Lesson.")
    video_id: str | None = column("Video.")
    quiz_id: str | None = column("Quiz or assessment.")
    question_id: str | None = column("Question.")
    assignment_id: str | None = column("Assignment.")
    class_id: str | None = column("Class or grade of the student.")
    subject_id: str | None = column("Subject.")
    client_session_id: str | None = column("Session id as the client sent it; informative only.")
    session_id: str = column(_SESSION)
    device_type: str | None = column(_DEVICE)
    os: str | None = column("Operating system as written, else from the user agent.")
    browser: str | None = column("Browser as written, else from the user agent.")
    network_type: str | None = column("Network type as written.")
    country_code: str | None = column("Country (ISO 3166 alpha-2).")
    region: str | None = column("Region within the country.")
    page: str | None = column("Page URL or screen name, without query string and fragment.")
    scroll_depth: float | None = column("Share of the page scrolled (0-100 %).")
    metadata: Json | None = column("Everything else the record said, personal data removed.")


@table("silver", "one row per session of a student", ("session_id",), "session_date")
class Sessions:
    """Runs of activity of one student, apart by more than the session gap or by a split rule."""

    session_id: str = column("UUIDv5 of student, start and first event: the same in every run.")
    student_hash: str = column(_STUDENT, is_sensitive=True)
    session_start: datetime.datetime = column("Time of the first event (UTC).")
    session_end: datetime.datetime = column("Largest end of the session's events (UTC).")
    session_duration_seconds: float = column("End minus start (s).")
    active_seconds: float = column("Active time: merged segments and gaps, each capped (s).")
    event_count: int = column("Number of events.")
    pages_visited: int = column("Number of distinct pages.")
    average_event_gap_seconds: float | None = column("Mean time between events; null for one (s).")
    device_type: str | None = column(_DEVICE)
    is_mobile: bool | None = column("Device is mobile or tablet; null if unknown.")
    browser: str | None = column("First known browser.")
    os: str | None = column("First known operating system.")
    network_type: str | None = column("First known network type.")
    class_id: str | None = column("First known class.")
    country_code: str | None = column("First known country (ISO 3166 alpha-2).")
    region: str | None = column("First known region.")
    end_reason: str = column(
        "Why the next event is not in it: inactivity, login, device, browser, network, max_length."
    )
    is_anomalous: bool = column("An anomaly row names this session.")
    session_date: datetime.date = column("Date of the start in the reporting time zone.")


@table(
    "silver",
    "one row per page view of a session",
    ("student_hash", "event_id", "viewed_at"),
    "view_date",
)
class PageViews:
    """Page views and chapter openings with the time until the next one."""

    event_id: str = column("Event that opened the page.")
    session_id: str = column(_SESSION)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    page: str | None = column("Page URL or screen name, without query string and fragment.")
    course_id: str | None = column(_COURSE)
    chapter_id: str | None = column(_CHAPTER)
    viewed_at: datetime.datetime = column("When the page was opened (UTC).")
    dwell_seconds: float = column("Time to the next page view, else to the last event (s).")
    active_seconds: float = column("Gaps between events in between, each capped (s).")
    is_entry: bool = column("First page view of the session.")
    is_exit: bool = column("Last page view of the session.")
    view_date: datetime.date = column("Date of viewed_at in the reporting time zone.")


@table("silver", "one row per visit of a chapter in a session", ("visit_id",), "visit_date")
class ChapterVisits:
    """Uninterrupted stays of a student in one chapter."""

    visit_id: str = column("UUIDv5 of session, course, chapter, start, kind and first event.")
    session_id: str = column(_SESSION)
    student_hash: str = column(_STUDENT, is_sensitive=True)
    course_id: str | None = column(_COURSE)
    chapter_id: str = column(_CHAPTER)
    started_at: datetime.datetime = column("Start of the visit (UTC).")
    ended_at: datetime.datetime = column("End of the visit (UTC).")
    time_spent_seconds: float = column("End minus start (s).")
    active_seconds: float = column("Active time of the visit (s).")
    scroll_depth: float | None = column("Largest scroll depth seen (0-100 %).")
    completion_rate: float | None = column("Progress of the visit (0-1); null if unknown.")
    is_completed: bool | None = column("Progress of at least 0.9; null if unknown.")
    is_drop_off: bool | None = column("Scrolled less than half and not completed; null if unknown.")
    is_idle: bool = column("Open much longer than active: a tab left open.")
    is_skim: bool = column("Scrolled far in too little time.")
    activity_kind: str = column(
        "video if the visit holds a video event, else quiz if it holds a quiz event, else reading."
    )
    class_id: str | None = column("First known class of the visit, else the session's.")
    subject_id: str | None = column("First known subject of the visit.")
    device_type: str | None = column(_DEVICE)
    visit_date: datetime.date = column("Date of the start in the reporting time zone.")


@table("silver", "one row per session and video", ("session_id", "video_id"), "view_date")
class VideoViews:
    """What of a video was played in a session."""

    student_hash: str = column(_STUDENT, is_sensitive=True)
    session_id: str = column(_SESSION)
    course_id: str | None = column("First known course of the video's events.")
    chapter_id: str | None = column("First known chapter of the video's events.")
    video_id: str = column("Video.")
    started_at: datetime.datetime = column("First event of the video in the session (UTC).")
    watched_seconds: float = column("Sum of the played segments (s of video).")
    unique_watched_seconds: float = column("Length of their union (s of video).")
    video_duration_seconds: float | None = column("Length of the video; null if unknown (s).")
    watch_ratio: float | None = column("Union over length, at most 1; null if unknown.")
    rewatched_seconds: float = column("Watched minus unique (s of video).")
    average_playback_rate: float | None = column("Watched over playing time; null if none.")
    playing_seconds: float = column("Time the played segments took: length over rate (s).")
    seeks_count: int = column("Number of seeks.")
    pauses_count: int = column("Number of pauses.")
    is_completed: bool = column("Watch ratio of at least 0.9, or a video_complete event.")
    furthest_position_seconds: float | None = column("Largest segment end; null if none (s).")
    view_date: datetime.date = column("Date of started_at in the reporting time zone.")


@table(
    "silver",
    "one row per answer to a question",
    ("student_hash", "event_id", "attempted_at"),
    "attempt_date",
)
class QuestionAttempts:
    """Answers to quiz questions. As queried, the view adds attempt_number over all history."""

    event_id: str = column("Event of the answer.")
    student_hash: str = column(_STUDENT, is_sensitive=True)
    session_id: str = column(_SESSION)
    course_id: str | None = column("Course that the answer's event names.")
    chapter_id: str | None = column("Chapter that the answer's event names.")
    quiz_id: str | None = column("Quiz.")
    question_id: str | None = column("Question.")
    attempted_at: datetime.datetime = column("When it was answered (UTC).")
    is_correct: bool | None = column("Whether the answer is right; null if unknown.")
    score: float | None = column("Score as sent.")
    time_spent_seconds: float | None = column("Measured, else since the last quiz event (s).")
    selected_option: str | None = column("Option chosen.")
    attempt_date: datetime.date = column("Date of attempted_at in the reporting time zone.")
