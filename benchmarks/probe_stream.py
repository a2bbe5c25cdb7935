"""How long does an event take to the live store? Some are sent, and the store asked for them."""

import hashlib
import hmac
import time
import urllib.request
from collections.abc import Iterator, Sequence

import numpy as np
import redis
from confluent_kafka import Producer

from benchmarks.send_load import record

TOPIC = "load"
KEY = "benchmark"
"""What the pipeline is to make pseudonyms with, so that the probe knows those of its students."""

_PROBES = 20
_PROBE_SECONDS, _POLL_SECONDS, _PATIENCE_SECONDS = 0.1, 0.002, 20.0


class Probe:
    """Sends events of students of its own, and measures until the live store knows them."""

    def __init__(self, bootstrap_servers: str, live_store: str) -> None:
        self.producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 0})
        self.store = redis.Redis.from_url(live_store)
        self.latencies: list[float] = []
        self.lost = 0
        self._waiting: dict[str, int] = {}
        self._sent = 0

    def run(self, seconds: float, metrics_port: int = 0) -> list[float]:
        """Probe for some time; the lag that the pipeline told of itself meanwhile."""
        end, next_probe, lags = time.time() + seconds, 0.0, []
        while (now := time.time()) < end:
            is_due = now >= next_probe
            if is_due:
                self._send(now)
                next_probe = now + _PROBE_SECONDS
            if is_due and metrics_port and self._sent % _PROBES == 0:
                lags.append(metric(metrics_port, "chapterflow_lag_seconds"))
            self._look()
            time.sleep(_POLL_SECONDS)
        return lags

    def _send(self, now: float) -> None:
        number = self._sent % _PROBES
        student = -1 - number
        name = hmac.new(KEY.encode(), f"student-{student}".encode(), hashlib.sha256).hexdigest()
        if name in self._waiting and now - self._waiting[name] / 1000 > _PATIENCE_SECONDS:
            self.lost += 1
            del self._waiting[name]
        self._sent += 1
        if name not in self._waiting:
            at_ms = int(now * 1000)
            self._waiting[name] = at_ms
            self.producer.produce(TOPIC, record(self._sent, student, at_ms, 0, _NoChance()))
            self.producer.poll(0)

    def _look(self) -> None:
        if not self._waiting:
            return
        names = list(self._waiting)
        with self.store.pipeline(transaction=False) as batch:
            for name in names:
                batch.zscore("cf:last", name)
            scores = batch.execute()
        now = time.time()
        for name, score in zip(names, scores, strict=True):
            if score is not None and score >= self._waiting[name]:
                self.latencies.append(now - self._waiting.pop(name) / 1000)


class _NoChance:
    """A generator of nothing but zeros."""

    def randrange(self, stop: int) -> int:
        """0."""
        return 0


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Some quantiles, rounded to milliseconds, and how many values there are."""
    if not values:
        return {}
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    found = {name: round(float(np.quantile(values, q)), 3) for name, q in shares.items()}
    return {**found, "count": len(values)}


def metric(port: int, name: str) -> float:
    """A figure of the pipeline that serves its metrics on this port; NaN if it has none."""
    return next((value for key, value in metrics(port) if key == name), float("nan"))


def metrics(port: int) -> Iterator[tuple[str, float]]:
    """All figures of the pipeline: name with labels, and value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#")):
        yield name, float(value)
