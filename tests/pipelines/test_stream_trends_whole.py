"""Does a stream over days, killed on its way, leave the trends of chapters that batch leaves?"""

import datetime
from pathlib import Path

import pytest

from benchmarks.simulate import School, simulate
from tests.pipelines.whole_runs import read, write_catalogues, write_lines
from tests.pipelines.whole_streams import WholeStream
from tests.pipelines.whole_topics import HOUR_MS, need_servers
from transforms.detect_chapters import TREND_KINDS

pytestmark = pytest.mark.usefixtures("pseudonym_key")
DAYS, FILES = 14, 14


def _school() -> School:
    """A school of the last two whole weeks: the same whatever day it is."""
    today = datetime.datetime.now(datetime.UTC).date()
    first = today - datetime.timedelta(days=DAYS + today.weekday())
    return simulate(students=10, days=DAYS, seed=0, start_date=first, duplicates=0.05, bad=0)


def _parts(school: School) -> list[list[bytes]]:
    """What it sent, in order of arrival, without clocks that are wrong; in parts of one size."""
    bodies = [
        arrival.body.replace(b"\n", b" ")
        for arrival in school.arrivals
        if 0 <= arrival.received_ms - arrival.occurred_ms < 20 * HOUR_MS
    ]
    size = -(-len(bodies) // FILES)
    return [bodies[start : start + size] for start in range(0, len(bodies), size)]


def _drop(inbox: Path, number: int, records: list[bytes]) -> None:
    write_lines(inbox / f".{number}", records).rename(inbox / f"{number:03d}.jsonl")


def test_trends_of_a_stream_are_those_of_batch(tmp_path: Path) -> None:
    need_servers()
    school, inbox = _school(), tmp_path / "inbox"
    parts, known = _parts(school), write_catalogues(school, tmp_path)
    inbox.mkdir()
    with WholeStream(tmp_path / "stream", {"inbox": inbox}, **known) as stream:
        # All at once: when everything is read, the watermark goes to the present.
        for number, records in enumerate(parts):
            _drop(inbox, number, records)
        stream.start().wait_for_records(len(parts[0]))
        stream.kill()
        stream.start().wait_for_all(sum(map(len, parts)))
        stream.assert_as_batch()
        kinds = {row["kind"] for row in read(stream.warehouse, "gold.anomalies")}
        assert kinds & set(TREND_KINDS), "there is nothing to compare"
        stream.interrupt()
