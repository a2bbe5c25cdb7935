"""What rows do records give, without files or Beam? The transforms, one after the other."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import polars as pl

from schemas.vocabulary import builtin_spellings
from tests.compare_rows import DEFAULT_KEY
from transforms.catalogue import Catalogue, Questions, build_catalogue, build_questions
from transforms.clean import CleanOptions
from transforms.derive import Derived, DeriveOptions, derive_students
from transforms.detect_chapters import detect_low_engagement, detect_trends
from transforms.options import MetricOptions
from transforms.parse import ParseOptions
from transforms.parse_events import ParsedBlock, ParseSettings, parse_block
from transforms.present import present
from transforms.sum_up import Frames, sum_up
from transforms.total_days import total_days

Rows = list[dict[str, Any]]
PROCESSED_AT = datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC)
LIMITS = {"max_future_seconds": 300, "max_age_days": 365}
CHAPTER_DAYS = "chapter_engagement"


@dataclass
class Records:
    """A block of records as a file would give it: position n is the n-th record, from 1."""

    records: list[bytes]
    first: int = 1
    source: str = "memory"
    failure: Any = None

    def position(self, index: int) -> str:
        """Number of the record among all that were sent."""
        return str(self.first + index)


@dataclass(frozen=True)
class Plan:
    """How to run: the options of METRICS by name, catalogues, and how the work is cut up."""

    options: Mapping[str, Any] = field(default_factory=dict)
    catalog: Sequence[Mapping[str, Any]] | None = None
    questions: Sequence[Mapping[str, Any]] | None = None
    blocks: int = 1
    shards: int = 1
    consenting: frozenset[str] | None = None
    rules: tuple[tuple[str, str], ...] = ()
    find_place: Callable[[str], Any] | None = None
    topic_of: Callable[[str], str] = str
    pseudonymous_topics: frozenset[str] = frozenset()


@dataclass
class Result:
    """All tables as rows, counts of what became of the records, and the frames in between."""

    tables: dict[str, Rows]
    counts: Counter[str]
    events: pl.DataFrame
    contributions: list[Frames]
    traces: list[Frames]


def run(records: Iterable[bytes], plan: Plan | None = None) -> Result:
    """Records to every silver and daily gold table, `anomalies` of chapters included."""
    plan = plan or Plan()
    parsed = [parse_block(block, settings(plan)) for block in cut(list(records), plan.blocks)]
    frames = [block.events for block in parsed if not block.events.is_empty()]
    events = pl.concat(frames) if frames else pl.DataFrame()
    derived = [derive_students(shard, derive_options(plan)) for shard in _shards(events)]
    tables = _tables(derived, derive_options(plan).catalogue)
    tables["dead_letters"] = _letters(parsed)
    counts: Counter[str] = Counter()
    for part in (*parsed, *derived):
        counts.update(part.counts)
    contributions = [part.contributions for part in derived]
    return Result(tables, counts, events, contributions, [part.traces for part in derived])


def metric_options(options: Mapping[str, Any]) -> MetricOptions:
    """The options that METRICS names, others left out."""
    known = {f.name for f in fields(MetricOptions)}
    chosen = {name: value for name, value in options.items() if name in known}
    return MetricOptions(**{n: tuple(v) if n == "split_on" else v for n, v in chosen.items()})


def derive_options(plan: Plan) -> DeriveOptions:
    """What deriving depends on."""
    return DeriveOptions(metric_options(plan.options), _catalogue(plan), _questions(plan))


def settings(plan: Plan) -> ParseSettings:
    """What parsing and cleaning depend on."""
    limits = {name: plan.options.get(name, default) for name, default in LIMITS.items()}
    parse = ParseOptions(
        builtin_spellings(),
        round(limits["max_future_seconds"] * 1000),
        limits["max_age_days"],
        tuple(name for name, _ in plan.rules),
    )
    key = str(plan.options.get("key", DEFAULT_KEY)).encode()
    clean = CleanOptions(
        key, plan.shards, plan.consenting, plan.rules, _catalogue(plan), plan.find_place
    )
    return ParseSettings(
        parse,
        clean,
        load_key=lambda: key,
        topic_of=plan.topic_of,
        started_at=PROCESSED_AT,
        timezone=str(plan.options.get("reporting_timezone", "UTC")),
        pseudonymous_topics=plan.pseudonymous_topics,
    )


def cut(records: list[bytes], blocks: int) -> list[Records]:
    """The records in blocks of nearly equal size, blank ones left out as the readers do."""
    size = max(1, -(-len(records) // blocks))
    starts = range(0, len(records), size)
    return [_block(records[start : start + size], start + 1) for start in starts]


def total(contributions: Iterable[Frames]) -> Frames:
    """Contributions of several shards as one frame per name."""
    collected: dict[str, list[pl.DataFrame]] = {}
    for frames in contributions:
        for name, frame in frames.items():
            collected.setdefault(name, []).append(frame)
    return {name: sum_up(name, frames) for name, frames in collected.items()}


def _catalogue(plan: Plan) -> Catalogue:
    return build_catalogue(plan.catalog or [])


def _questions(plan: Plan) -> Questions:
    return build_questions(plan.questions or [])


def _block(records: list[bytes], first: int) -> Records:
    return Records([record.strip() for record in records], first)


def _shards(events: pl.DataFrame) -> list[pl.DataFrame]:
    """Events by shard, as they are grouped on their way to DERIVE."""
    if events.is_empty():
        return []
    parts = events.partition_by("shard", include_key=False, maintain_order=True)
    return [part for part in parts if not part.is_empty()]


def _tables(derived: list[Derived], catalogue: Catalogue) -> dict[str, Rows]:
    pieces: dict[str, list[pl.DataFrame]] = {}
    for part in derived:
        for name, frame in part.rows.items():
            pieces.setdefault(name, []).append(present(name, frame, PROCESSED_AT))
    sums = total(part.contributions for part in derived)
    for name, frame in sums.items():
        pieces[name] = [present(name, total_days(name, frame), PROCESSED_AT)]
    if CHAPTER_DAYS in pieces:
        pieces["anomalies"] += _chapter_anomalies(pieces[CHAPTER_DAYS][0], catalogue)
    return {name: pl.concat(frames).to_dicts() for name, frames in pieces.items()}


def _chapter_anomalies(chapters: pl.DataFrame, catalogue: Catalogue) -> list[pl.DataFrame]:
    dates = chapters["date"].unique().to_list()
    found = (
        detect_low_engagement(chapters, catalogue.expected),
        detect_trends(chapters, dates),
    )
    return [present("anomalies", frame, PROCESSED_AT) for frame in found]


def _letters(parsed: list[ParsedBlock]) -> Rows:
    letters = [row for block in parsed for row in block.dead_letters.to_dicts()]
    return [{**row, "line": int(row["position"].rpartition(":")[2])} for row in letters]
