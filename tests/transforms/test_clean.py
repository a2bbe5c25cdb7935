"""Are excluded and unconsenting students left out and counted, and places found by address?"""

import json
from typing import Any

import pytest

from tests.compare_rows import student_hash
from tests.in_memory import Plan, Result, run


def _record(student: str, **fields: Any) -> bytes:
    event = {"event_id": f"{student}-{fields}", "student_id": student, "timestamp": 0}
    return json.dumps(event | fields).encode()


def _students(result: Result) -> set[str]:
    return {row["student_hash"] for row in result.tables.get("events", [])}


def test_a_student_who_matches_a_rule_is_excluded_and_counted() -> None:
    records = [_record(name) for name in ("bot-1", "s-bot", "s1")]
    result = run(records, Plan(rules=(("student_id", "^bot"),)))
    assert _students(result) == {student_hash("s-bot"), student_hash("s1")}
    assert (result.counts["excluded"], result.counts["without_consent"]) == (1, 0)


@pytest.mark.parametrize(
    ("field", "pattern"),
    [("user_agent", "(?i)GOOGLEBOT"), ("email", r"@staff\."), ("ip", r"^10\."), ("os", "^Beos$")],
)
def test_a_rule_may_name_any_field_of_the_record(field: str, pattern: str) -> None:
    values = {
        "user_agent": "Googlebot/2.1", "email": "x@staff.example", "ip": "10.0.0.1", "os": "Beos",
    }  # fmt: skip
    inside = _record("s1", metadata={field: values[field]})
    records = [_record("s2", **{field: values[field]}), inside, _record("s3")]
    result = run(records, Plan(rules=((field, pattern),)))
    assert (_students(result), result.counts["excluded"]) == ({student_hash("s3")}, 2)


def test_a_rule_on_a_field_that_no_record_has_excludes_nobody() -> None:
    assert run([_record("s1")], Plan(rules=(("cohort", "."),))).counts["excluded"] == 0


def test_only_students_who_consent_are_kept() -> None:
    records = [_record(name) for name in ("s1", "s2", "s2", "s3")]
    result = run(records, Plan(consenting=frozenset({"s1"}), rules=(("student_id", "s3"),)))
    assert _students(result) == {student_hash("s1")}
    assert (result.counts["excluded"], result.counts["without_consent"]) == (3, 2)
    assert result.counts["records_read"] == result.counts["excluded"] + result.counts["events"]


def test_nobody_consents_to_an_empty_list() -> None:
    result = run([_record("s1")], Plan(consenting=frozenset()))
    assert (_students(result), result.counts["excluded"]) == (set(), 1)


def _places(*records: bytes) -> set[tuple[str | None, str | None]]:
    found = {"10.1.1.1": ("IN", "KA"), "10.2.2.2": ("DE", None)}
    plan = Plan(find_place=lambda ip: found.get(ip, (None, None)))
    rows = run(records, plan).tables["events"]
    return {(row["country_code"], row["region"]) for row in rows}


def test_a_place_is_found_by_the_address_which_then_goes() -> None:
    assert _places(_record("s1", ip="10.1.1.1")) == {("IN", "KA")}
    assert _places(_record("s1", metadata={"ip_address": "10.2.2.2"})) == {("DE", None)}
    assert _places(_record("s1", ip="10.9.9.9")) == {(None, None)}
    assert _places(_record("s1")) == {(None, None)}


def test_a_named_location_comes_before_the_address() -> None:
    assert _places(_record("s1", ip="10.1.1.1", location="US-CA")) == {("US", "CA")}
    assert _places(_record("s1", ip="10.2.2.2", location="Paris")) == {("DE", None)}


def test_ids_of_pseudonymous_topics_are_taken_as_they_are() -> None:
    pseudonym = "ab" * 32
    plan = Plan(pseudonymous_topics=frozenset({"memory"}))
    assert _students(run([_record(pseudonym)], plan)) == {pseudonym}


def test_a_chapter_outside_the_catalogue_is_kept_and_counted() -> None:
    records = [_record("s1", chapter_id=chapter) for chapter in ("c1", "c9")] + [_record("s1")]
    result = run(records, Plan(catalog=[{"course_id": "k", "chapter_id": "c1"}]))
    assert result.counts["unknown_chapters"] == 1
    assert {row["chapter_id"] for row in result.tables["events"]} == {"c1", "c9", None}
    assert run(records, Plan()).counts["unknown_chapters"] == 0
