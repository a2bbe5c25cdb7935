"""Are exactly the files read that the patterns and the dates mean?"""

import os
import pickle
from datetime import date

import pytest

from pipelines.inputs import Chunk, InputError, plan_chunks
from pipelines.inputs.chunks import format_of

EVERYTHING = ["a.jsonl", "b.jsonl", "undated.jsonl", "c.jsonl"]


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "events/raw/quiz/date=2025-11-15/a.jsonl",
        "events/raw/quiz/date=2025-11-16/b.jsonl",
        "events/raw/video/date=2025-11-17/c.jsonl",
        "events/raw/undated.jsonl",
        "events/raw/_SUCCESS",
        "events/raw/.hidden.jsonl",
        "events/raw/_delta_log/0.json",
        "other/[odd].jsonl",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"a":1}\n')
    return tmp_path


def found(*patterns, dates=None):
    return [os.path.basename(chunk.path) for chunk in plan_chunks(patterns, dates)]


def test_folder_means_everything_below_it_but_hidden_names(lake):
    assert found("events") == EVERYTHING
    assert found("events/") == EVERYTHING


def test_globs_with_two_stars_reach_every_depth(lake):
    assert found("events/**/*.jsonl") == EVERYTHING
    assert found("events/**") == EVERYTHING


def test_a_glob_may_match_folders(lake):
    assert found("events/raw/*") == EVERYTHING


def test_hidden_names_are_read_when_spelled(lake):
    assert found("events/raw/_SUCCESS") == ["_SUCCESS"]
    assert found("events/raw/_S*") == ["_SUCCESS"]
    assert found("events/raw/_delta_log") == ["0.json"]
    assert found("events/raw/.hidden.jsonl") == [".hidden.jsonl"]


def test_a_file_matched_twice_is_read_once(lake):
    os.symlink("undated.jsonl", "events/raw/link.jsonl")
    again = "./events/raw/undated.jsonl"
    assert len(found("events/raw/*.jsonl", again, str(lake / "events/raw/undated.jsonl"))) == 1


def test_a_name_with_brackets_is_a_file_before_it_is_a_glob(lake):
    assert found("other/[odd].jsonl") == ["[odd].jsonl"]


def test_a_circle_of_links_ends(lake):
    os.symlink(lake / "events", lake / "events/raw/circle")
    assert len(found("events")) == 4


def test_dated_folders_outside_of_the_dates_are_pruned_and_undated_files_read(lake):
    dates = (date(2025, 11, 16), date(2025, 11, 16))
    assert found("events", dates=dates) == ["b.jsonl", "undated.jsonl"]
    dates = (date(2025, 11, 15), date(2025, 11, 16))
    assert found("events", dates=dates) == ["a.jsonl", "b.jsonl", "undated.jsonl"]


def test_a_folder_with_an_impossible_date_counts_as_undated(lake):
    (lake / "events/raw/date=2025-13-45").mkdir()
    (lake / "events/raw/date=2025-13-45/d.jsonl").write_bytes(b"{}")
    assert "d.jsonl" in found("events", dates=(date(2025, 1, 1), date(2025, 1, 1)))


def test_all_files_pruned_is_no_error(lake):
    assert plan_chunks(["events/raw/quiz"], (date(2024, 1, 1), date(2024, 1, 2))) == []


def test_a_pattern_without_files_names_itself(lake):
    for pattern in ("x/*.jsonl", "missing.jsonl", "events/**/*.csv"):
        with pytest.raises(InputError, match=r"No file matches .*: check --input") as error:
            plan_chunks(["events", pattern], None)
        assert repr(pattern) in str(error.value)
    with pytest.raises(InputError, match="set --input"):
        plan_chunks([], None)


def test_a_folder_without_files_matches_nothing(lake):
    (lake / "empty").mkdir()
    with pytest.raises(InputError, match="No file matches 'empty'"):
        plan_chunks(["empty"], None)


def test_a_file_that_cannot_be_opened_is_named_in_one_line(lake):
    os.symlink("nowhere", "events/raw/broken.jsonl")
    with pytest.raises(InputError, match=r"Cannot open 'events/raw/broken.jsonl' \(No such file"):
        plan_chunks(["events"], None)
    os.mkfifo("pipe")
    with pytest.raises(InputError, match="'pipe' is no regular file"):
        plan_chunks(["pipe"], None)


def test_a_scheme_nobody_knows_is_a_clear_error():
    with pytest.raises(InputError, match="Cannot list 'nowhere://bucket/x'") as error:
        plan_chunks(["nowhere://bucket/x"], None)
    assert "\n" not in str(error.value)


def test_empty_files_have_no_chunk(lake):
    (lake / "empty.jsonl").write_bytes(b"")
    assert plan_chunks(["empty.jsonl"], None) == []


def test_chunks_are_sorted_small_and_cover_the_file(lake):
    (lake / "big.jsonl").write_bytes(b'{"a":1}\n' * 100)
    chunks = plan_chunks(["other", "big.jsonl"], None, 300)
    assert [(c.start, c.end, c.size_bytes) for c in chunks[:3]] == [
        (0, 266, 266),
        (266, 533, 267),
        (533, 800, 267),
    ]
    assert chunks[3].path == "other/[odd].jsonl"
    assert pickle.loads(pickle.dumps(chunks)) == chunks
    assert len(pickle.dumps(chunks[0])) < 250


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a":1}\n{"b":2}\n', "lines"),
        (b'{"a":1}', "lines"),
        (b"", "lines"),
        (b"\n\n", "lines"),
        (b"hello\n", "lines"),
        (b'["x"]\n{"a":1}\n', "lines"),
        (b'["x"]\n["y"]\n', "lines"),
        (b'{"a":1}{"b":2}\n', "lines"),
        (b'{"a":1} rubbish\n{"b":2}\n', "lines"),
        (b'{"a": nope}\n{"b":2}\n', "lines"),
        (b'{"a":1,\n{"b":2}\n{"c":3}\n', "lines"),
        (b'{"a":\n{"b":2}\n', "lines"),
        (b'{"a":"cut\n{"b":2}\n', "lines"),
        (b'{"a":[\n{"b":2}\n{"c":3}\n', "lines"),
        (b'["a",{"x":\n{"b":2}\n{"c":3}\n', "lines"),
        (b'{"a":1,', "lines"),
        (b'{"a":1,\n\n', "lines"),
        (b'[{"a":1},{"b":2}]', "document"),
        (b'\n\n [{"a":1},{"b":2}] \r\n\n', "document"),
        (b'\xef\xbb\xbf[{"a":1}]', "document"),
        (b"[]", "document"),
        (b'[{"a":1},{"b":', "document"),
        (b'[{"a":1},{nope},{"b":2}]', "document"),
        (b'[{"a":1},\n{"b":2},\n{"c":3}]', "document"),
        (b'[\n{"a":1}\n,{"b":2}\n]', "document"),
        (b'[\n{"a":1}\n]', "document"),
        (b'[\n{"a":1},\n{bad},\n{"b":2},\n{"c":3}\n]\n', "document"),
        (b'{\n "a": 1\n}\n', "document"),
        (b'{\r\n "a": 1\r\n}\r\n{\r\n', "document"),
        (b'{"a":\n{"b":2}\n}', "document"),
        (b'{\n "a": bad,\n "b": 1\n}\n{\n "a": 1\n}\n', "document"),
        (b"\x1f\x8bxx", "gzip"),
        (b"PAR1xx", "parquet"),
        (b"Obj\x01xx", "avro"),
    ],
)
def test_format_follows_the_content(tmp_path, content, expected):
    path = tmp_path / "events.parquet.gz"  # the name says nothing
    path.write_bytes(content)
    assert format_of(str(path), len(content)) == expected


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (b"]", "document"),
        (b"]\n\n  \n", "document"),
        (b']\n{"a":1}\n', "lines"),
        (b',\n{"a":1}]\n', "document"),
    ],
)
def test_an_array_longer_than_the_head_is_judged_by_its_end(tmp_path, end, expected):
    path = tmp_path / "long.json"
    path.write_bytes(b"[" + b'{"a":1},' * 200_000 + b'{"a":1}' + end)
    assert format_of(str(path), path.stat().st_size) == expected


def test_chunk_keeps_its_fields():
    assert Chunk("p", "lines", 0, 5, 5) == Chunk("p", "lines", 0, 5, 5)
