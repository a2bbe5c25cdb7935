"""What do the names, pages, ids, devices and depths of records mean?"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from schemas.canonical import IDS
from schemas.vocabulary import REASONS, event_type_of
from transforms.columns import TypedColumn, first_numbers, first_texts, map_unique, numbers, texts
from transforms.decode import Failure
from transforms.identify_devices import AGENT_PARTS, device_types, is_agent, read_agents
from transforms.locate import PAGE_IDS, page_ids, strip_page
from transforms.transpose import TOP, Fields

_CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}
_REASON_OF = {code: reason for reason, code in _CODES.items()}
_EVERYWHERE = (TOP, "context", "metadata", "payload")
_INNER = ("metadata", "payload")
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

    def fail(self, is_failed: np.ndarray, reason: str, message: str = "") -> None:
        """Give a reason to the rows that have none yet."""
        chosen = is_failed & (self._reasons == 0)
        self._reasons[chosen] = _CODES[reason]
        self._messages.update(dict.fromkeys(np.flatnonzero(chosen).tolist(), message))

    def fail_where_bad_type(self) -> None:
        """Judge the types noted, and the containers that are no objects."""
        for name, is_bad in self._bad_types:
            self.fail(is_bad.to_numpy(), "bad_type", f"{name} has an impossible type")
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
    types = first_texts(events.fields.columns((TOP,), ("event_type",)), events.size).values
    names = first_texts(events.fields.columns((TOP,), ("event_name",)), events.size).values
    is_view = pl.Series(events.is_view)
    names = names.set(~pl.Series(events.is_clickstream), None)
    frame = pl.DataFrame({"name": names, "type": types})
    pairs = frame.unique()
    known = [tuple(n for n in pair if n is not None) for pair in pairs.iter_rows()]
    found = pl.Series("found", [event_type_of(pair, dict(spellings)) for pair in known])
    joined = frame.join(
        pairs.with_columns(found), ["name", "type"], "left", nulls_equal=True, maintain_order="left"
    )
    view = pl.lit("chapter_view")
    chosen = joined.select(
        pl.when(is_view).then(view).otherwise("found").alias("event_type"),
        pl.when(is_view).then(view).otherwise(pl.coalesce("name", "type")).alias("event_name"),
    )
    events.columns.update(chosen.to_dict())


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
        agents.fill(map_unique(names, lambda text: text if is_agent(text) else None))
    given = events.fields.columns((TOP, "device", *_INNER), ("user_agent",))
    agents.fill(first_texts(given, events.size).values)
    read = read_agents(agents.values)
    device.fill(read["device_type"])
    events.add("device_type", device)
    events.columns["raw_user_agent"] = agents.values
    for name, keys in (
        ("os", ("os",)),
        ("browser", ("browser",)),
        ("network_type", ("network_type", "network")),
    ):
        found = first_texts(
            events.fields.columns((TOP, "device", *_INNER), keys),
            events.size,
            accepts_numbers=False,
        )
        if name in AGENT_PARTS:
            found.fill(read[name])
        events.columns[name] = found.values
        events.note_bad_type(name, found.is_bad if name == "browser" else None)


def _device_candidates(fields: Fields) -> list[list[Any]]:
    """Values that may name a device; an object `device` is looked into, not read."""
    top = [
        [None if type(v) is dict else v for v in values]
        for values in fields.columns((TOP,), ("device_type", "device"))
    ]
    inner = fields.columns(("device",), ("type",))
    return [*top, *inner, *fields.columns(_INNER, ("device_type", "device"))]


def interpret_scroll(events: Events) -> None:
    """scroll_depth clipped to 0..100, else the share of sections reached."""
    scopes, size = (TOP, *_INNER), events.size
    depth = TypedColumn(size, pl.Float64)
    for values in events.fields.columns(scopes, ("scroll_depth",)):
        is_bad = [v is not None and type(v) not in (int, float) for v in values]
        depth.fill(numbers(values), pl.Series(is_bad, dtype=pl.Boolean))
    events.note_bad_type("scroll_depth", depth.is_bad)
    reached = first_numbers(events.fields.columns(scopes, ("sections_reached",)), size)
    total = first_numbers(events.fields.columns(scopes, ("sections_total",)), size)
    if reached.null_count() < size:
        depth.fill(100 * reached / total.set(total == 0, None))
    clipped = depth.values.clip(0, 100)
    events.clipped = int((clipped != depth.values).sum() or 0)
    events.columns["scroll_depth"] = clipped
