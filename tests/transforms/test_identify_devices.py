"""Are device, operating system and browser found, given by name or by user agent?"""

import json
from typing import Any

import pytest

from tests.in_memory import Plan, run
from transforms.identify_devices import device_type_of, is_known_agent, read_agent

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) {WEBKIT} Version/17.0 Mobile/15E148 Safari/604.1"  # noqa: E501
IPAD = f"Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) {WEBKIT} Version/16.0 Mobile/15E148 Safari/604.1"  # noqa: E501
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0"
AGENTS = {
    IPHONE: ("mobile", "iOS", "Mobile Safari"),
    IPAD: ("tablet", "iOS", "Mobile Safari"),
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36": (
        "mobile", "Android", "Chrome Mobile",
    ),
    f"Mozilla/5.0 (Linux; Android 13; SM-X700) {CHROME} Safari/537.36": (
        "tablet", "Android", "Chrome",
    ),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36": (
        "desktop", "Windows", "Chrome",
    ),
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0": (
        "desktop", "Ubuntu", "Firefox",
    ),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36": (
        "desktop", "Chrome OS", "Chrome",
    ),
}  # fmt: skip


def _device(**fields: Any) -> tuple[str | None, str | None, str | None]:
    record = {"student_id": "s1", "timestamp": "2025-11-16T10:00:00Z", **fields}
    (row,) = run([json.dumps(record).encode()], Plan()).tables["events"]
    return row["device_type"], row["os"], row["browser"]


@pytest.mark.parametrize("agent", AGENTS)
def test_a_user_agent_tells_device_system_and_browser(agent: str) -> None:
    assert tuple(read_agent(agent).values()) == AGENTS[agent]
    assert _device(user_agent=agent) == AGENTS[agent]
    assert _device(device=agent) == AGENTS[agent]
    assert _device(metadata={"device": agent}) == AGENTS[agent]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Android", "mobile"), ("iOS", "mobile"), ("PHONE", "mobile"), ("iPad", "tablet"),
        ("tablet", "tablet"), ("Web", "desktop"), ("macOS", "desktop"), ("chromebook", "desktop"),
        ("toaster", None), (" mobile", None), ("", None), ("nonsense/1", None),
    ],
)  # fmt: skip
def test_a_device_name_stands_for_a_kind(name: str, kind: str | None) -> None:
    assert device_type_of(name) == kind


def test_a_device_name_sets_no_system() -> None:
    assert _device(device="android") == ("mobile", None, None)


def test_the_first_value_that_maps_counts() -> None:
    assert _device(device_type="toaster", device="ipad", user_agent=IPHONE)[0] == "tablet"
    assert _device(device={"type": "fridge"}, metadata={"device": "web"})[0] == "desktop"
    assert _device(metadata={"device_type": "mobile"})[0] is None


def test_given_fields_come_before_the_user_agent() -> None:
    assert _device(user_agent=IPHONE, os="PalmOS", device={"browser": "Lynx"}) == (
        "mobile", "PalmOS", "Lynx",
    )  # fmt: skip


def test_an_unknown_agent_does_not_hide_a_known_one() -> None:
    assert not is_known_agent("nonsense/1")
    assert _device(device="nonsense/1", user_agent=IPAD) == AGENTS[IPAD]


@pytest.mark.parametrize("field", [{"device": 1}, {"device_type": []}, {"browser": 1}])
def test_a_device_or_browser_that_is_no_text_is_a_dead_letter(field: dict[str, Any]) -> None:
    record = {"student_id": "s1", "timestamp": "2025-11-16T10:00:00Z", **field}
    letters = run([json.dumps(record).encode()], Plan()).tables["dead_letters"]
    assert [row["reason"] for row in letters] == ["bad_type"]
