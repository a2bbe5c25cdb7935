"""Does the live store show each incident as it is, whatever is told twice or not at all?"""

import json
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import redis
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner

from pipelines.live.keys import LiveKeys
from pipelines.outputs.deliver_alerts import LOG_ENTRIES, DeliverAlerts, LiveStoreDelivery
from pipelines.outputs.live_store import open_client
from pipelines.services.redis import Redis

KEYS = LiveKeys()


def _incident(number: int, closed: int | None = None, kind: str = "drop") -> dict[str, Any]:
    revision = 1 if closed is None else 2
    return {
        "alert_id": f"a{number}", "kind": kind, "scope": "platform", "severity": "low",
        "opened_ms": number, "closed_ms": closed, "revision": revision, "explanation": "because",
    }  # fmt: skip


def _shown(client: redis.Redis) -> tuple[set[str], list[tuple[str, int]]]:
    log = [json.loads(text) for text in client.lrange(KEYS.alerts_log, 0, -1)]
    names = {json.loads(text)["alert_id"] for text in client.hvals(KEYS.alerts_open)}
    return names, [(entry["alert_id"], entry["revision"]) for entry in log]


def _deliver(client: redis.Redis, *incidents: Mapping[str, Any]) -> list[bool]:
    receiver = LiveStoreDelivery(client)
    return [receiver.deliver(incident) for incident in incidents]


def test_incident_opens_and_closes(client: redis.Redis) -> None:
    assert _deliver(client, _incident(1)) == [True]
    assert _shown(client) == ({"a1"}, [("a1", 1)])
    assert _deliver(client, _incident(1, closed=9)) == [True]
    assert _shown(client) == (set(), [("a1", 2), ("a1", 1)])
    assert 0 < client.ttl(KEYS.alerts_log) <= 86_400


def test_what_is_told_again_changes_nothing(client: redis.Redis) -> None:
    opened, closed = _incident(1), _incident(1, closed=9)
    assert _deliver(client, opened, opened, closed, opened, closed) == [
        True, False, True, False, False,
    ]  # fmt: skip
    assert _shown(client) == (set(), [("a1", 2), ("a1", 1)])


def test_store_that_lost_everything_shows_open_incidents_again(client: redis.Redis) -> None:
    _deliver(client, _incident(1))
    client.flushall()
    _deliver(client, _incident(1))
    assert _shown(client)[0] == {"a1"}


def test_incident_whose_closing_was_missed_goes_with_the_next(client: redis.Redis) -> None:
    _deliver(client, _incident(1), _incident(1, kind="idle") | {"alert_id": "other"}, _incident(5))
    assert _shown(client)[0] == {"other", "a5"}


def test_log_keeps_the_last_fifty(client: redis.Redis) -> None:
    _deliver(client, *(_incident(n, closed=n + 1) for n in range(60)))
    log = _shown(client)[1]
    assert len(log) == LOG_ENTRIES
    assert log[0] == ("a59", 2)


class _Away:
    def deliver(self, incident: Mapping[str, Any]) -> bool:
        raise redis.exceptions.ConnectionError("away")


def test_receiver_that_is_away_does_not_keep_the_others_from_hearing(
    server: Redis, client: redis.Redis
) -> None:
    url = server.url
    with beam.Pipeline(runner=BundleBasedDirectRunner()) as pipeline:
        told = pipeline | beam.Create([_incident(1), _incident(2, kind="idle")])
        _ = told | DeliverAlerts(lambda: [_Away(), LiveStoreDelivery(open_client(url))])
    assert _shown(client)[0] == {"a1", "a2"}
