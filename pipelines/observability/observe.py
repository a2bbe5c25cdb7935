"""How is a running pipeline doing? Figures for Prometheus, kept in the worker's process.

Meant to be told once per flush or commit, not per event; any thread may tell.
"""

import logging
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pipelines.observability.health import HEALTH
from pipelines.observability.metrics_table import METRICS, PREFIX, Metric

_LOG = logging.getLogger("chapterflow.observe")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
REGISTRY = CollectorRegistry()
"""The project's own: nothing of what other libraries register is served."""

_server: ThreadingHTTPServer | None = None
_lock = threading.Lock()


def _make(metric: Metric) -> Any:
    arguments = (f"{PREFIX}{metric.name}", metric.description, metric.labels)
    if metric.kind == "counter":
        return Counter(*arguments, registry=REGISTRY)
    if metric.kind == "histogram":
        return Histogram(*arguments, registry=REGISTRY, buckets=_BUCKETS)
    return Gauge(*arguments, registry=REGISTRY)


_DECLARED: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
_MADE: Mapping[str, Any] = {metric.name: _make(metric) for metric in METRICS}


def count(name: str, n: float = 1, **labels: str) -> None:
    """Add `n` to a counter (not negative) or a sum. Unknown name, kind or labels: ValueError."""
    _find(name, labels, "counter", "sum").inc(n)


def gauge(name: str, value: float, **labels: str) -> None:
    """Set a gauge. Unknown name, kind or labels: ValueError."""
    _find(name, labels, "gauge").set(value)


def observe(name: str, seconds: float, **labels: str) -> None:
    """Add a duration to a histogram. Unknown name, kind or labels: ValueError."""
    _find(name, labels, "histogram").observe(seconds)


def count_outcome(name: str, n: int) -> None:
    """One of the counts by which runs account for records, named as they name it.

    `dead_letters/<reason>` becomes a label; the total of the reasons is left out.
    """
    name, _, reason = name.partition("/")
    if reason:
        count(name, n, reason=reason)
    elif name != "dead_letters":
        count(name, n)


def _find(name: str, labels: Mapping[str, str], *kinds: str) -> Any:
    metric = _DECLARED.get(name)
    if metric is None or metric.kind not in kinds:
        raise ValueError(f"no metric of kind {' or '.join(kinds)} is called {name}")
    if set(labels) != set(metric.labels):
        raise ValueError(f"{name} has the labels {metric.labels}, not {tuple(labels)}")
    return _MADE[name].labels(**labels) if labels else _MADE[name]


def serve(port: int, host: str = "127.0.0.1") -> int | None:
    """Serve /metrics and /health from now on, once per process; port 0 takes a free one.

    Returns the port. None, with a warning, when the port is taken: the pipeline goes on.
    """
    global _server
    with _lock:
        if _server is not None:
            return _server.server_address[1]
        try:
            _server = ThreadingHTTPServer((host, port), _Handler)
        except OSError as error:
            _LOG.warning(
                "metrics are not served, %s:%d: %s; end what uses the port or choose another",
                host, port, error.strerror,
            )  # fmt: skip
            return None
        _server.daemon_threads = True
        threading.Thread(target=_server.serve_forever, name="metrics", daemon=True).start()
        return _server.server_address[1]


def stop_serving() -> None:
    """End the server of this process, if there is one."""
    global _server
    with _lock:
        server, _server = _server, None
    if server is not None:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        """Answer with figures or health; 404 for anything else."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
        elif path == "/health":
            is_ok = HEALTH.read()["status"] == "ok"
            self._answer(200 if is_ok else 503, "application/json", HEALTH.render().encode())
        else:
            self._answer(404, "text/plain", b"/metrics or /health\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: every few seconds somebody asks."""
