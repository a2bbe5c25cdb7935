"""How are records kept as they were received? As files of envelopes, each record exactly once.

The runner's state holds what is not yet in a file. A file is written only from stable input: after
a crash the same file comes again under the same name, or never came.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import PickleCoder, VarIntCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from pipelines import storage
from pipelines.observability import observe
from pipelines.outputs.raw_files import Member, file_of, gather, pack
from pipelines.outputs.stable import UNUSED, StableParDo

FILE_BYTES = 8 << 20
FILE_SECONDS = 300.0
_PACKED_BYTES = 1 << 20
"""Lines that are packed before their bundle ends (bytes)."""


class UnwritableRawZoneError(Exception):
    """The raw zone cannot be written."""


class KeepRaw(beam.PTransform):
    """Keep every record as received, in `<raw>/<topic>/date=…/hour=…/*.jsonl.gz`.

    Input: (envelope line, watermark in ms). Output: path of each file written.
    Time: the hour (UTC) is that of `received_at`; a file is closed once it holds `file_bytes`
    (compressed), or `file_seconds` after its first record by the clock, or when the stream ends.
    State: per topic, partition and hour the compressed lines of the file that is still open.
    Errors: UnwritableRawZoneError fails the bundle: it comes again, and offsets do not advance.
    """

    def __init__(
        self, raw_zone: str, file_bytes: int = FILE_BYTES, file_seconds: float = FILE_SECONDS
    ) -> None:
        super().__init__()
        self.raw_zone, self.file_bytes, self.file_seconds = raw_zone, file_bytes, file_seconds

    def expand(self, lines: beam.PCollection) -> beam.PCollection:
        """Wire packing, rolling and writing."""
        members = (
            lines
            | "ForgetWindows" >> beam.WindowInto(GlobalWindows())
            | "PackLines" >> beam.ParDo(_Pack()).with_output_types(tuple[str, Any])
        )
        files = members | "RollFiles" >> beam.ParDo(
            _Roll(self.file_bytes, self.file_seconds)
        ).with_output_types(tuple[str, bytes])
        # One key: Flink loses elements when it holds back those of many (docs/learned.md).
        keyed = files | "InOnePlace" >> beam.Map(_in_one_place).with_output_types(
            tuple[bytes, tuple[str, bytes]]
        )
        return keyed | "WriteRawFiles" >> StableParDo(_Write(self.raw_zone))


class _Pack(beam.DoFn):
    """Lines of a bundle, together by place: keyed members."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._bytes = 0

    def start_bundle(self) -> None:
        self._lines, self._bytes = [], 0

    def process(self, element: tuple[bytes, int]) -> Iterator[tuple[str, Member]]:
        line = element[0]
        self._lines.append(line)
        self._bytes += len(line)
        if self._bytes >= _PACKED_BYTES:
            yield from self._pack()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for member in self._pack():
            yield WindowedValue(member, MIN_TIMESTAMP, (GlobalWindow(),))

    def _pack(self) -> Iterator[tuple[str, Member]]:
        lines, self._lines, self._bytes = self._lines, [], 0
        observe.count("raw_records", len(lines))
        for place, (first, held) in gather(lines).items():
            yield place.key(), pack(place, first, held)


class _Roll(beam.DoFn):
    """Members of a place until they make a file: (path below the raw zone, content)."""

    MEMBERS = BagStateSpec("members", PickleCoder())
    SIZE = ReadModifyWriteStateSpec("size", VarIntCoder())
    DUE = TimerSpec("due", TimeDomain.REAL_TIME)
    END = TimerSpec("end", TimeDomain.WATERMARK)

    def __init__(self, file_bytes: int, file_seconds: float) -> None:
        self.file_bytes, self.file_seconds = file_bytes, file_seconds

    def process(
        self,
        element: tuple[str, Member],
        members: Any = beam.DoFn.StateParam(MEMBERS),
        size: Any = beam.DoFn.StateParam(SIZE),
        due: Any = beam.DoFn.TimerParam(DUE),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> Iterator[tuple[str, bytes]]:
        member, held = element[1], size.read() or 0
        if not held:
            due.set(Timestamp.of(time.time() + self.file_seconds))
            end.set(GlobalWindow().max_timestamp())
        members.add(member)
        size.write(held + len(member.content))
        if held + len(member.content) >= self.file_bytes:
            due.clear()
            yield from _close(members, size)

    @on_timer(DUE)
    def close_when_due(
        self,
        members: Any = beam.DoFn.StateParam(MEMBERS),
        size: Any = beam.DoFn.StateParam(SIZE),
    ) -> Iterator[tuple[str, bytes]]:
        yield from _close(members, size)

    @on_timer(END)
    def close_at_the_end(
        self,
        members: Any = beam.DoFn.StateParam(MEMBERS),
        size: Any = beam.DoFn.StateParam(SIZE),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> Iterator[tuple[str, bytes]]:
        due.clear()
        yield from _close(members, size)


def _close(members: Any, size: Any) -> Iterable[tuple[str, bytes]]:
    held = list(members.read())
    members.clear()
    size.clear()
    return [file_of(held)] if held else []


def _in_one_place(file: tuple[str, bytes]) -> tuple[bytes, tuple[str, bytes]]:
    return b"", file


class _Write(beam.DoFn):
    def __init__(self, raw_zone: str) -> None:
        self.raw_zone = raw_zone

    def process(
        self,
        element: tuple[bytes, tuple[str, bytes]],
        _: Any = beam.DoFn.StateParam(UNUSED),
    ) -> Iterator[str]:
        name, content = element[1]
        path = storage.join(self.raw_zone, name)
        try:
            storage.write_file(path, content, is_hidden=True, is_final=True)
        except OSError as error:
            message = f"cannot write to {self.raw_zone}, check its rights and space: {error}"
            raise UnwritableRawZoneError(message) from error
        observe.count("raw_files")
        yield path
