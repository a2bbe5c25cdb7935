"""Do the published schemas accept what the pipeline can use, and refuse what it cannot?"""

from typing import Any

import jsonschema
import pytest

from schemas import dialects, json_schema, tables

DOCUMENTS = {d.name: json_schema.dialect_document(d) for d in dialects.DIALECTS}
POINT = {"student_id": "s1", "timestamp": "2025-11-16T10:00:00Z"}
INTERVAL = {"student_id": 1, "start_time": "2025-11-16 10:00", "end_time": 1763287260000}


def is_valid(dialect: str, record: Any) -> bool:
    return jsonschema.Draft202012Validator(DOCUMENTS[dialect]).is_valid(record)


@pytest.mark.parametrize("dialect", dialects.DIALECTS, ids=lambda d: d.name)
def test_schema_is_valid_and_accepts_its_own_examples(dialect: dialects.Dialect) -> None:
    document = DOCUMENTS[dialect.name]
    jsonschema.Draft202012Validator.check_schema(document)
    assert dialect.examples
    assert all(is_valid(dialect.name, example) for example in dialect.examples)


@pytest.mark.parametrize("name", tables.tables())
def test_schema_of_a_table_is_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema.table_document(tables.get(name)))


@pytest.mark.parametrize(
    ("dialect", "record"),
    [
        ("raw_event", POINT),
        ("raw_event", POINT | {"unknown": [1, {"deep": None}], "course_id": 7}),
        ("raw_event", POINT | {"course_id": None, "metadata": None, "device": None}),
        ("raw_event", POINT | {"timestamp": "2025-11-16 10:00"}),
        ("raw_event", POINT | {"timestamp": "2025-11-16T15:30:00.123456+0530"}),
        ("raw_event", POINT | {"metadata": {"time_spent": "soon", "correct": 1}}),
        ("chapter_view", INTERVAL),
        ("chapter_view", INTERVAL | {"start_time": None, "chapter_start_time": 1763287200000}),
        ("chapter_view", INTERVAL | {"time_spent_seconds": -5, "scroll_depth": 120}),
        ("clickstream", {"student_id": "s1", "timestamp": 1763287200000, "class_id": 7}),
        ("analytics_event", POINT | {"context": {}}),
        ("analytics_event", POINT | {"context": {"assessment_id": "Q"}, "device": "ipad"}),
    ],
)
def test_usable_record_validates(dialect: str, record: dict[str, Any]) -> None:
    assert is_valid(dialect, record)


@pytest.mark.parametrize(
    ("dialect", "record"),
    [
        ("raw_event", {"timestamp": "2025-11-16T10:00:00Z"}),
        ("raw_event", POINT | {"student_id": ""}),
        ("raw_event", POINT | {"student_id": None}),
        ("raw_event", POINT | {"timestamp": "2025-13-40T10:00:00Z"}),
        ("raw_event", POINT | {"timestamp": "2025-11-16"}),
        ("raw_event", POINT | {"timestamp": "2025-11-16T24:00:00Z"}),
        ("raw_event", POINT | {"timestamp": "1969-12-31T23:59:59Z"}),
        ("raw_event", POINT | {"course_id": ["k"]}),
        ("raw_event", POINT | {"chapter_id": True}),
        ("raw_event", POINT | {"metadata": "text"}),
        ("raw_event", POINT | {"metadata": {"course_id": {}}}),
        ("raw_event", POINT | {"scroll_depth": "78"}),
        ("raw_event", POINT | {"page_url": 5}),
        ("raw_event", "text"),
        ("chapter_view", {"student_id": "s1", "start_time": "2025-11-16 10:00"}),
        ("chapter_view", INTERVAL | {"end_time": None}),
        ("clickstream", POINT),
        ("clickstream", {"student_id": "s1", "timestamp": -1}),
        ("analytics_event", POINT),
        ("analytics_event", POINT | {"context": "k"}),
        ("raw_envelope", {"received_at": "2025-11-16T10:00:00Z", "topic": "t", "offset": 1}),
    ],
)
def test_unusable_record_does_not_validate(dialect: str, record: Any) -> None:
    assert not is_valid(dialect, record)
