"""Which kind of device, operating system and browser does a text mean?"""

from functools import lru_cache

import polars as pl
import ua_parser

from schemas.vocabulary import DEVICES
from transforms.columns import map_unique

AGENT_PARTS = ("device_type", "os", "browser")
_AGENT_ROW = pl.Struct(dict.fromkeys(AGENT_PARTS, pl.String))
_DESKTOPS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD")


def device_type_of(text: str) -> str | None:
    """mobile, tablet or desktop for a device name or user agent; None when it says neither."""
    return DEVICES.get(text.lower()) or (
        read_agent(text)["device_type"] if is_agent(text) else None
    )


def device_types(texts: pl.Series) -> pl.Series:
    """`device_type_of` of a column."""
    return map_unique(texts, device_type_of)


def read_agents(agents: pl.Series) -> pl.DataFrame:
    """device_type, os and browser of a column of user agents; null where it is not one."""
    return map_unique(agents, read_agent, _AGENT_ROW).struct.unnest()


def known_agents(texts: pl.Series) -> pl.Series:
    """The texts that are user agents of which the parser knows something; null elsewhere."""
    return map_unique(texts, lambda text: text if is_known_agent(text) else None)


def is_known_agent(text: str) -> bool:
    """True for a user agent of which the parser knows something."""
    return is_agent(text) and any(read_agent(text).values())


def is_agent(text: str) -> bool:
    """True for what looks like a user agent: a product and its version."""
    return "/" in text


@lru_cache(maxsize=65_536)
def read_agent(agent: str) -> dict[str, str | None]:
    """What the parser of the ua-parser project reads off a user agent."""
    found = ua_parser.parse(agent)
    os = found.os.family if found.os else None
    device = found.device.family if found.device else ""
    browser = found.user_agent.family if found.user_agent else None
    return {"device_type": _type_of(os, device, agent), "os": os, "browser": browser}


def _type_of(os: str | None, device: str, agent: str) -> str | None:
    if device == "iPad" or "Tablet" in agent or (os == "Android" and "Mobile" not in agent):
        return "tablet"
    if os in ("iOS", "Android", "Windows Phone", "BlackBerry OS") or "Mobile" in agent:
        return "mobile"
    return "desktop" if os in _DESKTOPS else None
