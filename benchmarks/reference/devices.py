"""Which device, operating system, browser and network does a record name?"""

import functools
from collections.abc import Iterator

import ua_parser

from benchmarks.reference.fields import BadTypeError, Levels, first_text

_KINDS = {
    "mobile": ("mobile", "phone", "android", "ios", "iphone"),
    "tablet": ("tablet", "ipad"),
    "desktop": ("desktop", "web", "windows", "mac", "macos", "linux", "chromebook"),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
_DESKTOP_SYSTEMS = ("Windows", "Mac OS X", "Linux", "Chrome OS", "Ubuntu", "Fedora", "FreeBSD")


def read_device(levels: Levels) -> dict[str, str | None]:
    """The columns device_type, os, browser and network_type."""
    kinds = map(_kind, _device_values(levels))
    _, system, browser = _first_agent(levels)
    return {
        "device_type": next(filter(None, kinds), None),
        "os": _plain_text(levels, ("os",)) or system,
        "browser": first_text(_values(levels, ("browser",)), "browser") or browser,
        "network_type": _plain_text(levels, ("network_type", "network")),
    }


def _values(levels: Levels, names: tuple[str, ...]) -> Iterator[object]:
    return levels.values(names, levels.top, levels.device, levels.metadata, levels.payload)


def _plain_text(levels: Levels, names: tuple[str, ...]) -> str | None:
    values = _values(levels, names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _device_values(levels: Levels) -> Iterator[object]:
    """The values that can name a device, in order."""
    yield from levels.values(("device_type",), levels.top)
    if not isinstance(levels.top.get("device"), dict):
        yield from levels.values(("device",), levels.top)
    yield from levels.values(("type",), levels.device)
    yield from levels.values(("device",), levels.metadata, levels.payload)
    yield from (value for value in _values(levels, ("user_agent",)) if isinstance(value, str))


def _first_agent(levels: Levels) -> tuple[str | None, str | None, str | None]:
    values = _device_values(levels)
    agents = [_parse_agent(value) for value in values if isinstance(value, str) and "/" in value]
    return next(filter(any, agents), (None, None, None))


def _kind(text: object) -> str | None:
    if not isinstance(text, str):
        raise BadTypeError("device")
    if "/" in text:
        return _parse_agent(text)[0]
    return _KIND_OF.get(text.lower())


@functools.lru_cache(maxsize=10_000)
def _parse_agent(text: str) -> tuple[str | None, str | None, str | None]:
    """Device type, operating system and browser of a user agent."""
    found = ua_parser.parse(text)
    system = found.os.family if found.os else None
    browser = found.user_agent.family if found.user_agent else None
    device = found.device.family if found.device else ""
    return _kind_of_agent(text, system, device), system, browser


def _kind_of_agent(text: str, system: str | None, device: str) -> str | None:
    if device.startswith("iPad"):
        return "tablet"
    if system == "Android":
        return "mobile" if "Mobile" in text else "tablet"
    if system in ("iOS", "Windows Phone"):
        return "mobile"
    return "desktop" if system in _DESKTOP_SYSTEMS else None
