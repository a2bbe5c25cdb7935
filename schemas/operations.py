"""What is a row of operations? What runs did, and what they could not use."""

import datetime

from schemas.tables import Json, column, table


@table("ops", "one row per record that could not be used", ("dead_letter_id",), "failed_date")
class DeadLetters:
    """Records that were set aside with a reason; the payload can hold personal data."""

    dead_letter_id: str = column("UUIDv5 of source, position and SHA-256 of the bytes.")
    failed_date: datetime.date = column("UTC date of failed_at.")
    failed_at: datetime.datetime = column("When it failed for the first time (UTC).")
    stage: str = column("Step that set it aside.")
    reason: str = column("Reason from the closed list.")
    message: str = column("What is wrong, in words.")
    payload: bytes = column("The bytes received, zlib-compressed.", is_sensitive=True)
    source: str = column("File, topic or subscription.")
    position: str = column("Line, row or offset in the source.")
    received_at: datetime.datetime | None = column("When the record was received, if known.")
    is_replayed: bool = column("A replay after a fix has used the record.")


@table("ops", "one row per run", ("run_id",), "run_date")
class PipelineRuns:
    """Who ran what, when, on which inputs, and what came of it."""

    run_id: str = column("Id of the run.")
    run_date: datetime.date = column("UTC date of the start.")
    mode: str = column("batch, streaming, replay, maintain, rollup or check.")
    status: str = column("completed, failed or (streaming) running.")
    started_at: datetime.datetime = column("Start (UTC).")
    finished_at: datetime.datetime = column("End; of a running stream the last commit (UTC).")
    code_version: str = column("Version of the code.")
    options: Json = column("Options that differ from the defaults; no secrets.")
    inputs: Json = column("Input files or topics.")
    records_read: int = column("Records read: the sum of the six counts that follow.")
    events: int = column("Events stored, of the dates of the run.")
    duplicates: int = column("Records that repeat an event.")
    dead_letters: int = column("Records set aside.")
    excluded: int = column("Records left out by rule or for want of consent.")
    dropped: int = column("Records beyond the allowed lateness (streaming).")
    out_of_range: int = column("Records of days around the run's dates.")
    late: int = column("Records behind the watermark but accepted (streaming).")
    without_consent: int = column("Of the excluded, those for want of consent.")
    clipped_scroll_depths: int = column("Scroll depths outside 0-100 that were clipped.")
    unknown_chapters: int = column("Events whose chapter is not in the catalogue given.")
    id_conflicts: int = column("Events flagged is_id_conflict.")
    sessions: int = column("Sessions stored.")
    dead_letters_by_reason: Json = column("Counts of dead letters by reason.")
    table_versions: Json = column("Version of every table that this run leaves behind.")
    owned_from_date: datetime.date | None = column(
        "First date that a running stream writes; null otherwise."
    )
    checkpoint_options: Json | None = column(
        "Of a stream: marks (keyed digests) of the options that its checkpoints belong to, by name."
    )


@table(
    "ops",
    "one row per check of a table and run",
    ("checked_at", "table_name", "check_name"),
    "check_date",
)
class DataQuality:
    """Results of the named data-quality checks."""

    check_date: datetime.date = column("Date of the check (UTC).")
    checked_at: datetime.datetime = column("Time of the check (UTC).")
    table_name: str = column("Table that was checked.")
    check_name: str = column("Name of the check.")
    severity: str = column("error or warning.")
    is_passed: bool = column("Whether it passed.")
    observed: float | None = column("What was seen.")
    expected: float | None = column("What was expected.")
