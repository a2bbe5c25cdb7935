"""Does the stream leave in BigQuery what batch leaves in a folder, stopped and killed or not?"""

from pathlib import Path

from tests.bigquery.whole_bigquery_streams import BigQueryStream
from tests.pipelines.whole_inbox import divide, drop
from tests.pipelines.whole_runs import read, write_catalogues
from tests.pipelines.whole_topics import need_servers, recent_school

_PARTS = 6


def test_stream_into_bigquery_gives_what_batch_gives_in_a_folder(
    warehouse: str, tmp_path: Path
) -> None:
    need_servers()
    school, arrivals = recent_school(60)
    bodies = [arrival.body for arrival in arrivals]
    parts = divide(bodies, _PARTS)
    size = len(parts[0])
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number in range(2):
        drop(inbox, number, parts[number])
    known = write_catalogues(school, tmp_path)
    with BigQueryStream(tmp_path / "stream", warehouse, {"inbox": inbox}, **known) as stream:
        stream.start().wait_for_records(2 * size)
        run_id = stream.row()["run_id"]
        drop(inbox, 2, parts[2])
        stream.interrupt()
        assert stream.newest_row()["status"] == "stopped"
        drop(inbox, 3, parts[3])
        stream.start().wait_for_records(3 * size)
        drop(inbox, 4, parts[4])
        stream.kill()
        drop(inbox, 5, parts[5])
        stream.start().wait_for_all(len(bodies))
        row = stream.newest_row()
        assert (row["run_id"], row["status"], row["dropped"]) == (run_id, "running", 0)
        assert min(row[name] for name in ("events", "duplicates", "dead_letters")) > 0
        batch = tmp_path / "batch"
        assert stream.run_batch(batch) == 0
        stream.wait_for_rows_of(batch)
        events = len(read(batch, "silver.events"))
        # Each start has folded what was there.
        assert stream.stored("silver.events") < events
        stream.fold()
        assert stream.differences_from(batch) == []
        assert stream.stored("silver.events") == events
        stream.interrupt()
