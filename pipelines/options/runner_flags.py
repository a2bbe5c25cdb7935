"""Which flags does Flink have besides those that Beam's Python knows? Its job server tells them."""

from collections.abc import Sequence

from pipelines.options.flags import FlagParser

FLINK_FLAGS = (
    *("parallelism", "max_parallelism", "operator_chaining", "object_reuse", "faster_copy"),
    *("checkpointing_interval", "checkpointing_mode", "checkpoint_timeout_millis"),
    *(
        "min_pause_between_checkpoints",
        "num_concurrent_checkpoints",
        "unaligned_checkpoint_enabled",
    ),
    *("force_unaligned_checkpoint_enabled", "fail_on_checkpointing_errors"),
    *("finish_bundle_before_checkpointing", "enable_stable_input_drain", "savepoint_path"),
    *("allow_non_restored_state", "externalized_checkpoints_enabled"),
    *("retain_externalized_checkpoints_on_cancellation", "state_backend"),
    *("state_backend_storage_path", "number_of_execution_retries", "execution_retry_delay"),
    *("max_bundle_size", "max_bundle_time_mills", "shutdown_sources_after_idle_ms"),
    *("auto_watermark_interval", "latency_tracking_interval", "disable_metrics", "attached_mode"),
    *("flink_conf_dir", "use_data_stream_for_batch", "execution_mode_for_batch"),
    *("re_iterable_group_by_key_result", "file_input_split_max_size_mb"),
)
_WITH_JOB_SERVER = ("--runner=FlinkRunner", "--runner=PortableRunner")


def add_runner_flags(parser: FlagParser, argv: Sequence[str]) -> None:
    """Let a parser know the flags of Flink, if the command line names it or a job server."""
    if not has_job_server(argv):
        return
    for name in FLINK_FLAGS:
        parser.add_argument(f"--{name}", nargs="?")


def has_job_server(flags: Sequence[str]) -> bool:
    """Whether Beam is told to run on a Flink that is there."""
    return bool(set(_WITH_JOB_SERVER) & set(flags))


def value_of(flag: str, flags: Sequence[str]) -> str | None:
    """What a flag is given, `--flag=value` or `--flag value`; empty without one; None: absent."""
    parser = FlagParser(allow_abbrev=False, add_help=False)
    parser.add_argument(flag, dest="value", nargs="?", const="")
    value: str | None = parser.parse_known_args(list(flags))[0].value
    return value


def savepoint_of(flags: Sequence[str]) -> str | None:
    """The checkpoint or savepoint that a job on a cluster is to go on from, if one is given."""
    return value_of("--savepoint_path", flags) or None


def only_launches(flags: Sequence[str]) -> bool:
    """Whether Beam only writes the job down, as in the launcher of a flex template of Dataflow.

    The job begins after the program has ended, which must not wait for it.
    """
    return any(flag.startswith("--template_location") for flag in flags)
