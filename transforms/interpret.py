"""What do the names, pages, ids, devices and depths of records mean?"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from schemas.canonical import IDS
from schemas.vocabulary import REASONS, event_type_of
from transforms.columns import TypedColumn, first_numbers, first_texts, map_unique, texts
from transforms.decode import Failure
from transforms.identify_devices import (
    AGENT_PARTS,
    device_types,
    known_agents,
    read_agents,
)
from transforms.locate import PAGE_IDS, page_ids, strip_page
from transforms.transpose import TOP, Fields

_CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}
_REASON_OF = {code: reason for reason, code in _CODES.items()}
_EVERYWHERE = (TOP, "context", "metadata", "payload")
_INNER = ("metadata", "payload")
MEASURED = (TOP, *_INNER)
LARGEST_MEASURE = 1e9
"""Some 31 years of seconds: more is no measure, and sums of milliseconds stay in 64 bits."""
_SPELLINGS_OF_IDS = {"client_session_id": ("session_id",), "quiz_id": ("quiz_id", "assessment_id")}


class Events:
    """Records on their way to canonical rows: columns so far, and the first reason against each."""

    def __init__(self, fields: Fields, rows: np.ndarray) -> None:
        self.fields, self.rows, self.size = fields, rows, len(rows)
        self.columns: dict[str, pl.Series] = {}
        self.is_view = self.is_clickstream = np.zeros(self.size, bool)
        self.clipped = 0
        self._reasons = np.zeros(self.size, np.int8)
        self._messages: dict[int, str] = {}
        self._bad_types: list[tuple[str, pl.Series]] = []

    def add(self, name: str, column: TypedColumn) -> None:
        """Keep a column; its bad types are judged at the end, as the last of the reasons."""
        self.columns[name] = column.values
        self.note_bad_type(name, column.is_bad)

    def note_bad_type(self, name: str, is_bad: pl.Series | None) -> None:
        """Remember where a field had an impossible type."""
        if is_bad is not None and is_bad.any():
            self._bad_types.append((name, is_bad))

    def measure(
        self, *keys: str, minimum: float = 0.0, maximum: float = LARGEST_MEASURE
    ) -> pl.Series:
        """The first number within the bounds of a row, key by key; null without one."""
        found = (self.fields.numbers(scope, key) for key in keys for scope in MEASURED)
        candidates = [values for values in found if values is not None]
        for values in candidates:
            with np.errstate(invalid="ignore"):
                values[(values < minimum) | (values > maximum)] = np.nan
        return first_numbers(candidates, self.size)

    def fail(self, is_failed: np.ndarray, reason: str, message: str = "") -> None:
        """Give a reason to the rows that have none yet."""
        chosen = is_failed & (self._reasons == 0)
        self._reasons[chosen] = _CODES[reason]
        self._messages.update(dict.fromkeys(np.flatnonzero(chosen).tolist(), message))

    def fail_where_bad_type(self) -> None:
        """Judge the types noted, and the containers that are no objects."""
        for name, is_wrong in self._bad_types:
            self.fail(is_wrong.to_numpy(), "bad_type", f"{name} has an impossible type")
        for name in ("metadata", "payload", "context"):
            values = self.fields.column(TOP, name)
            if values is not None:
                is_bad = np.fromiter((type(v) not in _OBJECT for v in values), bool, self.size)
                self.fail(is_bad, "bad_type", f"{name} is not an object")

    def name_after_bytes(self, ids: pl.Series, records: Sequence[bytes]) -> pl.Series:
        """`sha256:` and the hash of the record where it has no id."""
        if not ids.null_count():
            return ids
        is_missing = ids.is_null().to_list()
        names = [
            f"sha256:{hashlib.sha256(record).hexdigest()}" if missing else None
            for missing, record in zip(is_missing, records, strict=True)
        ]
        return pl.Series(names, dtype=pl.String)

    def split(self) -> tuple[pl.DataFrame, list[Failure]]:
        """Rows without a reason as a frame, the others as failures."""
        frame = pl.DataFrame({"row": pl.Series(self.rows), **self.columns})
        if not self._reasons.any():
            return frame, []
        failed = np.flatnonzero(self._reasons).tolist()
        failures = [
            (int(self.rows[i]), _REASON_OF[int(self._reasons[i])], self._messages.get(i, ""))
            for i in failed
        ]
        return frame.filter(pl.Series(self._reasons == 0)), failures


_OBJECT = (dict, type(None))


def interpret_names(events: Events, spellings: Mapping[str, str]) -> None:
    """event_type and event_name: a clickstream record names its event besides its type."""
    types = _names(events, "event_type")
    names = _names(events, "event_name")
    is_view = pl.Series(events.is_view)
    names = names.set(~pl.Series(events.is_clickstream), None)
    first = names.zip_with(names.is_not_null(), types)
    found = _event_types(names, types, dict(spellings))
    events.columns["event_type"] = found.set(is_view, "chapter_view")
    events.columns["event_name"] = first.set(is_view, "chapter_view")


def _names(events: Events, key: str) -> pl.Series:
    candidates = events.fields.columns((TOP,), (key,))
    return first_texts(candidates, events.size, accepts_numbers=False).values


def _event_types(names: pl.Series, types: pl.Series, spellings: dict[str, str]) -> pl.Series:
    """The type that a record's names stand for, found once per distinct pair of names."""
    if names.null_count() == len(names):
        by_type = map_unique(types, lambda text: event_type_of((text,), spellings))
        return by_type.fill_null("other")
    frame = pl.DataFrame({"name": names, "type": types})
    pairs = frame.unique()
    known = [tuple(n for n in pair if n is not None) for pair in pairs.iter_rows()]
    found = pl.Series("found", [event_type_of(pair, spellings) for pair in known])
    pairs = pairs.with_columns(found)
    keys = ["name", "type"]
    return frame.join(pairs, keys, "left", nulls_equal=True, maintain_order="left")["found"]


def interpret_pages(events: Events) -> None:
    """page: page_url or screen_name without query string and fragment."""
    candidates = events.fields.columns((TOP,), ("page_url", "screen_name"))
    pages = first_texts(candidates, events.size, accepts_numbers=False)
    events.note_bad_type("page", pages.is_bad)
    events.columns["page"] = strip_page(pages.values)


def interpret_ids(events: Events) -> None:
    """Ids from the record, else off the path of the page."""
    named = page_ids(events.columns["page"])
    for name in IDS:
        keys = _SPELLINGS_OF_IDS.get(name, (name,))
        column = first_texts(events.fields.columns(_EVERYWHERE, keys), events.size)
        if name in PAGE_IDS:
            column.fill(named[name])
        events.add(name, column)


def interpret_devices(events: Events) -> None:
    """device_type, os, browser and network_type from the fields given, else the user agent."""
    device, agents = TypedColumn(events.size, pl.String), TypedColumn(events.size, pl.String)
    for values in _device_candidates(events.fields):
        names, is_bad = texts(values, accepts_numbers=False)
        device.fill(device_types(names), is_bad)
        agents.fill(known_agents(names))
    given = TypedColumn(events.size, pl.String)
    for values in events.fields.columns((TOP, "device", *_INNER), ("user_agent",)):
        names, _ = texts(values, accepts_numbers=False)
        device.fill(device_types(names))
        agents.fill(known_agents(names))
        given.fill(names)
    events.add("device_type", device)
    events.columns["raw_user_agent"] = given.values
    _interpret_software(events, read_agents(agents.values))


def _interpret_software(events: Events, agents: pl.DataFrame) -> None:
    names = {"os": ("os",), "browser": ("browser",), "network_type": ("network_type", "network")}
    for name, keys in names.items():
        candidates = events.fields.columns((TOP, "device", *_INNER), keys)
        found = first_texts(candidates, events.size, accepts_numbers=False)
        if name in AGENT_PARTS:
            found.fill(agents[name])
        events.columns[name] = found.values
        events.note_bad_type(name, found.is_bad if name == "browser" else None)


def _device_candidates(fields: Fields) -> list[list[Any]]:
    """Values that may name a device; an object `device` is looked into, not read."""
    top = [
        [None if type(v) is dict else v for v in values]
        for values in fields.columns((TOP,), ("device_type", "device"))
    ]
    inner = fields.columns(("device",), ("type",))
    return [*top, *inner, *fields.columns(_INNER, ("device",))]


def interpret_scroll(events: Events) -> None:
    """scroll_depth clipped to 0..100, else the share of sections reached."""
    depth = TypedColumn(events.size, pl.Float64)
    for scope in MEASURED:
        values = events.fields.column(scope, "scroll_depth")
        if values is not None:
            found = pl.Series(events.fields.numbers(scope, "scroll_depth"), nan_to_null=True)
            depth.fill(found, _bad_numbers(values))
    events.note_bad_type("scroll_depth", depth.is_bad)
    reached, total = events.measure("sections_reached"), events.measure("sections_total")
    if reached.null_count() < events.size:
        depth.fill(100 * reached / total.set(total == 0, None))
    clipped = depth.values.clip(0, 100)
    events.clipped = int((clipped != depth.values).sum() or 0)
    events.columns["scroll_depth"] = clipped


def _bad_numbers(values: list[Any]) -> pl.Series | None:
    if set(map(type, values)) <= {int, float, type(None)}:
        return None
    is_bad = [v is not None and type(v) not in (int, float) for v in values]
    return pl.Series(is_bad, dtype=pl.Boolean)


def interpret_places(events: Events) -> None:
    """country_code and region of the first location of the form CC-RR."""
    place = TypedColumn(events.size, _PLACE)
    for values in events.fields.columns(MEASURED, ("location",)):
        place.fill(map_unique(texts(values, accepts_numbers=False)[0], _read_location, _PLACE))
    events.columns.update(place.values.struct.unnest().to_dict())


_PLACE = pl.Struct({"country_code": pl.String, "region": pl.String})
_LOCATION = re.compile(r"([A-Z]{2})-([A-Z0-9]{1,3})")


def _read_location(text: str) -> dict[str, str] | None:
    found = _LOCATION.fullmatch(text)
    return {"country_code": found[1], "region": found[2]} if found else None
