"""Does the whole program give what batch gives when Pub/Sub feeds it, which repeats and fails?"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.pubsub_emulator import (
    VARIABLE,
    Emulator,
    Line,
    create_topic,
    publish,
    subscription_path,
)
from tests.pipelines.whole_runs import OUTCOMES, write_catalogues
from tests.pipelines.whole_streams import WholeStream, dead_letters
from tests.pipelines.whole_topics import need_servers, recent_school

pytestmark = pytest.mark.usefixtures("pseudonym_key")
STUDENTS, OUTAGE_SECONDS = 100, 10.0
PATIENCE_SECONDS = 900.0
"""The emulator gives messages to streams that are gone, and again only when their lease is over."""


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    need_servers()
    with Emulator(tmp_path / "pubsub") as started:
        yield started


def _wait_for_messages(stream: WholeStream, ids: list[str]) -> None:
    """Until each message is in the raw zone, and the run accounts for all that was delivered."""

    def is_done() -> bool:
        row, kept = stream.row(), stream.kept()
        told = sum(row.get(name, 0) for name in OUTCOMES)
        return {place[-1] for place in kept} == set(ids) and told == row["records_read"]

    stream.wait(is_done, f"{len(ids)} messages kept and accounted for", PATIENCE_SECONDS)


def _start(stream: WholeStream, line: Line) -> WholeStream:
    """Start it where only the line leads to Pub/Sub, so that it can be cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, f"127.0.0.1:{line.port}")
        return stream.start()


def _assert_as_batch(stream: WholeStream, ids: list[str]) -> None:
    other = stream.folder / "batch"
    assert stream.run_batch(other) == 0
    stream.assert_follows(other)
    assert dead_letters(other)
    assert {place[-1] for place in stream.kept()} == set(ids)


def test_school_over_pubsub_gives_what_batch_gives_after_stop_outage_and_kill(
    tmp_path: Path, emulator: Emulator
) -> None:
    school, arrivals = recent_school(STUDENTS)
    bodies = [arrival.body for arrival in arrivals]
    known, topic = write_catalogues(school, tmp_path), create_topic()
    quarter = len(bodies) // 4
    parts = [bodies[at : at + quarter] for at in range(0, 4 * quarter, quarter)]
    options = {"pubsub_subscription": subscription_path(topic)}
    with Line(emulator.port) as line, WholeStream(tmp_path / "stream", options, **known) as stream:
        ids = publish(topic, parts[0])
        _start(stream, line).wait_for_records(len(ids), PATIENCE_SECONDS)
        run_id = stream.row()["run_id"]
        stream.interrupt()
        assert stream.row()["status"] == "stopped"

        ids += publish(topic, parts[1])
        _start(stream, line).wait_for_records(len(ids), PATIENCE_SECONDS)
        assert stream.row()["run_id"] == run_id

        line.cut()
        ids += publish(topic, parts[2])
        time.sleep(OUTAGE_SECONDS)
        line.mend()
        stream.wait_for_records(len(ids) - quarter // 2, PATIENCE_SECONDS)

        stream.kill()  # while there is much to acknowledge
        ids += publish(topic, parts[3])
        _start(stream, line)
        _wait_for_messages(stream, ids)
        row = stream.row()
        print({name: row[name] for name in ("run_id", "records_read", *OUTCOMES)}, len(ids))
        assert row["dropped"] == 0
        _assert_as_batch(stream, ids)
        stream.interrupt()
