"""Does a new version of a JSON Schema accept every record of the old one?

`python -m schemas.compatibility OLD.json NEW.json` prints one line per break and exits 1, or exits
0. The answer errs on the careful side: a keyword that it does not know counts as a break when added
or changed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

_ALL_TYPES = {"string", "number", "integer", "boolean", "null", "object", "array"}
_ANNOTATIONS = {
    "$schema", "$id", "$comment", "title", "description", "version", "examples", "default",
    "deprecated", "readOnly", "writeOnly", "contentMediaType", "contentEncoding",
}  # fmt: skip
_LOWER_LIMITS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_LIMITS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class SchemaError(Exception):
    """A file that is not a JSON Schema; the message says what to do."""


def breaks(old: Schema, new: Schema, path: str = "") -> list[str]:
    """Why `new` may refuse a record that `old` accepts: one line each; empty when it refuses none.

    `path` names the place of the two schemas in the record, for the lines.
    """
    old, new = _as_object(old), _as_object(new)
    found = [line for rule in _RULES for line in rule(old, new)]
    where = path or "record"
    own = [f"{where}: {line}" for line in found]
    return own + list(_nested(old, new, path))


def main(arguments: list[str] | None = None) -> int:
    """Compare two files; 0 compatible, 1 not (one line per break), 2 unreadable."""
    parser = argparse.ArgumentParser(
        prog="python -m schemas.compatibility", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("old", type=Path, metavar="OLD.json", help="schema of existing records")
    parser.add_argument("new", type=Path, metavar="NEW.json", help="schema that shall replace it")
    options = parser.parse_args(arguments)
    try:
        lines = breaks(_load(options.old), _load(options.new))
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines) or f"compatible: {options.new} accepts every record of {options.old}")
    return 1 if lines else 0


def _load(path: Path) -> Schema:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SchemaError(f"cannot read {path}: {error}; give a JSON Schema file") from None
    if not isinstance(document, dict):
        raise SchemaError(f"{path} holds no JSON Schema object; give a file of jsonschema/")
    return document


def _as_object(schema: Any) -> Schema:
    if isinstance(schema, dict):
        return schema
    return {} if schema else {"not": {}}


def _types(old: Schema, new: Schema) -> Iterator[str]:
    lost = sorted(_type_set(old) - _type_set(new))
    if lost:
        yield f"type narrowed, no longer {' or '.join(lost)}"


def _type_set(schema: Schema) -> set[str]:
    named = schema.get("type", list(_ALL_TYPES))
    names = {named} if isinstance(named, str) else set(named)
    return names | {"integer"} if "number" in names else names


def _required(old: Schema, new: Schema) -> Iterator[str]:
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"field {name} is newly required"


def _removed(old: Schema, new: Schema) -> Iterator[str]:
    for name in sorted(set(old.get("properties", {})) - set(new.get("properties", {}))):
        yield f"field {name} was removed"


def _closed(old: Schema, new: Schema) -> Iterator[str]:
    before = old.get("additionalProperties", True)
    after = new.get("additionalProperties", True)
    if after is not True and after != before:
        yield "unknown fields are no longer allowed"


def _values(old: Schema, new: Schema) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield "values newly limited to a list"
        return
    lost = [value for value in old["enum"] if value not in new["enum"]]
    if lost:
        yield f"values no longer allowed: {json.dumps(lost)}"


def _limits(old: Schema, new: Schema) -> Iterator[str]:
    for word in _LOWER_LIMITS:
        if word in new and (word not in old or new[word] > old[word]):
            yield f"{word} raised to {new[word]}"
    for word in _UPPER_LIMITS:
        if word in new and (word not in old or new[word] < old[word]):
            yield f"{word} lowered to {new[word]}"


def _choices(old: Schema, new: Schema) -> Iterator[str]:
    known = old.get("allOf", [])
    for condition in new.get("allOf", []):
        if not any(_is_wider(condition, before) for before in known):
            yield f"new condition {json.dumps(condition)}"
    if "anyOf" in new and not _is_wider({"anyOf": new["anyOf"]}, {"anyOf": old.get("anyOf", [])}):
        yield "anyOf lost an alternative"


def _is_wider(condition: Schema, before: Schema) -> bool:
    if condition == before:
        return True
    alternatives, known = condition.get("anyOf", []), before.get("anyOf", [])
    is_choice = set(condition) == set(before) == {"anyOf"}
    return is_choice and bool(known) and all(choice in alternatives for choice in known)


def _others(old: Schema, new: Schema) -> Iterator[str]:
    for word in sorted(set(new) - _UNDERSTOOD):
        if new[word] != old.get(word):
            yield f"{word} added or changed"


def _nested(old: Schema, new: Schema, path: str) -> Iterator[str]:
    fields = new.get("properties", {})
    for name, before in old.get("properties", {}).items():
        if name in fields:
            yield from breaks(before, fields[name], f"{path}.{name}" if path else name)
    if "items" in new:
        yield from breaks(old.get("items", {}), new["items"], f"{path}[]")


_RULES: tuple[Callable[[Schema, Schema], Iterator[str]], ...] = (
    _types, _required, _removed, _closed, _values, _limits, _choices, _others,
)  # fmt: skip
_UNDERSTOOD = (
    {"type", "required", "properties", "additionalProperties", "enum", "items", "allOf", "anyOf"}
    | {*_LOWER_LIMITS, *_UPPER_LIMITS}
    | _ANNOTATIONS
)


if __name__ == "__main__":
    sys.exit(main())
