"""Where does a text stop being JSON, and is it nested too deep before that?"""

import json
import math
import re

MAX_DEPTH = 32
_BLANKS = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class JsonError(ValueError):
    """The first fault of the text, named by its dead-letter reason."""


def read_json(text: str) -> object:
    """The value of a JSON text; JsonError with `too_deep` or `not_json`, whichever comes first."""
    end = _skip(text, _value(text, _skip(text, 0), 0))
    if end != len(text):
        raise JsonError("not_json")
    try:
        return json.loads(text)
    except ValueError as error:  # an integer of thousands of digits
        raise JsonError("not_json") from error


def _skip(text: str, at: int) -> int:
    return _BLANKS.match(text, at).end()


def _value(text: str, at: int, depth: int) -> int:
    """The place after the value that begins at `at`."""
    opener = text[at : at + 1]
    if opener == "{":
        return _container(text, at + 1, depth + 1, "}")
    if opener == "[":
        return _container(text, at + 1, depth + 1, "]")
    if opener == '"':
        return _string(text, at)
    return _scalar(text, at)


def _container(text: str, at: int, depth: int, closer: str) -> int:
    if depth > MAX_DEPTH:
        raise JsonError("too_deep")
    element = _member if closer == "}" else _value
    at = _skip(text, at)
    if text[at : at + 1] == closer:
        return at + 1
    while True:
        at = _skip(text, element(text, _skip(text, at), depth))
        mark = text[at : at + 1]
        at += 1
        if mark == closer:
            return at
        if mark != ",":
            raise JsonError("not_json")


def _member(text: str, at: int, depth: int) -> int:
    at = _skip(text, _string(text, at))
    if text[at : at + 1] != ":":
        raise JsonError("not_json")
    return _value(text, _skip(text, at + 1), depth)


def _string(text: str, at: int) -> int:
    match = _STRING.match(text, at)
    if match is None:
        raise JsonError("not_json")
    if "\\u" in match[0] and _has_half_pair(json.loads(match[0])):
        raise JsonError("not_json")
    return match.end()


def _has_half_pair(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _scalar(text: str, at: int) -> int:
    match = _SCALAR.match(text, at)
    if match is None:
        raise JsonError("not_json")
    if match[0][-1].isdigit() and math.isinf(float(match[0])) and not _is_integer(match[0]):
        raise JsonError("not_json")
    return match.end()


def _is_integer(text: str) -> bool:
    return text.lstrip("-").isdigit()
