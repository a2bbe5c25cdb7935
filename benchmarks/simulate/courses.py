"""What can be learned at the simulated school?"""

from dataclasses import dataclass
from random import Random

SUBJECTS = (
    ("MATH", "algebra"),
    ("SCI", "biology"),
    ("LANG", "essay-writing"),
    ("HIST", "old-empires"),
    ("GEO", "rivers"),
    ("PHYS", "motion"),
    ("CODE", "programming"),
    ("ART", "colour"),
)
# In two courses at once, so that a missing course cannot always be filled in.
SHARED_CHAPTER = "how-to-learn"
OPTION_LETTERS = "ABCD"


@dataclass(frozen=True)
class Question:
    """One question of a quiz; `difficulty` in 0..1 lowers the chance of a right answer."""

    question_id: str
    correct_option: str
    difficulty: float
    skill_id: str
    in_catalog: bool


@dataclass(frozen=True)
class Chapter:
    """One chapter; `minutes` is what it really takes, `expected_minutes` what its author said."""

    course_id: str
    class_id: str
    subject_id: str
    chapter_id: str
    title: str
    order: int
    difficulty: float
    minutes: float
    expected_minutes: int | None
    sections: int
    lesson_ids: tuple[str, ...]
    quiz_id: str | None
    pass_mark: float
    questions: tuple[Question, ...]
    video_id: str | None
    video_seconds: float
    assignment_id: str | None


@dataclass(frozen=True)
class Course:
    """A course of chapters in order, for one class and subject."""

    course_id: str
    title: str
    class_id: str
    subject_id: str
    chapters: tuple[Chapter, ...]


def make_courses(rng: Random, count: int) -> tuple[Course, ...]:
    """`count` courses, over all subjects and the classes 5 to 12."""
    return tuple(_course(rng, number) for number in range(count))


def _course(rng: Random, number: int) -> Course:
    subject_id, topic = SUBJECTS[number % len(SUBJECTS)]
    class_id = str(5 + (number * 3 + number // 8) % 8)
    course_id = f"{topic}-{class_id}-{number + 1:02d}"
    title = f"{topic.replace('-', ' ').capitalize()} for class {class_id}"
    # The authors of every fifth course have not said how long its chapters take.
    is_timed = number % 5 != 4
    chapters = tuple(
        _chapter(rng, (course_id, class_id, subject_id), order, is_timed, number)
        for order in range(1, rng.randint(6, 12) + 1)
    )
    return Course(course_id, title, class_id, subject_id, chapters)


def _chapter(
    rng: Random, place: tuple[str, str, str], order: int, is_timed: bool, number: int
) -> Chapter:
    course_id, class_id, subject_id = place
    code = f"{course_id}-ch{order:02d}"
    chapter_id = SHARED_CHAPTER if order == 1 and number < 2 else code
    difficulty = min(0.95, max(0.05, rng.gauss(0.25 + 0.04 * order, 0.15)))
    expected = rng.choice((5, 8, 10, 12, 15, 20, 30))
    has_quiz, has_video = rng.random() < 0.7, rng.random() < 0.75
    return Chapter(
        *(course_id, class_id, subject_id, chapter_id),
        title=f"Chapter {order}",
        order=order,
        difficulty=difficulty,
        minutes=expected * (0.6 + difficulty),
        expected_minutes=expected if is_timed else None,
        sections=rng.randint(3, 9),
        lesson_ids=tuple(f"{code}-l{part}" for part in range(1, rng.randint(1, 3) + 1)),
        quiz_id=f"{code}-quiz" if has_quiz else None,
        pass_mark=rng.choice((0.5, 0.6, 0.6, 0.7)),
        questions=_questions(rng, code, subject_id, difficulty) if has_quiz else (),
        video_id=f"{code}-video" if has_video else None,
        video_seconds=round(rng.uniform(90, 900), 1),
        assignment_id=f"{code}-task" if rng.random() < 0.25 else None,
    )


def _questions(rng: Random, code: str, subject_id: str, difficulty: float) -> tuple[Question, ...]:
    return tuple(
        Question(
            question_id=f"{code}-q{part}",
            correct_option=rng.choice(OPTION_LETTERS),
            difficulty=min(1.0, max(0.0, rng.gauss(difficulty, 0.2))),
            skill_id=f"{subject_id.lower()}-skill-{rng.randint(1, 6)}",
            in_catalog=rng.random() < 0.9,
        )
        for part in range(1, rng.randint(3, 8) + 1)
    )


def catalog_rows(courses: tuple[Course, ...]) -> list[dict[str, object]]:
    """The course catalogue: one row per course and chapter."""
    return [
        {
            "course_id": course.course_id,
            "course_title": course.title,
            "chapter_id": chapter.chapter_id,
            "chapter_title": chapter.title,
            "chapter_order": chapter.order,
            "subject_id": course.subject_id,
            "class_id": course.class_id,
            "expected_minutes": chapter.expected_minutes,
            "has_quiz": chapter.quiz_id is not None,
            "lesson_ids": ";".join(chapter.lesson_ids),
        }
        for course in courses
        for chapter in course.chapters
    ]


def question_rows(courses: tuple[Course, ...]) -> list[dict[str, object]]:
    """The question catalogue: one row per quiz and question that its authors described."""
    return [
        {
            "quiz_id": chapter.quiz_id,
            "question_id": question.question_id,
            "correct_option": question.correct_option,
            "pass_mark": chapter.pass_mark,
            "skill_id": question.skill_id,
        }
        for course in courses
        for chapter in course.chapters
        for question in chapter.questions
        if question.in_catalog
    ]
