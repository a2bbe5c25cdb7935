"""Which records do a JSON array, or JSON values spread over lines, hold?"""

import re
from collections.abc import Iterator

from pipelines.inputs.blocks import MAX_RECORD_BYTES, Block, SoundPieces, closing_block

# A string ends at its quote; a broken one at the end of its line, so that it cannot turn the
# rest of the file inside out. At the end of what is there it does not match at all.
_STRING = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+(?:"|\\?+(?=\n))'
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+")
_TO_BRACKET_OR_COMMA = re.compile(rb'(?:[^"{}\[\],]++|' + _STRING + rb")*+")
_STRING_REST = re.compile(rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+')
_RUBBISH = re.compile(rb'(?:[^"\n{\[,]++|' + _STRING + rb'|"[^"\n]*+"?+)*+')
_VISIBLE = re.compile(rb"[^ \t\r\n\v\f]")
_OPENER = {ord("}"): ord("{"), ord("]"): ord("[")}
_LOOK_BACK_BYTES = 4096


def document_blocks(source: str, pieces: Iterator[bytes]) -> Iterator[Block]:
    """Blocks of the elements of a top-level array, or of the values of a text, with their lines.

    Holds one piece and one record (16 MiB of it at most). Every visible text that is not
    punctuation between records is in some record, so that rubbish reaches the parser, which
    rejects it. After a `BrokenStreamError` of the pieces the last block has the failure.
    """
    scanner, last, sound = _Scanner(), 0, SoundPieces(pieces)
    for piece in sound:
        records, lines = scanner.feed(piece)
        if records:
            last = lines[-1]
            yield Block(source, records, first=0, offsets=lines)
    tail, line = scanner.rest()
    block = closing_block(source, tail, line, last, sound.fault)
    if block.records or block.failure:
        yield block


def is_balanced(text: bytes) -> bool:
    """Whether the last bracket of a text closes its first one; text without brackets is not."""
    scanner = _Scanner(array_led=False)
    values, _ = scanner.feed(text)
    return bool(values) and not scanner.rest()[0]


class _Scanner:
    """Cuts values out of a text that comes in pieces; knows brackets and strings, no more."""

    def __init__(self, array_led: bool | None = None) -> None:
        self._array_led = array_led  # None: not known before the first visible character
        self._in_array = False
        self._buffer = b""
        self._place = 0  # scanned so far
        self._begin = -1  # of the open value
        self._head: tuple[bytes, int] | None = None  # what is kept of a very long value; its line
        self._stack = bytearray()  # brackets open inside the value
        self._in_string = False
        self._line = 1  # the line at `_counted`
        self._counted = 0

    def feed(self, piece: bytes) -> tuple[list[bytes], list[int]]:
        """(values, their lines) that end in this piece."""
        self._buffer += piece
        values, lines = [], []
        while self._begin >= 0 or self._open():
            end = self._end()
            if end < 0:
                break
            value, line = self._take(end)
            values.append(value)
            lines.append(line)
        self._forget()
        return values, lines

    def rest(self) -> tuple[bytes, int]:
        """(text, line) of the value that is still open; empty without one."""
        return self._take(len(self._buffer)) if self._begin >= 0 else (b"", 0)

    def _open(self) -> bool:
        """Go to the next value; False if it has not come yet."""
        for found in _VISIBLE.finditer(self._buffer, self._place):
            if not self._is_punctuation(found[0]):
                self._begin = self._place = found.start()
                return True
        self._place = len(self._buffer)
        return False

    def _is_punctuation(self, character: bytes) -> bool:
        if self._array_led is None:
            self._array_led = character == b"["
        if character == b"[" and self._array_led and not self._in_array:
            self._in_array = True
            return True
        if character == b"]" and self._in_array:
            self._in_array = False
            return True
        return character == b","

    def _end(self) -> int:
        """Where the open value ends; -1 if that has not come yet."""
        if not self._in_array and not self._stack and self._buffer[self._begin] not in b"{[":
            return self._rubbish_end()
        while not self._in_string or self._leave_string():
            pattern = _TO_BRACKET if self._stack else _TO_BRACKET_OR_COMMA
            found = pattern.match(self._buffer, self._place)
            assert found is not None  # at least the empty text
            self._place = found.end()
            if self._place == len(self._buffer):
                break
            end = self._step(self._buffer[self._place])
            if end >= 0:
                return end
        return -1

    def _step(self, character: int) -> int:
        """Take the character at `_place` in; where the value ends if it does, else -1."""
        here = self._place
        if character == ord(",") or (character == ord("{") and self._is_cut_off(here)):
            return here
        self._place += 1
        if character == ord('"'):  # its end is not here yet
            self._in_string = True
        elif character in b"{[":
            self._stack.append(character)
        else:
            return self._close(character, here)
        return -1

    def _close(self, character: int, here: int) -> int:
        opened = self._stack.rfind(_OPENER[character])
        if opened >= 0:
            # A closing bracket closes what was left open inside as well.
            del self._stack[opened:]
            return here + 1 if not self._stack and not self._in_array else -1
        # One too many is rubbish inside the value, or ends the array around it.
        return here if character == ord("]") and self._in_array else -1

    def _is_cut_off(self, here: int) -> bool:
        """Whether a `{` at the beginning of a line shows that the value before was cut off.

        So it is where correct JSON could not have one: not after `:`, nor at an array's element.
        """
        if here == self._begin or self._buffer[here - 1 : here] != b"\n":
            return False
        start = max(self._begin, here - _LOOK_BACK_BYTES)
        before = self._buffer[start:here].rstrip()[-1:]
        return before not in ((b"[", b",") if self._stack[-1:] == b"[" else (b":",))

    def _leave_string(self) -> bool:
        """Go to the end of the string; False if that has not come yet."""
        found = _STRING_REST.match(self._buffer, self._place)
        assert found is not None  # at least the empty text
        here = self._place = found.end()
        left = self._buffer[here : here + 2]
        if not left or left == b"\\":
            return False
        self._place += left[:1] in (b'"', b"\\")
        self._in_string = False
        return True

    def _rubbish_end(self) -> int:
        found = _RUBBISH.match(self._buffer, self._begin)
        assert found is not None  # at least the empty text
        end = self._place = found.end()
        return end if end < len(self._buffer) else -1

    def _take(self, end: int) -> tuple[bytes, int]:
        value, line = self._head or (self._buffer[self._begin : end], self._line_of_begin())
        self._begin, self._head, self._place = -1, None, end
        self._stack.clear()
        return value[:MAX_RECORD_BYTES].strip(), line

    def _line_of_begin(self) -> int:
        self._count_to(self._begin)
        return self._line

    def _count_to(self, place: int) -> None:
        if place > self._counted:
            self._line += self._buffer.count(b"\n", self._counted, place)
            self._counted = place

    def _forget(self) -> None:
        """Drop what is done from the buffer, except the byte before, which may be a line end."""
        if self._begin >= 0 and self._place - self._begin > MAX_RECORD_BYTES:
            value = self._buffer[self._begin : self._begin + MAX_RECORD_BYTES]
            self._head = self._head or (value, self._line_of_begin())
            self._begin = self._place - 1
        done = max(0, (self._begin if self._begin >= 0 else self._place) - 1)
        self._count_to(done)
        self._buffer = self._buffer[done:]
        self._place -= done
        self._counted -= done
        self._begin -= done if self._begin >= 0 else 0
