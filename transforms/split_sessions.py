"""Where does a session split because the device, browser or network changes, or at a login?"""

from typing import Any

import numpy as np
import polars as pl

from schemas.vocabulary import END_REASONS
from transforms.options import MetricOptions
from transforms.slices import firsts_of, lasts_of

_TRAITS = {"device": "device_type", "browser": "browser", "network": "network_type"}
NO_BREAK = -1
"""Code of an event with which no session begins; other codes index END_REASONS."""


def split_on_traits(
    events: pl.DataFrame,
    start: np.ndarray,
    end: np.ndarray,
    breaks: np.ndarray,
    options: MetricOptions,
) -> None:
    """Mark in `breaks` where sessions split. Only sessions in which something changes are walked.

    A session that is split ends its activity there, so that gaps are judged anew after it.
    """
    firsts = firsts_of(breaks != NO_BREAK)
    lasts = lasts_of(firsts, len(start))
    watched = [events[_TRAITS[name]].to_list() for name in _TRAITS if name in options.split_on]
    names = [name for name in _TRAITS if name in options.split_on]
    is_login = (events["event_type"] == "login").to_list() if "login" in options.split_on else None
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        if _may_split(first, last, watched, is_login):
            _walk(first, last, start, end, names, watched, is_login, breaks, options.session_gap_ms)


def _may_split(first: int, last: int, watched: list[list], is_login: list[bool] | None) -> bool:
    if is_login is not None and any(is_login[first + 1 : last + 1]):
        return True
    return any(len(set(values[first : last + 1]) - {None}) > 1 for values in watched)


def _walk(
    first: int,
    last: int,
    start: np.ndarray,
    end: np.ndarray,
    names: list[str],
    watched: list[list],
    is_login: list[bool] | None,
    breaks: np.ndarray,
    gap_ms: int,
) -> None:
    latest: list[Any] = [None] * len(names)
    reach = int(end[first])
    for row in range(first, last + 1):
        known = [values[row] for values in watched]
        reason = _reason(row, first, start[row] - reach, gap_ms, names, known, latest, is_login)
        if reason:
            breaks[row] = END_REASONS.index(reason)
            latest, reach = [None] * len(names), int(end[row])
        latest = [b if b is not None else a for a, b in zip(latest, known, strict=True)]
        reach = max(reach, int(end[row]))


def _reason(
    row: int,
    first: int,
    gap: int,
    gap_ms: int,
    names: list[str],
    known: list[Any],
    latest: list[Any],
    is_login: list[bool] | None,
) -> str:
    """The first reason for which a session splits before the row, empty for none."""
    if row == first:
        return ""
    if gap > gap_ms:
        return "inactivity"
    if is_login is not None and is_login[row]:
        return "login"
    pairs = zip(names, known, latest, strict=True)
    return next((n for n, a, b in pairs if a is not None and b is not None and a != b), "")
