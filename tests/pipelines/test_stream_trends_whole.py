"""Does a stream over days, killed on its way, leave the trends of chapters that batch leaves?"""

from pathlib import Path

import pytest

from tests.pipelines.whole_inbox import divide, drop, two_weeks
from tests.pipelines.whole_runs import read, write_catalogues
from tests.pipelines.whole_streams import WholeStream
from tests.pipelines.whole_topics import need_servers
from transforms.detect_chapters import TREND_KINDS

pytestmark = pytest.mark.usefixtures("pseudonym_key")
FILES = 14


def test_trends_of_a_stream_are_those_of_batch(tmp_path: Path) -> None:
    need_servers()
    (school, arrivals), inbox = two_weeks(), tmp_path / "inbox"
    parts = divide([arrival.body for arrival in arrivals], FILES)
    known = write_catalogues(school, tmp_path)
    inbox.mkdir()
    with WholeStream(tmp_path / "stream", {"inbox": inbox}, **known) as stream:
        # All at once: when everything is read, the watermark goes to the present.
        for number, records in enumerate(parts):
            drop(inbox, number, records)
        stream.start().wait_for_records(len(parts[0]))
        stream.kill()
        stream.start().wait_for_all(len(arrivals))
        stream.assert_as_batch()
        kinds = {row["kind"] for row in read(stream.warehouse, "gold.anomalies")}
        assert kinds & set(TREND_KINDS), "there is nothing to compare"
        stream.interrupt()
