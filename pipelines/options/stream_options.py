"""What does a person want of a stream? The options of the program, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from pipelines import storage
from pipelines.options.batch_options import EventOptions, parse_flags
from pipelines.options.checkpoint_flags import check_checkpoint_flags
from pipelines.options.flags import UsageError
from pipelines.options.runner_flags import has_job_server
from pipelines.options.stream_flags import ALERT_PREFIX, build_parser
from pipelines.outputs.bigquery.address import is_bigquery, parse
from transforms.alert_options import AlertOptions
from transforms.retain import Retention


@dataclass(frozen=True, kw_only=True)
class StreamOptions(EventOptions):
    """Everything a stream depends on. Sources: Kafka, Pub/Sub or an inbox, exactly one."""

    kafka_bootstrap_servers: str | None
    kafka_topics: tuple[str, ...]
    kafka_group: str
    kafka_options: Mapping[str, str] = field(repr=False)
    kafka_options_file: str | None
    start_from: str
    pubsub_subscription: str | None
    inbox: str | None
    start_timeout_seconds: float
    raw_zone: str | None
    raw_file_bytes: int
    raw_file_seconds: float
    live_store: str | None
    max_out_of_orderness_seconds: float
    allowed_lateness_seconds: float
    publish_seconds: float
    idle_partition_seconds: float | None
    alerts: AlertOptions
    commit_interval_seconds: float
    state: str
    from_scratch: bool
    flink_heap: str
    metrics_port: int
    health_file: str | None

    @property
    def retention(self) -> Retention:
        """How long events of students are kept."""
        return Retention(
            self.metrics.session_gap_ms,
            self.metrics.max_session_ms,
            round(self.allowed_lateness_seconds * 1000),
            self.metrics.reporting_timezone,
        )

    @property
    def commit_interval_ms(self) -> int:
        """How often tables and files are written."""
        return round(self.commit_interval_seconds * 1000)

    @property
    def has_own_runner(self) -> bool:
        """Whether Beam is told where to run."""
        return any(flag.startswith("--runner") for flag in self.beam)


def parse_stream_options(argv: Sequence[str]) -> StreamOptions:
    """Options from a command line. Raises UsageError; `--help` exits."""
    values, rest = parse_flags(build_parser(), argv)
    limits = {f.name: values.pop(f"{ALERT_PREFIX}{f.name}") for f in fields(AlertOptions)}
    try:
        alerts = AlertOptions(**limits)
    except ValueError as error:
        raise UsageError(f"--{ALERT_PREFIX}…: {error}; --help lists the options") from None
    state = values.pop("state") or storage.join(values["warehouse"], "_stream")
    options = StreamOptions(**values, state=state, alerts=alerts, beam=rest)
    _check_source(options)
    if has_job_server(rest):
        check_checkpoint_flags(rest, options.commit_interval_ms)
    if is_bigquery(options.warehouse):
        parse(options.warehouse)
    if not storage.is_local(options.state) and not options.has_own_runner:
        raise UsageError(f"--state={options.state} must be a local folder: give one with --state")
    return options


def _check_source(options: StreamOptions) -> None:
    given = (options.kafka_topics, options.pubsub_subscription, options.inbox)
    if sum(map(bool, given)) != 1:
        raise UsageError(
            "name one source: --kafka_bootstrap_servers with --kafka_topics, "
            "--pubsub_subscription, or --inbox"
        )
    if options.kafka_topics and not options.kafka_bootstrap_servers:
        raise UsageError("--kafka_topics needs --kafka_bootstrap_servers=HOST:PORT")
