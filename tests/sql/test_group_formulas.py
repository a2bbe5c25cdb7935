"""Do cohorts, assignments and skills come out as one works them out by hand?"""

import datetime

import pytest

from tests.sql.student_school import FIRST_DAY, answers, ask, day, record, sessions, tables_of


def test_a_cohort_has_a_row_for_each_week_also_where_nobody_came_back() -> None:
    given = tables_of(
        [*sessions("s1", [0.5, 14.5]), *sessions("s2", [6.9]), *sessions("s3", [7.1])]
    )
    rows = sorted(
        (row["cohort_week"], row["week_number"], row["cohort_students"], row["retained_students"])
        for row in ask("cohort_retention", given, 21)
    )
    second = FIRST_DAY + datetime.timedelta(days=7)
    assert rows == [
        (FIRST_DAY, 0, 2, 2), (FIRST_DAY, 1, 2, 0), (FIRST_DAY, 2, 2, 1), (FIRST_DAY, 3, 2, 0),
        (second, 0, 1, 1), (second, 1, 1, 0), (second, 2, 1, 0),
    ]  # fmt: skip


def test_an_assignment_is_submitted_for_good_from_its_first_start_to_its_last_submission() -> None:
    kinds = ("start", "start", "submit", "submit", "start")
    told = {"course_id": "k1", "assignment_id": "a1"}
    records = [record("s1", n, f"assignment_{kind}", **told) for n, kind in enumerate(kinds)]
    (submitted,) = ask("assignment_status", tables_of(records), 4)
    (started,) = ask("assignment_status", tables_of(records), 1)
    assert (submitted["started_at"].date(), submitted["submitted_at"].date()) == (day(0), day(3))
    assert (submitted["status"], started["status"]) == ("submitted", "started")
    assert started["submitted_at"] is None


def test_mastery_starts_from_one_half_and_moves_with_every_known_answer() -> None:
    given = tables_of([*answers(True, None, True), *answers(False, question_id="2", on_day=50)])
    rows = {row["skill_id"]: row for row in ask("skill_mastery", given)}
    assert (rows["sums"]["attempts_count"], rows["sums"]["accuracy"]) == (2, 1)
    assert (rows["sums"]["mastery"], rows["roots"]["mastery"]) == (3 / 4, 1 / 3)


@pytest.mark.parametrize(
    ("results", "is_gap"),
    [
        ((False, False), False),
        ((False, False, True), True),
        ((False, True, True), False),
        ((True, False, False, True, True, False), True),
    ],
)
def test_a_gap_needs_three_answers_and_a_mastery_under_the_pass_mark(results, is_gap) -> None:
    (row,) = ask("skill_mastery", tables_of(answers(*results)))
    assert row["is_gap"] is is_gap


def test_questions_without_skill_or_catalogue_say_nothing_about_mastery() -> None:
    without_skill = answers(True, False, question_id="3")
    assert ask("skill_mastery", tables_of(without_skill)) == []
    assert ask("skill_mastery", tables_of(answers(True), questions=())) == []
