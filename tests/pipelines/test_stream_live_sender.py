"""Do events go on while the live store is away, and does it catch up?"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apache_beam as beam
import pytest
import redis
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing import test_pipeline

from pipelines.live.view import read_live
from pipelines.outputs.live_store import LiveStore, PackedUpdate, open_client, pack_update
from pipelines.outputs.send_live import LiveSender
from pipelines.outputs.update_live import UpdateLive
from pipelines.services.redis import Redis
from tests.pipelines.live_events import NOW, event, frame
from transforms.describe_live import describe_live
from transforms.options import MetricOptions

OPTIONS = MetricOptions()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    with Redis(tmp_path / "redis") as started:
        yield started


def _update(*numbers: int) -> PackedUpdate:
    events = [event(f"student-{n}", f"id-{n}", NOW - n) for n in numbers]
    update = describe_live(frame(events), OPTIONS)
    assert update is not None
    return pack_update(update)


def _wait(is_so: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


class _Broken:
    """A store that fails in one way, and keeps what it was given."""

    def __init__(self, error: Exception | None) -> None:
        self.error, self.written = error, 0

    def write(self, updates: Sequence[PackedUpdate], now_ms: int) -> None:
        if self.error is not None:
            raise self.error
        self.written += sum(update.event_count for update in updates)


def test_store_that_was_away_catches_up_with_what_happened_meanwhile(server: Redis) -> None:
    sender = LiveSender(LiveStore(open_client(server.url), OPTIONS))
    sender.offer(_update(1))
    assert sender.wait(10)
    server.kill()
    began = time.perf_counter()
    for number in range(2, 30):
        sender.offer(_update(number))
    sender.wait(0.05)
    assert time.perf_counter() - began < 1
    server.restart()  # empty, and without the script
    _wait(lambda: sender.sent.written >= 29)
    assert read_live(open_client(server.url), NOW).active_count >= 28
    assert sender.close(10)
    assert (sender.sent.dropped, sender.sent.refused) == (0, 0)


def test_oldest_updates_are_given_up_and_counted_when_too_many_wait() -> None:
    store = _Broken(redis.exceptions.ConnectionError("away"))
    one = _update(0)
    sender = LiveSender(store, most_bytes=10 * one.size_bytes)
    for number in range(30):
        sender.offer(_update(number))
    _wait(lambda: 19 <= sender.sent.dropped <= 21)
    store.error = None
    _wait(lambda: sender.sent.dropped + store.written == 30)
    assert store.written == sender.sent.written
    assert sender.close(5)


def test_update_that_the_store_refuses_for_good_does_not_stop_the_others() -> None:
    store = _Broken(redis.exceptions.ResponseError("no such command"))
    sender = LiveSender(store)
    sender.offer(_update(1))
    _wait(lambda: sender.sent.refused == 1)
    store.error = None
    sender.offer(_update(2))
    assert sender.close(5)
    assert (store.written, sender.sent.refused) == (1, 1)


@pytest.mark.parametrize(
    "error",
    [
        redis.exceptions.OutOfMemoryError("full"),
        redis.exceptions.TimeoutError("slow"),
        OSError("no route"),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    store = _Broken(error)
    sender = LiveSender(store)
    sender.offer(_update(1))
    assert not sender.wait(0.3)
    store.error = None
    assert sender.close(5)
    assert store.written == 1


def test_sender_closes_in_time_while_the_store_is_away() -> None:
    sender = LiveSender(_Broken(redis.exceptions.ConnectionError("away")))
    sender.offer(_update(1))
    began = time.perf_counter()
    assert not sender.close(0.2)
    assert time.perf_counter() - began < 2


def test_pipeline_keeps_the_live_store_up_to_date(server: Redis) -> None:
    frames = [
        frame([event(f"student-{n % 7}", f"id-{n}", NOW - n) for n in range(at, at + 10)], NOW)
        for at in range(0, 100, 10)
    ]
    with test_pipeline.TestPipeline(runner=BundleBasedDirectRunner()) as pipeline:
        _ = (
            pipeline
            | beam.Create([*frames, frames[0]])
            | "UpdateLive" >> UpdateLive(live_store=server.url, options=OPTIONS)
        )
    client = open_client(server.url)
    _wait(lambda: sum(count for _, count in read_live(client, NOW).events_per_minute) == 100)
    assert read_live(client, NOW).active_count == 7


def test_pipeline_runs_without_a_live_store_at_all(tmp_path: Path) -> None:
    with test_pipeline.TestPipeline(runner=BundleBasedDirectRunner()) as pipeline:
        _ = (
            pipeline
            | beam.Create([frame([event("s", "1", NOW)])])
            | "UpdateLive" >> UpdateLive(live_store=f"unix://{tmp_path}/none", options=OPTIONS)
        )
