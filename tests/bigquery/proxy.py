"""What if BigQuery refuses a request? A proxy before the emulator that notes and answers some."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

_CODES = {"accessDenied": 403, "quotaExceeded": 403, "backendError": 500, "invalid": 400}
_PASSED_ON = (
    "Content-Type",
    "Content-Encoding",
    "Authorization",
    "If-Match",
    "X-Upload-Content-Type",
)


@dataclass(frozen=True)
class Request:
    """What the client asked for; `sent` is the body as read from JSON, empty if it is none."""

    method: str
    path: str
    body: bytes

    @property
    def sent(self) -> dict[str, Any]:
        """The body of a request, and of an upload the part that says what is to be done."""
        text = self.body.decode("utf-8", "ignore")
        try:
            return json.JSONDecoder().raw_decode(text, text.index("{"))[0]
        except ValueError:
            return {}

    @property
    def configuration(self) -> dict[str, Any]:
        """Of a job."""
        return self.sent.get("configuration", {})

    @property
    def query(self) -> str:
        """The text of a query, in whichever way it is asked."""
        return self.sent.get("query") or self.configuration.get("query", {}).get("query", "")


Rule = Callable[[Request], str | None]
"""Gives the reason for which a request is refused, if it is."""


class Proxy:
    """`requests` are those seen; `rule` decides."""

    def __init__(self, target: str) -> None:
        self.target, self.requests = target, list[Request]()
        self.rule: Rule = lambda request: None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                proxy.answer(self, self.rfile.read(length))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Nothing: the requests are kept."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        """What BIGQUERY_EMULATOR_HOST is to say."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Pass a request on, or refuse it."""
        request = Request(handler.command, handler.path, body)
        self.requests.append(request)
        reason = self.rule(request)
        if reason:
            message = f"{reason} by the test"
            errors = [{"reason": reason, "message": message, "domain": "global"}]
            error = {"code": _CODES[reason], "message": message, "errors": errors}
            _reply(handler, _CODES[reason], json.dumps({"error": error}).encode(), {})
            return
        headers = {name: handler.headers[name] for name in _PASSED_ON if name in handler.headers}
        url = f"{self.target}{handler.path}"
        found = requests.request(handler.command, url, data=body, headers=headers, timeout=300)
        kept = {"Location": found.headers.get("Location", "").replace(self.target, self.address)}
        _reply(handler, found.status_code, found.content, kept)

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Answer while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def _reply(handler: BaseHTTPRequestHandler, code: int, body: bytes, headers: dict) -> None:
    handler.send_response(code)
    for name, value in headers.items():
        if value:
            handler.send_header(name, value)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
