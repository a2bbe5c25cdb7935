"""What does Python do for an event of a stream, by how many are parsed together?

`python -m benchmarks.bench_flush`: microseconds of CPU per event of each step that sees every
event, on records of `benchmarks.send_load`. No broker, no runner.
"""

import argparse
import datetime
import os
import sys
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from benchmarks.probe_stream import KEY
from benchmarks.send_load import CHAPTER_SECONDS, chapter_of, record
from pipelines.inputs.streams.envelopes import wrap_record
from pipelines.options.companions import KEY_VARIABLE
from pipelines.options.settings import read_derive_options, read_parse_settings
from pipelines.options.stream_options import StreamOptions, parse_stream_options
from pipelines.outputs.raw_files import gather, pack
from transforms.describe_live import describe_live
from transforms.gather_turns import GatherTurns, _Pack
from transforms.parse_events import open_settings
from transforms.parse_stream import Received, StreamSettings, hear

_STUDENTS, _NOON_MS = 20_000, 1_772_366_400_000  # 2026-03-01T12:00:00Z
_TOPIC = "load"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_flush", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure (%(default)s)")
    seconds = parser.parse_args(arguments).seconds
    os.environ[KEY_VARIABLE] = KEY
    options = parse_stream_options(
        ["--kafka_bootstrap_servers=none:1", f"--kafka_topics={_TOPIC}", "--warehouse=none"]
    )
    print("| records | parse | live store | turns | raw zone | together |")
    print("|---:|---:|---:|---:|---:|---:|")
    for count in (15, 60, 250, 2000):
        figures = [_cpu_us(step, seconds) / count for step in _steps(options, _received(count))]
        print(f"| {count:,} |", *(f"{f:.0f} |" for f in (*figures, sum(figures))))
    return 0


def _received(count: int) -> list[Received]:
    """Envelopes as the source gives them, two a millisecond."""
    chance, lines = Random(1), []
    for number in range(count):
        at_ms, student = _NOON_MS + number // 2, chance.randrange(_STUDENTS)
        chapter = chapter_of(student, at_ms / 1000, CHAPTER_SECONDS, chance)
        content = record(number, student, at_ms, chapter, chance)
        lines.append((wrap_record(at_ms, _TOPIC, content, 1, number), _NOON_MS - 5000))
    return lines


def _steps(options: StreamOptions, received: list[Received]) -> list[Callable[[], Any]]:
    """What is done for these records, step by step."""
    known = read_derive_options(options).catalogue
    parse = open_settings(read_parse_settings(options, _clock(), str, known))
    hearing = StreamSettings(parse, options.retention.allowed_lateness_ms, _clock, _ignore)
    events = hear(received, hearing).events
    turns = _Pack(GatherTurns(options.publish_seconds).step_ms, ahead_ms=0)
    lines = [line for line, _ in received]

    def keep_turns() -> None:
        turns.start_bundle()
        turns.process(events)
        list(turns.finish_bundle())

    return [
        lambda: hear(received, hearing),
        lambda: describe_live(events, options.metrics),
        keep_turns,
        lambda: [pack(place, *held) for place, held in gather(lines).items()],
    ]


def _cpu_us(step: Callable[[], Any], seconds: float) -> float:
    step()
    began, rounds = time.process_time(), 0
    while time.process_time() < began + seconds:
        step()
        rounds += 1
    return (time.process_time() - began) / rounds * 1e6


def _clock() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _ignore(name: str, number: int) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    sys.exit(main())
