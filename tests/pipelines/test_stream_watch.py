"""Does the terminal view say what is going on, in the room that there is?"""

import dataclasses
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import watch
from pipelines.live import screen
from pipelines.live.groups import HeatCell
from pipelines.live.view import read_live
from pipelines.outputs.live_store import LiveStore, open_client, pack_update
from pipelines.services.redis import Redis
from tests.pipelines.live_events import MINUTE, event, frame
from transforms.describe_live import describe_live
from transforms.options import MetricOptions

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A store with 30 students of 3 classes, active just now."""
    with Redis(tmp_path_factory.mktemp("redis")) as started:
        now, options = int(time.time() * 1000), MetricOptions()
        events = [
            event(
                f"{n % 30:064x}", f"id-{n}", now - n * 1_000, class_id=f"class-{n % 3}",
                chapter_id=f"chapter-{n % 5}", subject_id="数学", device_type="mobile",
                browser="Firefox", event_type="video_play",
            )
            for n in range(600)
        ]  # fmt: skip
        update = describe_live(frame(events, now - 5_000), options)
        assert update is not None
        client = open_client(started.url)
        LiveStore(client, options).write([pack_update(update)], now)
        client.hset("cf:alerts:open", "a", '{"alert_id": "a", "explanation": "mostly idle"}')
        yield started


@pytest.mark.parametrize(("width", "height"), [(80, 23), (100, 30), (120, 30), (200, 60)])
def test_screen_fits_and_shows_every_panel(server: Redis, width: int, height: int) -> None:
    view = read_live(open_client(server.url), int(time.time() * 1000))
    shown = screen.render(view, width, height, has_colour=False)
    lines = shown.splitlines()
    assert len(lines) <= height
    assert max(map(screen.cells_of, lines)) < width
    for words in ("30 active", "class-2", "chapter-4", "数学", "mobile 100%", "lag", "mostly idle"):
        assert words in shown, words
    assert ("latest events" in shown) == (width >= 120)
    assert "\x1b" not in shown


def test_texts_of_events_cannot_steer_the_terminal(server: Redis) -> None:
    view = read_live(open_client(server.url), int(time.time() * 1000))
    named = view.classes[0].__class__("evil\x1b]0;x\x07\x1b[2J\nclass", 1, 0, None, None, 1)
    object.__setattr__(view, "classes", [named])
    shown = screen.render(view, 80, 24, has_colour=False)
    assert not {"\x07", "\x1b"} & set(shown)
    assert len(shown.splitlines()) <= 24


@pytest.mark.parametrize(("width", "height"), [(80, 23), (200, 60)])
def test_heat_map_shows_the_busiest_classes_and_chapters_by_minute(
    server: Redis, width: int, height: int
) -> None:
    view = read_live(open_client(server.url), int(time.time() * 1000))
    now = view.events_per_minute[-1][0]
    counts = {(9, "7", "rivers"): 1, (0, "7", "rivers"): 8, (1, "7", "a-rather-long-name-of-it"): 4}
    cells = [HeatCell(now - ago * MINUTE, *names, n) for (ago, *names), n in counts.items()]
    unknown = HeatCell(now, "", "rivers", 100)
    busy = dataclasses.replace(
        view, heat=[*cells, unknown, HeatCell(now - 11 * MINUTE, "7", "o", 9)]
    )
    lines = screen.render(busy, width, height, has_colour=False).splitlines()
    at = next(n for n, line in enumerate(lines) if "by minute" in line)
    assert re.match(r"7 +rivers +▁        █      9 ", lines[at + 1])
    assert re.match(r"7 +a-rather-lo\S+ +▄       4 ", lines[at + 2])
    assert max(map(screen.cells_of, lines)) < width


def test_many_classes_leave_room_for_the_heat_map(server: Redis) -> None:
    view = read_live(open_client(server.url), int(time.time() * 1000))
    many = [dataclasses.replace(view.classes[0], name=f"class-{n}") for n in range(40)]
    shown = screen.render(dataclasses.replace(view, classes=many), 80, 23, has_colour=False)
    assert "more" in shown
    assert re.search("by minute +events .*\n.*[▁▂▃▄▅▆▇█]", shown)
    assert len(shown.splitlines()) <= 23


def test_bars_are_as_high_as_the_counts() -> None:
    assert screen.bars([0, 1, 50, 100]) == "  ▁▁▄▄██"
    assert screen.bars([0, 0]) == "    "


def test_empty_store_is_shown_as_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Redis(tmp_path) as empty:
        assert watch.main([f"--live_store={empty.url}", "--once"]) == 0
    assert "nothing was written" in capsys.readouterr().out


def test_once_prints_the_figures_without_colour(
    server: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch.main([f"--live_store={server.url}", "--once"]) == 0
    out = capsys.readouterr().out
    assert "30 active" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "nonsense", "unix:///nowhere/redis"])
def test_missing_store_is_told_in_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch.main([f"--live_store={url}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"no live store at {url}" in error


def test_terminal_refreshes_until_ctrl_c(server: Redis) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "pipelines.watch", f"--live_store={server.url}", "--every=0.2"]
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, cwd=ROOT, start_new_session=True
    ) as process:
        os.close(follower)
        seen = _read_until(leader, rb"(?s)active.*active.*active")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    os.close(leader)
    assert b"\x1b[1m" in seen


def _read_until(leader: int, pattern: bytes) -> bytes:
    seen, end = b"", time.monotonic() + 60
    while not re.search(pattern, seen):
        assert time.monotonic() < end, seen
        if select.select([leader], [], [], 1)[0]:
            seen += os.read(leader, 65_536)
    return seen


def test_minutes_without_events_are_zero(server: Redis) -> None:
    view = read_live(open_client(server.url), int(time.time() * 1000) + 60 * MINUTE)
    assert [count for _, count in view.events_per_minute] == [0] * 10
    assert screen.render(view, 80, 24, has_colour=False)
