"""Which course, chapter and so on does a page's address name?"""

import itertools
import urllib.parse
from functools import lru_cache

import polars as pl

from transforms.columns import map_unique

_SEGMENTS = {
    **dict.fromkeys(("course", "courses"), "course_id"),
    **dict.fromkeys(("chapter", "chapters"), "chapter_id"),
    **dict.fromkeys(("lesson", "lessons"), "lesson_id"),
    **dict.fromkeys(("video", "videos"), "video_id"),
    **dict.fromkeys(("quiz", "quizzes"), "quiz_id"),
    **dict.fromkeys(("assignment", "assignments"), "assignment_id"),
    **dict.fromkeys(("question", "questions"), "question_id"),
}
PAGE_IDS = tuple(dict.fromkeys(_SEGMENTS.values()))
_PAGE_ROW = pl.Struct(dict.fromkeys(PAGE_IDS, pl.String))


def strip_page(pages: pl.Series) -> pl.Series:
    """Pages without query string and fragment; null when nothing remains."""
    bare = pages.str.extract(r"^([^?#]*)", 1)
    return bare.set(bare == "", None)


@lru_cache(maxsize=1 << 16)
def ids_on_page(page: str) -> dict[str, str | None]:
    """Ids that follow their keyword in the path, percent-decoded; the first of each counts."""
    segments = _path(page).split("/")
    found: dict[str, str | None] = dict.fromkeys(PAGE_IDS)
    for keyword, value in itertools.pairwise(segments):
        name = _SEGMENTS.get(keyword.lower())
        if name and value and found[name] is None:
            found[name] = urllib.parse.unquote(value)
    return found


def page_ids(pages: pl.Series) -> pl.DataFrame:
    """`ids_on_page` of a column of pages: one column per id."""
    return map_unique(pages, ids_on_page, _PAGE_ROW).struct.unnest()


def _path(page: str) -> str:
    if "://" not in page:
        return page
    return "/".join(page.split("://", 1)[1].split("/")[1:])
