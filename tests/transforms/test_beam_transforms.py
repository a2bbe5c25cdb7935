"""Do the PTransforms give rows and dead letters both ways, and sums in any grouping?"""

import random
import zlib
from collections import Counter
from typing import Any, NamedTuple

import apache_beam as beam
import polars as pl
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline as CheckedPipeline
from apache_beam.testing.util import assert_that, equal_to

from benchmarks.simulate import simulate
from schemas import tables
from tests.compare_rows import student_hash
from tests.in_memory import PROCESSED_AT, Plan, Records, cut, derive_options, run, settings, total
from tests.transforms.both_engines import comparable, of_table
from transforms.derive_tables import CombineContributions, DeriveTables, TotalDays
from transforms.parse_events import ParseEvents
from transforms.sum_up import sum_up

GOOD = b'{"event_id":"e1","student_id":"s1","timestamp":"2025-11-16T10:00:00Z"}'
WITHOUT_STUDENT = b'{"event_id":"e2","timestamp":"2025-11-16T10:00:00Z"}'
BROKEN = b'{"event_id":'


class Fault(NamedTuple):
    """The rest of a source that cannot be read."""

    message: str
    payload: bytes
    position: str


def _pipeline() -> CheckedPipeline:
    return CheckedPipeline(runner=FnApiRunner())


def _letter(row: dict[str, Any]) -> tuple[str, str, str, bytes]:
    return row["source"], row["position"], row["reason"], zlib.decompress(row["payload"])


def test_parse_events_gives_events_dead_letters_and_counts() -> None:
    blocks = [
        Records([GOOD, BROKEN], source="a"),
        Records([WITHOUT_STUDENT], first=7, source="b", failure=Fault("cut off", b"\x1f", "8")),
    ]
    letters = [
        ("a", "2", "not_json", BROKEN),
        ("b", "7", "missing_student_id", WITHOUT_STUDENT),
        ("b", "8", "unreadable_source", b"\x1f"),
    ]
    with _pipeline() as pipeline:
        parsed = pipeline | beam.Create(blocks) | ParseEvents(settings(Plan()))
        names = parsed.events | "Names" >> beam.FlatMap(
            lambda f: f.select("event_id", "student_hash", "shard").rows()
        )
        assert_that(names, equal_to([("e1", student_hash("s1"), 0)]), label="Events")
        found = parsed.dead_letters | "Letters" >> beam.FlatMap(
            lambda f: map(_letter, f.to_dicts())
        )
        assert_that(found, equal_to(letters), label="Letters")
        counts = parsed.counts | "Counts" >> beam.Map(
            lambda c: (c[0]["records_read"], c[0]["dead_letters"], sorted(map(str, c[1])))
        )
        assert_that(counts, equal_to([(2, 1, ["2025-11-16"]), (2, 2, [])]), label="Counts")


def test_the_whole_graph_gives_the_rows_of_the_plain_functions() -> None:
    school = simulate(students=6, days=2, bad=0.02, duplicates=0.05, seed=3)
    plan = Plan({}, school.catalog, school.questions, shards=3)
    blocks = cut(school.records, 4)
    expected = run(school.records, plan)
    with _pipeline() as pipeline:
        parsed = pipeline | beam.Create(blocks) | ParseEvents(settings(plan))
        shards = (
            parsed.events
            | "KeyByShard" >> beam.FlatMap(lambda f: f.partition_by("shard", as_dict=True).items())
            | "GroupShards" >> beam.GroupByKey()
            | "Join" >> beam.MapTuple(lambda _, frames: pl.concat(list(frames)).drop("shard"))
        )
        derived = shards | DeriveTables(derive_options(plan), PROCESSED_AT)
        totals = derived.contributions | TotalDays(PROCESSED_AT)
        rows = (
            (derived.rows, totals) | beam.Flatten() | beam.MapTuple(lambda n, f: (n, f.to_dicts()))
        )
        gathered = rows | beam.GroupByKey()
        assert_that(gathered, _are_tables(expected.tables))
        counts = derived.counts | "Counts" >> beam.Map(lambda c: Counter(c[0]))
        assert_that(
            counts | "Sum" >> beam.CombineGlobally(lambda found: sum(found, Counter())),
            _counts_agree(expected.counts),
            label="Counts",
        )


def _are_tables(expected: dict[str, list]) -> Any:
    """A checker: every table but dead letters; anomalies of chapters come later in a run."""

    def check(gathered: list) -> None:
        found = {name: [row for rows in many for row in rows] for name, many in gathered}
        wanted = {n: r for n, r in expected.items() if n not in ("dead_letters", "anomalies")}
        problems = [text for name in wanted for text in of_table(name, found, wanted[name])]
        assert problems == []
        assert found.keys() - {"anomalies"} == {name for name, rows in wanted.items() if rows}

    return check


def _counts_agree(expected: Counter[str]) -> Any:
    def check(found: list) -> None:
        (counts,) = found
        assert {n: expected[n] for n in counts} == dict(counts)

    return check


@pytest.fixture(scope="module")
def contributions() -> list[tuple[str, pl.DataFrame]]:
    """(name, frame) of many shards."""
    school = simulate(students=10, days=2, seed=5)
    result = run(school.records, Plan(shards=25))
    return [(name, frame) for frames in result.contributions for name, frame in frames.items()]


@pytest.mark.parametrize("seed", range(4))
def test_contributions_combine_in_any_grouping(
    seed: int, contributions: list[tuple[str, pl.DataFrame]]
) -> None:
    chance, combine = random.Random(seed), CombineContributions()
    groups: list[list] = [[] for _ in range(chance.randint(1, 5))]
    for element in chance.sample(contributions, len(contributions)):
        chance.choice(groups).append(element)
    accumulators = [_accumulate(combine, group, chance) for group in groups]
    output = combine.extract_output(combine.merge_accumulators(accumulators))
    for name in {name for name, _ in contributions}:
        frames = [frame for other, frame in contributions if other == name]
        expected = sum_up(name, frames)
        assert comparable(output[name].to_dicts()) == comparable(expected.to_dicts())
        assert output[name].schema == expected.schema


def _accumulate(combine: CombineContributions, elements: list, chance: random.Random) -> Any:
    accumulator = combine.create_accumulator()
    for element in elements:
        accumulator = combine.add_input(accumulator, element)
        if chance.random() < 0.1:
            accumulator = combine.compact(accumulator)
        if chance.random() < 0.1:
            empty = combine.create_accumulator()
            accumulator = combine.merge_accumulators([empty, accumulator])
    return accumulator


def test_nothing_combines_to_nothing() -> None:
    combine = CombineContributions()
    assert combine.extract_output(combine.create_accumulator()) == {}


def test_every_contribution_has_a_gold_table(
    contributions: list[tuple[str, pl.DataFrame]],
) -> None:
    names = {name for name, _ in contributions}
    assert len(names) == 7
    assert total([dict([element]) for element in contributions]).keys() == names
    for name, frame in contributions:
        assert set(tables.get(name).key) < set(frame.columns), "keys, and sums besides"
