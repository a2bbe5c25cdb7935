"""Are ids read off a page's path as the requirements say?"""

import polars as pl
import pytest

from transforms.locate import PAGE_IDS, ids_on_page, page_ids, strip_page

CASES = [
    ("/course/k1/chapter/c2", {"course_id": "k1", "chapter_id": "c2"}),
    ("/Courses/k1/LESSONS/l", {"course_id": "k1", "lesson_id": "l"}),
    ("chapters/5", {"chapter_id": "5"}),
    ("/quiz/q", {"quiz_id": "q"}),
    ("/quizzes/q/questions/7", {"quiz_id": "q", "question_id": "7"}),
    ("/videos/v/assignment/a", {"video_id": "v", "assignment_id": "a"}),
    ("/chapter/a%20b%2Fc", {"chapter_id": "a b/c"}),
    ("/chapter/%C3%A9", {"chapter_id": "é"}),
    ("/chapter/", {}),
    ("/chapter", {}),
    ("/chapter//5", {}),
    ("/chapter/1/chapter/2", {"chapter_id": "1"}),
    ("/chapter/chapter/2", {"chapter_id": "chapter"}),
    ("https://chapter/5", {}),
    ("https://lms.example/chapter/5", {"chapter_id": "5"}),
    ("https://lms.example", {}),
    ("app://chapter/chapter/5", {"chapter_id": "5"}),
    ("/mychapter/5", {}),
]


@pytest.mark.parametrize(("page", "expected"), CASES)
def test_ids_follow_their_keyword(page: str, expected: dict[str, str]) -> None:
    assert {k: v for k, v in ids_on_page(page).items() if v is not None} == expected


def test_a_column_of_pages_gives_a_column_per_id() -> None:
    found = page_ids(pl.Series([page for page, _ in CASES] + [None]))
    assert found.columns == list(PAGE_IDS)
    rows = [{k: v for k, v in row.items() if v is not None} for row in found.to_dicts()]
    assert rows == [expected for _, expected in CASES] + [{}]


def test_pages_lose_their_query_and_fragment() -> None:
    pages = pl.Series(["/a?b#c", "/a#c?b", "?b", "#", "", "/a", None, "/a\n?b"])
    assert strip_page(pages).to_list() == ["/a", "/a", None, None, None, "/a", None, "/a\n"]
