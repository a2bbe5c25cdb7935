"""Does the compatibility check find every break, and nothing else?"""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import compatibility, dialects, json_schema

OLD: dict[str, Any] = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": ["string", "number"], "description": "A."},
        "b": {"type": "object", "properties": {"c": {"type": "integer", "minimum": 0}}},
        "d": {"type": "array", "items": {"type": ["string", "null"]}},
        "e": {"enum": ["x", "y"]},
    },
    "allOf": [{"anyOf": [{"required": ["b"]}, {"required": ["d"]}]}],
}


def changed(**properties: Any) -> dict[str, Any]:
    return OLD | {"properties": OLD["properties"] | properties}


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        OLD | {"required": []},
        changed(f={"type": "string"}),
        changed(a={"type": ["string", "number", "null"], "description": "Other words."}),
        changed(b={"properties": {"c": {"type": "number", "minimum": -1}}}),
        changed(e={"enum": ["x", "y", "z"]}),
        changed(e={}),
        OLD | {"allOf": []},
        OLD | {"allOf": [{"anyOf": [{"required": [n]} for n in "bde"]}]},
    ],
)
def test_wider_schema_is_compatible(new: dict[str, Any]) -> None:
    assert compatibility.breaks(OLD, new) == []


@pytest.mark.parametrize(
    ("new", "line"),
    [
        (OLD | {"required": ["a", "b"]}, "record: field b is newly required"),
        (changed(a={"type": "string"}), "a: type narrowed, no longer integer or number"),
        (changed(a={"type": ["string", "integer"]}), "a: type narrowed, no longer number"),
        (changed(b={"type": "object", "properties": {}}), "b: field c was removed"),
        (
            changed(b={"type": "object", "properties": {"c": {"type": "integer", "minimum": 1}}}),
            "b.c: minimum raised to 1",
        ),
        (
            changed(d={"type": "array", "items": {"type": "string"}}),
            "d[]: type narrowed, no longer null",
        ),
        (changed(e={"enum": ["x"]}), 'e: values no longer allowed: ["y"]'),
        (changed(e={"enum": ["x", "y"], "pattern": "^x"}), "e: pattern added or changed"),
        (OLD | {"additionalProperties": False}, "record: unknown fields are no longer allowed"),
        (
            OLD | {"allOf": [{"anyOf": [{"required": ["b"]}]}]},
            'record: new condition {"anyOf": [{"required": ["b"]}]}',
        ),
    ],
)
def test_break_is_named(new: dict[str, Any], line: str) -> None:
    assert compatibility.breaks(OLD, new) == [line]


@pytest.mark.parametrize("dialect", dialects.DIALECTS, ids=lambda d: d.name)
def test_every_dialect_is_compatible_with_itself(dialect: dialects.Dialect) -> None:
    document = json_schema.dialect_document(dialect)
    assert compatibility.breaks(document, document) == []


def test_program_answers_by_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, bad = tmp_path / "old.json", tmp_path / "new.json", tmp_path / "bad.json"
    old.write_text(json.dumps(OLD))
    new.write_text(json.dumps(OLD | {"required": ["a", "e"]}))
    bad.write_text("[]")
    assert compatibility.main([str(old), str(old)]) == 0
    assert compatibility.main([str(old), str(new)]) == 1
    assert "record: field e is newly required" in capsys.readouterr().out
    assert compatibility.main([str(old), str(bad)]) == 2
    assert compatibility.main([str(old), str(tmp_path / "none.json")]) == 2
