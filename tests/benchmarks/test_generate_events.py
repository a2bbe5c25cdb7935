"""Does the fast generator write what it says: valid, in order of arrival, with some copies?"""

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.generate_events import main


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


@pytest.fixture(scope="module")
def raw_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events") / "raw.jsonl"
    assert main(["--events=20000", f"--out={path}"]) == 0
    return path


def test_one_in_two_hundred_records_is_an_exact_copy(raw_events: Path) -> None:
    lines = _lines(raw_events)
    assert len(lines) == 20_000
    assert len(set(lines)) == 19_900
    assert len({json.loads(line)["event_id"] for line in lines}) == 19_900


def test_the_shares_of_the_event_types_are_those_of_a_school(raw_events: Path) -> None:
    types = Counter(json.loads(line)["event_type"] for line in _lines(raw_events))
    video = sum(count for name, count in types.items() if name.startswith("video_"))
    assert video / 20_000 == pytest.approx(0.20, abs=0.03)
    assert types["quiz_answer"] / 20_000 == pytest.approx(0.15, abs=0.03)


def test_a_record_has_about_290_bytes(raw_events: Path) -> None:
    assert raw_events.stat().st_size / 20_000 == pytest.approx(290, abs=15)


def test_records_come_roughly_in_order_of_time(raw_events: Path) -> None:
    times = [json.loads(line)["timestamp"] for line in _lines(raw_events)]
    assert times != sorted(times)
    assert times[0][:10] == "2025-09-01"
    assert times[-1][:10] >= "2025-09-14"


def test_mixed_files_hold_the_four_dialects_in_equal_parts(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    main(["--events=8000", f"--out={path}", "--mixed"])
    shapes = Counter(_shape(json.loads(line)) for line in _lines(path))
    assert set(shapes) == {"chapter_view", "analytics_event", "clickstream", "raw_event"}
    assert max(shapes.values()) - min(shapes.values()) < 400


def _shape(record: dict) -> str:
    if "start_time" in record:
        return "chapter_view"
    if "context" in record:
        return "analytics_event"
    return "clickstream" if isinstance(record["timestamp"], int) else "raw_event"


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        main(["--events=2000", f"--out={path}", f"--seed={seed}"])
    first, second, third = (path.read_bytes() for path in paths)
    assert first == second != third
