"""Does a text hold one record a line, or JSON spread over lines?"""

import json
from collections.abc import Iterator

from pipelines.inputs.blocks import MIB, SoundPieces, is_json
from pipelines.inputs.documents import is_balanced
from pipelines.inputs.lines import without_bom

_HEAD_BYTES = MIB
_LINES_TO_JUDGE = 100


def is_document(pieces: Iterator[bytes]) -> bool:
    """Whether a text, given in pieces from its beginning, is to be read as a document.

    A document begins with an array that fills the file or spans lines, or with an object that
    spans lines. A first line that is a whole value, with more text after it, means JSON Lines;
    so does a broken first line before lines that are whole objects. Reads at most 1 MiB, except
    for an array whose first line is longer.
    """
    pieces = iter(SoundPieces(without_bom(pieces)))
    head = _grow(pieces, b"")
    if head[:1] not in (b"[", b"{"):
        return False
    first, newline, rest = head.partition(b"\n")
    if not newline and len(head) >= _HEAD_BYTES:
        return first.startswith(b"[") and _long_line_is_array(pieces, head)
    if is_balanced(first.rstrip()):
        return first.startswith(b"[") and _is_blank(rest, pieces)
    return _spans_lines(head, rest)


def _grow(pieces: Iterator[bytes], head: bytes) -> bytes:
    """The text from its first visible character, up to 1 MiB or the end."""
    while len(head) < _HEAD_BYTES and (piece := next(pieces, b"")):
        head = (head + piece).lstrip()
        if (first := head.partition(b"\n"))[1] and is_balanced(first[0].rstrip()):
            break  # The usual case: a whole first line says enough.
    return head


def _is_blank(rest: bytes, pieces: Iterator[bytes]) -> bool:
    return not rest.strip() and all(not piece.strip() for piece in pieces)


def _long_line_is_array(pieces: Iterator[bytes], head: bytes) -> bool:
    """For a first line of more than 1 MiB that begins with `[`: False if it is one of many."""
    end = head[-1:]
    for piece in pieces:
        line, newline, rest = piece.partition(b"\n")
        end = line.rstrip()[-1:] or end
        if newline:
            return end != b"]" or _is_blank(rest, pieces)
    return True


def _spans_lines(head: bytes, rest: bytes) -> bool:
    """For a first line that is no whole value: whether the value goes on in the next lines."""
    if not rest.strip():
        return head.startswith(b"[")
    # An array may have been cut off after a whole element.
    if _value_spans_lines(head) or (head[:1] == b"[" and _value_spans_lines(head + b"]")):
        return True
    lines = [line for line in rest.split(b"\n") if line.strip()][:_LINES_TO_JUDGE]
    whole = sum(line.lstrip().startswith(b"{") and is_json(line) for line in lines)
    return whole * 2 < len(lines)


def _value_spans_lines(head: bytes) -> bool:
    text = head.decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return "\n" in text[:end]
