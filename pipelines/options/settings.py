"""What do the options say about parsing and deriving? Files are read, and wrong ones refused."""

import datetime
from collections.abc import Callable

from pipelines.options import companions
from pipelines.options.batch_options import EventOptions
from transforms.calendar import Dates
from transforms.catalogue import Catalogue
from transforms.clean import CleanOptions
from transforms.derive import DeriveOptions
from transforms.parse import ParseOptions
from transforms.parse_events import ParseSettings


def read_parse_settings(
    options: EventOptions,
    started_at: datetime.datetime,
    topic_of: Callable[[str], str],
    catalogue: Catalogue,
    shards: int = 1,
) -> ParseSettings:
    """How records are parsed and cleaned. Raises UsageError for a file that cannot be used."""
    rules = companions.read_rules(options.exclusion_file)
    return ParseSettings(
        parse=ParseOptions(
            spellings=companions.read_event_types(options.event_types_file),
            max_future_ms=round(options.max_future_seconds * 1000),
            max_age_days=options.max_age_days,
            rule_fields=tuple(dict.fromkeys(name for name, _ in rules)),
        ),
        clean=CleanOptions(
            key=b"",
            shards=shards,
            consenting=companions.read_consent(options.consent_file),
            rules=rules,
            catalogue=catalogue,
        ),
        load_key=companions.key_loader(options.pseudonym_key_file, options.pseudonym_key_secret),
        topic_of=topic_of,
        started_at=started_at,
        timezone=options.metrics.reporting_timezone,
        pseudonymous_topics=frozenset(options.pseudonymous_topics),
        open_places=companions.places_opener(options.geoip_database),
    )


def read_derive_options(options: EventOptions, dates: Dates = None) -> DeriveOptions:
    """What deriving depends on. Raises UsageError for a file that cannot be used."""
    return DeriveOptions(
        options.metrics,
        companions.read_catalogue(options.catalog),
        companions.read_questions(options.question_catalog),
        dates,
    )
