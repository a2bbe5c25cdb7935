"""What does a student of the simulated school do in one sitting?"""

from dataclasses import dataclass, field
from random import Random

from benchmarks.simulate import activities
from benchmarks.simulate.courses import Chapter, Course
from benchmarks.simulate.days import Sitting
from benchmarks.simulate.students import Student
from benchmarks.simulate.trace import Action, Trace


@dataclass
class Progress:
    """How far the student is: the next chapter by course, and the courses begun and finished."""

    next_chapter: dict[str, int] = field(default_factory=dict)
    enrolled: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)


def sit(
    rng: Random, student: Student, sitting: Sitting, progress: Progress, dialect: str
) -> list[Action]:
    """The actions of a sitting, in the order they were begun; progress moves on."""
    trace = Trace(rng, student, sitting.client, sitting.start_ms)
    end_ms = sitting.start_ms + int(sitting.minutes * 60_000)
    course = rng.choice(student.courses)
    if dialect != "chapter_view":
        _arrive(trace, course, progress)
    while trace.now_ms < end_ms:
        if rng.random() < 0.1:
            course = rng.choice(student.courses)
        _study(trace, course, progress, dialect)
        trace.wait(2, 90)
    if dialect == "chapter_view":
        return [action for action in trace.actions if action.ended_ms is not None]
    if rng.random() < 0.3:
        trace.act("session_end")
    return trace.actions


def _arrive(trace: Trace, course: Course, progress: Progress) -> None:
    rng = trace.rng
    if rng.random() < 0.5:
        trace.act("login" if rng.random() < 0.8 else "session_start")
        trace.wait(1, 10)
    if rng.random() < 0.6:
        trace.act("page_view", page="/home")
        trace.wait(2, 40)
    if course.course_id not in progress.enrolled:
        progress.enrolled.add(course.course_id)
        trace.act("course_enroll").course = course
        trace.wait(1, 20)
    if rng.random() < 0.08:
        _meet_others(trace, course)


def _meet_others(trace: Trace, course: Course) -> None:
    """The forum, or a live lesson."""
    if trace.rng.random() < 0.3:
        trace.act("live_session_join").course = course
        trace.wait(600, 1500)
        trace.act("live_session_leave").course = course
        return
    trace.act("forum_view").course = course
    trace.wait(20, 200)
    if trace.rng.random() < 0.4:
        trace.act("forum_post", length=trace.rng.randint(20, 900)).course = course


def _study(trace: Trace, course: Course, progress: Progress, dialect: str) -> None:
    chapter = _choose(trace.rng, course, progress)
    if trace.rng.random() < 0.3:
        trace.act("lesson_start", chapter)
    in_intervals = dialect == "chapter_view" or (dialect == "mixed" and trace.rng.random() < 0.3)
    read = activities.read_in_intervals if in_intervals else activities.read_in_points
    is_done = read(trace, chapter)
    _extras(trace, chapter)
    if is_done:
        _advance(trace, course, chapter, progress)


def _extras(trace: Trace, chapter: Chapter) -> None:
    """What the chapter offers besides its text."""
    if chapter.video_id and trace.rng.random() < 0.6:
        trace.wait(1, 30)
        activities.watch_video(trace, chapter)
    if chapter.quiz_id and trace.rng.random() < 0.5:
        trace.wait(1, 60)
        activities.take_quiz(trace, chapter)
    if chapter.assignment_id and trace.rng.random() < 0.3:
        trace.wait(1, 60)
        activities.do_assignment(trace, chapter)


def _choose(rng: Random, course: Course, progress: Progress) -> Chapter:
    """Mostly the next chapter, at times an earlier one once more."""
    upcoming = progress.next_chapter.get(course.course_id, 0)
    last = len(course.chapters) - 1
    return course.chapters[min(last, upcoming if rng.random() < 0.8 else rng.randint(0, upcoming))]


def _advance(trace: Trace, course: Course, chapter: Chapter, progress: Progress) -> None:
    upcoming = max(progress.next_chapter.get(course.course_id, 0), chapter.order)
    progress.next_chapter[course.course_id] = upcoming
    if upcoming >= len(course.chapters) and course.course_id not in progress.finished:
        progress.finished.add(course.course_id)
        trace.act("course_complete").course = course
