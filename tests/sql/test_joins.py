"""Can BigQuery run the joins? It wants an equality of fields in every outer join.

Google's reference engine and the emulator take joins without one, so the texts are looked at.
"""

import re

import pytest

from pipelines.models.sql_models import SQL

_OUTER = re.compile(
    r"\b(?:LEFT|RIGHT|FULL)\s+(?:OUTER\s+)?JOIN\b(?P<rest>.*?)"
    r"(?=\b(?:LEFT|RIGHT|FULL|JOIN|WHERE|GROUP|ORDER|QUALIFY|HAVING|UNION|SELECT)\b|\Z)",
    re.DOTALL,
)
_EQUAL = re.compile(r"[\w)]\s+=\s+\w|\bUSING\b")
TEXTS = sorted(path.relative_to(SQL).as_posix() for path in SQL.glob("*/*.sql"))


def _outer_joins(text: str) -> list[str]:
    plain = re.sub(r"--[^\n]*", "", text)
    return [found["rest"] for found in _OUTER.finditer(plain)]


@pytest.mark.parametrize("name", TEXTS)
def test_outer_joins_have_an_equality(name: str) -> None:
    joins = _outer_joins((SQL / name).read_text("utf-8"))
    assert [join for join in joins if not _EQUAL.search(join)] == []


def test_an_outer_join_without_one_is_seen() -> None:
    joins = _outer_joins("FROM a LEFT JOIN b ON a.x IS NOT DISTINCT FROM b.x WHERE a.y = b.y")
    assert [join for join in joins if not _EQUAL.search(join)] == joins != []
