"""How do people learn of incidents? Through receivers, the live store the first of them.

Receivers are told of every open incident each minute and of a closed one for ten minutes, so that
one that was away catches up; each acts on what it has not seen, by alert_id and revision.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import apache_beam as beam
import redis

from pipelines.live.keys import LiveKeys
from pipelines.observability import observe

Incident = Mapping[str, Any]
"""What `transforms.track_incidents.describe` gives."""

LOG_ENTRIES = 50
KEPT_SECONDS = 86_400
"""Without a sign of the pipeline; an open incident is told, and so kept, every minute."""
_LOG = logging.getLogger("chapterflow.alerts")


class Deliver(Protocol):
    """A receiver of incidents. Telling it the same again changes nothing."""

    def deliver(self, incident: Incident) -> bool:
        """Whether this was news to it. OSError or the client's own error: told again later."""
        ...


class LiveStoreDelivery:
    """Open incidents in the hash `alerts:open`, openings and closings in the list `alerts:log`.

    There is one writer, as all incidents have one key; entries are the incidents as JSON, the log
    newest first.
    """

    def __init__(self, client: redis.Redis, keys: LiveKeys | None = None):
        self._client, self._keys = client, keys or LiveKeys()

    def deliver(self, incident: Incident) -> bool:
        """Store it, unless it or its closing is known."""
        log = [json.loads(entry) for entry in self._range(self._keys.alerts_log)]
        known = [e["revision"] for e in log if e["alert_id"] == incident["alert_id"]]
        is_news = incident["revision"] > max(known, default=0)
        if is_news or incident["revision"] == max(known, default=0):
            self._write(incident, sorted([*log, incident] if is_news else log, key=_age))
        return is_news

    def _range(self, key: str) -> list[bytes]:
        return self._client.lrange(key, 0, -1)  # type: ignore[return-value]

    def _outdated(self, incident: Incident) -> list[str]:
        """Open incidents that this one closes or follows: of a kind and scope one is open at most.

        So an incident whose closing the store never heard of does not stay.
        """
        entries: Mapping[bytes, bytes] = self._client.hgetall(self._keys.alerts_open)  # type: ignore[assignment]
        others = [json.loads(text) for text in entries.values()]
        return [o["alert_id"] for o in others if _is_outdated(o, incident)]

    def _write(self, incident: Incident, log: Sequence[Incident]) -> None:
        outdated = self._outdated(incident)
        with self._client.pipeline(transaction=True) as batch:
            if outdated:
                batch.hdel(self._keys.alerts_open, *outdated)
            if incident["closed_ms"] is None:
                batch.hset(self._keys.alerts_open, incident["alert_id"], json.dumps(incident))
            batch.delete(self._keys.alerts_log)
            batch.rpush(self._keys.alerts_log, *map(json.dumps, log[:LOG_ENTRIES]))
            for key in (self._keys.alerts_open, self._keys.alerts_log):
                batch.expire(key, KEPT_SECONDS)
            batch.execute()


def _is_outdated(other: Incident, incident: Incident) -> bool:
    if other["alert_id"] == incident["alert_id"]:
        return incident["closed_ms"] is not None
    is_alike = (other["kind"], other["scope"]) == (incident["kind"], incident["scope"])
    return is_alike and other["opened_ms"] < incident["opened_ms"]


def _age(incident: Incident) -> tuple[int, str, int]:
    """Sorts the newest opening or closing first."""
    at = incident["opened_ms"] if incident["closed_ms"] is None else incident["closed_ms"]
    return -at, incident["kind"], -incident["revision"]


class DeliverAlerts(beam.PTransform):
    """Tell receivers of incidents (dicts). `connect` makes the receivers in the worker.

    A receiver that fails is passed over with a warning: a minute later it is told again.
    """

    def __init__(self, connect: Callable[[], Sequence[Deliver]]):
        super().__init__()
        self._connect = connect

    def expand(self, incidents: beam.PCollection) -> beam.PCollection:
        """Wire the receivers; nothing comes out."""
        return incidents | "DeliverIncidents" >> beam.ParDo(_Deliver(self._connect))


class _Deliver(beam.DoFn):
    def __init__(self, connect: Callable[[], Sequence[Deliver]]):
        self._connect = connect

    def setup(self) -> None:
        """Connect in the worker."""
        self._receivers = self._connect()

    def process(self, incident: Incident) -> None:
        """Tell each receiver."""
        for receiver in self._receivers:
            _tell(receiver, incident)


def _tell(receiver: Deliver, incident: Incident) -> None:
    try:
        is_news = receiver.deliver(incident)
    except (OSError, redis.exceptions.RedisError) as error:
        observe.count("alerts_not_delivered")
        _LOG.warning("%s not told of an alert: %s", type(receiver).__name__, error)
        return
    if is_news:
        observe.count("alerts_told")
        what = "opened" if incident["closed_ms"] is None else "closed"
        _LOG.info("alert %s: %s", what, incident["explanation"], extra={"fields": dict(incident)})
