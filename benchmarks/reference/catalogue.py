"""What do the catalogues say of a chapter, a lesson or an answer?"""

from collections.abc import Iterable, Mapping

from benchmarks.reference.clock import whole_ms


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


class Catalogue:
    """Rows of the course catalogue, looked up by plain search over dicts."""

    def __init__(self, rows: Iterable[Mapping] | None):
        self.is_given = rows is not None
        self._courses: dict[str, set[str]] = {}
        self._lessons: dict[str, list[tuple[str, str]]] = {}
        self._expected_ms: dict[tuple[str, str], int | None] = {}
        for row in rows or ():
            self._add(row)

    def _add(self, row: Mapping) -> None:
        course, chapter = _text(row.get("course_id")), _text(row.get("chapter_id"))
        self._courses.setdefault(chapter, set()).add(course)
        self._expected_ms.setdefault((course, chapter), _expected_ms(row.get("expected_minutes")))
        for lesson in (row.get("lesson_ids") or "").split(";"):
            self._lessons.setdefault(lesson.strip(), []).append((course, chapter))

    def knows(self, chapter: str) -> bool:
        """Whether any course has the chapter."""
        return chapter in self._courses

    def course_of(self, chapter: str) -> str | None:
        """The course of a chapter that exactly one course has."""
        courses = self._courses.get(chapter, set())
        return next(iter(courses)) if len(courses) == 1 else None

    def chapter_of(self, lesson: str, course: str | None) -> str | None:
        """The one chapter with that lesson, of the course where it is known."""
        rows = self._lessons.get(lesson, [])
        found = {chapter for its_course, chapter in rows if course in (None, its_course)}
        return found.pop() if len(found) == 1 else None

    def expected_ms(self, course: str | None, chapter: str) -> int | None:
        """Expected time of a chapter in milliseconds; None if unknown."""
        return self._expected_ms.get((course, chapter))


def _expected_ms(minutes: object) -> int | None:
    if minutes is None or minutes == "" or float(minutes) <= 0:
        return None
    return whole_ms(float(minutes) * 60_000)


def correct_options(questions: Iterable[Mapping] | None) -> dict[tuple[str, str], str]:
    """The right option of each (quiz, question) whose catalogue row names one."""
    rows = questions or ()
    return {
        (str(row["quiz_id"]), str(row["question_id"])): _text(row["correct_option"])
        for row in rows
        if _text(row.get("correct_option")) is not None
    }
