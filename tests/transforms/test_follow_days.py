"""Do students' days and distinct students come out right, whichever way is faster to gold?"""

import datetime
import random
from collections import deque
from dataclasses import dataclass, field

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.in_memory import PROCESSED_AT, Plan, derive_options, run
from tests.transforms.adversaries import Arrivals, arrivals, plans
from tests.transforms.in_stream import Stream, differences, retention_of
from tests.transforms.test_properties import examples
from transforms.diff_rows import IS_DELETED
from transforms.pack_traces import day_of, frame_traces, list_traces, name_of
from transforms.sum_up import Frames
from transforms.total_changes import Sums, add_contributions, total_changes

_DAY = datetime.date(2026, 3, 2)
_KEY = {"date": [_DAY], "course_id": ["c"], "video_id": ["v"]}
_REVISED, _DAYS = 0, 1


@dataclass
class TwoWays(Stream):
    """A stream whose two ways of contributions to gold are each in order, but not together."""

    chance: random.Random = field(default_factory=random.Random)
    waiting: tuple[deque[Frames], deque[Frames]] = field(default_factory=lambda: (deque(), deque()))
    way: int = _REVISED

    def _total(self, contributions: Frames) -> None:
        self.waiting[self.way].append(contributions)
        self.way = _DAYS - self.way
        while any(self.waiting) and self.chance.random() < 0.5:
            self.arrive()

    def arrive(self) -> None:
        """The next contributions of a way that has some."""
        queue = self.chance.choice([queue for queue in self.waiting if queue])
        super()._total(queue.popleft())


@examples(30)
@given(arrivals(), plans(), st.randoms(use_true_random=False))
def test_whichever_way_is_faster_gold_ends_like_batch(
    sent: Arrivals, plan: Plan, chance: random.Random
) -> None:
    batch = run(sent.records, plan)
    if batch.events.is_empty():
        return
    del batch.tables["dead_letters"]
    options = derive_options(plan)
    years = retention_of(options.metrics, datetime.timedelta(days=9999))
    stream = TwoWays(options, years, chance=chance)
    events = batch.events.drop("shard").sample(fraction=1, shuffle=True, seed=chance.randrange(99))
    for part in events.iter_slices(3):
        stream.take(part, 0)
    while any(stream.waiting):
        stream.arrive()
    assert differences(stream.store.tables(), batch.tables) == []


@examples(20)
@given(arrivals(), plans())
def test_traces_travel_as_rows(sent: Arrivals, plan: Plan) -> None:
    for frames in run(sent.records, plan).traces:
        days: dict = {}
        for day, key, sums in list_traces(frames):
            days.setdefault(day_of(name_of(day)), {})[key] = sums
        for name, frame in frame_traces(days.items()).items():
            assert frame.schema == frames[name].select(frame.columns).schema
            assert set(frame.rows()) == set(frames[name].select(frame.columns).rows())


def test_a_row_of_gold_is_shown_while_students_and_their_views_are_known() -> None:
    views = pl.DataFrame(
        _KEY
        | {"views_count": [1], "watched_ms": [9000], "rewatched_ms": [0], "completed_count": [0]}
        | {"watch_ratio_known_count": [0], "length_known_count": [0]}
        | {f"reached_{step}": [0] for step in range(1, 21)}
    ).with_columns(
        pl.lit(0, pl.Int128).alias("watch_ratio_atto"),
        pl.lit(9 * 10**18, pl.Int128).alias("playing_atto"),
    )
    viewers = pl.DataFrame(_KEY | {"viewers": [1]})
    for first, second in ((views, viewers), (viewers, views)):
        assert _shown(first) == []
        assert _shown(first, second) == [False]
        assert _shown(first, second, _taken_back(first)) == [False, True]
        assert _shown(first, second, _taken_back(first), _taken_back(second)) == [False, True]


def _taken_back(contributions: pl.DataFrame) -> pl.DataFrame:
    return contributions.with_columns(pl.exclude(_KEY) * -1)


def _shown(*contributions: pl.DataFrame) -> list[bool]:
    """Whether the row was retracted, each time that something of it was told."""
    sums, told = Sums(), []
    for added in contributions:
        changed = add_contributions("video_engagement", sums, [added])
        found = total_changes("video_engagement", [changed], pl.DataFrame(), PROCESSED_AT)
        told += [row[IS_DELETED] for frame in found.values() for row in frame.to_dicts()]
        sums = changed.after
    return told
