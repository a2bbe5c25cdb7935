"""Does anything that tells who a student is reach silver or gold?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netaddr
import pyarrow.parquet as pq
import pytest
from mmdb_writer import MMDBWriter

from benchmarks.simulate import School, simulate
from tests.compare_rows import student_hash
from tests.pipelines.whole_runs import completed, page_view, read, write_catalogues, write_lines

pytestmark = pytest.mark.usefixtures("pseudonym_key")
IDENTITIES = {"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+44 20 7946 0000",
              "username": "adal", "address": "12 St James's Square", "ip": "198.51.100.7",
              "user_agent": "SecretBrowser/1.0"}  # fmt: skip


def _texts(value: Any) -> Iterator[str]:
    """Every text within a value, however deep."""
    if isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _stored(warehouse: Path) -> str:
    """All texts in all data files and logs of the warehouse, but for the dead letters."""
    found: set[str] = set()
    for path in warehouse.rglob("*"):
        name = path.relative_to(warehouse).as_posix()
        if name.startswith("ops/dead_letters/") or not path.is_file():
            continue
        if path.suffix == ".parquet":
            found.update(_texts(pq.ParquetFile(path).read().to_pylist()))
        else:
            found.add(path.read_text("latin-1"))
    return "\n".join(found)


@pytest.fixture(scope="module")
def school() -> School:
    return simulate(students=12, days=3, bad=0.02, without_consent=0.3)


def _events_of(school: School) -> list[dict[str, Any]]:
    found = []
    for line in school.records:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [event for event in found if isinstance(event, dict)]


def _said(school: School, key: str) -> set[str]:
    """What the clients of the school say under that key of metadata and payload."""
    levels = [e.get(part) for e in _events_of(school) for part in ("metadata", "payload")]
    return {str(level[key]) for level in levels if isinstance(level, dict) and key in level}


def test_no_file_of_the_warehouse_names_a_student(school: School, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "events.jsonl", school.records)
    completed(tmp_path / "w", source, **write_catalogues(school, tmp_path))
    stored = _stored(tmp_path / "w")
    assert student_hash(str(school.students[0].student_id)) in stored
    identities = _said(school, "ip") | _said(school, "name") | _said(school, "user_agent")
    assert len(identities) > 10
    # A number given as an id is too short to be looked for among other numbers.
    ids = {s.student_id for s in school.students if isinstance(s.student_id, str)}
    secrets = identities | ids
    assert not [secret for secret in secrets if secret in stored]
    assert "@example.org" not in stored
    assert "example-key" not in stored


@pytest.mark.parametrize("place", ["top", "metadata", "nested", "list"])
def test_identities_are_removed_wherever_they_stand(tmp_path: Path, place: str) -> None:
    told = {**IDENTITIES, "note": "ada@example.org", "seen": ["198.51.100.7", "2001:db8::7"]}
    levels: dict[str, dict[str, Any]] = {
        "top": told,
        "metadata": {"metadata": told},
        "nested": {"metadata": {"a": {"b": told}}},
        "list": {"metadata": {"a": [[told], told]}},
    }
    events = [page_view(0, **levels[place]), page_view(1, metadata={"color": "blue"})]
    completed(tmp_path / "w", write_lines(tmp_path / "e.jsonl", events))
    stored = _stored(tmp_path / "w")
    assert not [text for text in (*IDENTITIES.values(), "2001:db8::7") if text in stored]
    assert "blue" in stored


def test_students_without_consent_are_counted_and_dropped(school: School, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "events.jsonl", school.records)
    everybody = completed(tmp_path / "all", source)
    lines = ["student_id,has_consent"]
    lines += [f"{s.student_id},{s.has_consent}" for s in school.students[:-1]]
    (tmp_path / "consent.csv").write_text("\n".join(lines))
    row = completed(tmp_path / "w", source, consent_file=tmp_path / "consent.csv")
    agreed = {student_hash(str(s.student_id)) for s in school.students[:-1] if s.has_consent}
    rows, wanted = (read(tmp_path / name, "silver.events") for name in ("w", "all"))
    assert {event["student_hash"] for event in rows} <= agreed
    assert len(rows) == sum(event["student_hash"] in agreed for event in wanted) == row["events"]
    assert row["excluded"] == row["without_consent"] > 0
    assert row["records_read"] == everybody["records_read"]


@pytest.mark.parametrize(
    ("field", "regex", "left"),
    [
        ("student_id", "^test-", 4),
        ("student_id", "stu|test", 0),
        ("user_agent", "(?i)googlebot", 4),
        ("page", "^/admin", 4),
        ("event_name", "^heart", 4),
        ("event_type", "^other$", 4),
        ("school", "^demo$", 4),
        ("student_id", "nobody", 5),
    ],
)
def test_events_that_match_a_rule_are_excluded_and_counted(
    tmp_path: Path, field: str, regex: str, left: int
) -> None:
    odd = {
        "student_id": {"student_id": "test-1"},
        "user_agent": {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        "page": {"page_url": "/admin/users?x=1"},
        "event_name": {"event_type": "heartbeat-of-mine"},
        "event_type": {"event_type": "heartbeat-of-mine"},
        "school": {"metadata": {"school": "demo"}},
    }
    events = [page_view(0, **odd[field]), *(page_view(n) for n in range(1, 5))]
    rules = tmp_path / "rules.yaml"
    rules.write_text(f"- field: {field}\n  regex: '{regex}'\n")
    source = write_lines(tmp_path / "e.jsonl", events)
    row = completed(tmp_path / "w", source, exclusion_file=rules)
    assert (row["events"], row["excluded"]) == (left, 5 - left)
    assert len(read(tmp_path / "w", "silver.events")) == left


def test_pseudonyms_of_named_topics_are_taken_as_they_are(tmp_path: Path) -> None:
    for n, topic in enumerate(("partner", "clickstream")):
        path = tmp_path / "in" / topic / "date=2025-11-16" / "a.jsonl"
        write_lines(path, [page_view(n, student_id=f"p-{topic}")])
    record = json.dumps(page_view(2, student_id="p-wrapped"))
    received = {"received_at": "2025-11-16T12:00:00Z", "topic": "partner"}
    envelope = received | {"partition": 0, "offset": 1, "record": record}
    write_lines(tmp_path / "in" / "raw.jsonl", [envelope])
    completed(tmp_path / "w", tmp_path / "in", pseudonymous_topics="partner,other")
    hashes = {row["student_hash"] for row in read(tmp_path / "w", "silver.events")}
    assert hashes == {"p-partner", student_hash("p-clickstream"), "p-wrapped"}


def test_country_and_region_come_from_the_address_which_is_not_kept(tmp_path: Path) -> None:
    database = MMDBWriter(4, "GeoLite2-City", languages=["en"])
    place = {"country": {"iso_code": "DE"}, "subdivisions": [{"iso_code": "BE"}]}
    database.insert_network(netaddr.IPSet(["198.51.100.0/24"]), place)
    database.insert_network(netaddr.IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "JP"}})
    database.to_db_file(str(tmp_path / "places.mmdb"))
    told = [{"ip": "198.51.100.7"}, {"metadata": {"ip_address": "203.0.113.9"}}, {"ip": "10.0.0.1"},
            {"ip": "nonsense"}, {}, {"ip": "203.0.113.9", "location": "IN-KA"}]  # fmt: skip
    events = [page_view(n, **more) for n, more in enumerate(told)]
    source = write_lines(tmp_path / "e.jsonl", events)
    completed(tmp_path / "w", source, geoip_database=tmp_path / "places.mmdb")
    rows = sorted(read(tmp_path / "w", "silver.events"), key=lambda row: row["event_id"])
    found = [(row["country_code"], row["region"]) for row in rows]
    nowhere = (None, None)
    assert found == [("DE", "BE"), ("JP", None), nowhere, nowhere, nowhere, ("IN", "KA")]
    stored = _stored(tmp_path / "w")
    assert "198.51.100.7" not in stored
    assert "203.0.113.9" not in stored
