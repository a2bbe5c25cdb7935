"""What does fake-gcs-server lack of Cloud Storage? A program before it puts that right.

`python -m tests.pipelines.gcs_gateway PORT TARGET`: a process of its own, as some calls of
deltalake hold Python's lock while they wait for an answer.
"""

import itertools
import re
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from xml.etree import ElementTree

import requests

_SECONDS = 60.0
_CONDITION = "x-goog-if-generation-match"
_JSON_API = ("/upload/", "/storage/", "/download/", "/batch/")
_PART = re.compile(rb"(?m)^Content-Type: application/http\r?\n")
_OWN = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "date"}
"""Headers that each of two connections has of its own."""


class _Mended(BaseHTTPRequestHandler):
    """Three things that Cloud Storage does and the server does not; all else is its own answer.

    Uploads by the XML API, `PUT /bucket/name`, with a condition (in parts: still not there); the
    object after which a list of that API begins; batches whose parts have no ids.
    """

    target: ClassVar[str]
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True  # or head and body of an answer come 40 ms apart

    def setup(self) -> None:
        """Of a connection: it has one to the server as well."""
        super().setup()
        self._session = requests.Session()

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "PUT" and not self.path.startswith(_JSON_API):
            self._upload(body)
            return
        if self.path.startswith("/batch/"):
            ids = itertools.count()
            body = _PART.sub(lambda found: found[0] + b"Content-ID: <%d>\r\n" % next(ids), body)
        self._say(self._ask(self.command, self.path, body))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815

    def _upload(self, body: bytes) -> None:
        bucket, _, name = urllib.parse.unquote(self.path).lstrip("/").partition("/")
        asked = {"uploadType": "media", "name": name}
        if _CONDITION in self.headers:
            asked["ifGenerationMatch"] = self.headers[_CONDITION]
        path = f"/upload/storage/v1/b/{bucket}/o?{urllib.parse.urlencode(asked)}"
        found = self._ask("POST", path, body)
        if found.ok:
            found.headers["ETag"] = found.json()["etag"]
        self._say(found)

    def _ask(self, method: str, path: str, body: bytes) -> requests.Response:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        headers["Accept-Encoding"] = "identity"
        return self._session.request(
            method, f"{self.target}{path}", data=body, headers=headers, timeout=_SECONDS
        )

    def _say(self, found: requests.Response) -> None:
        content = found.content
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if found.ok and "list-type" in query:
            content = _after(content, query.get("start-after", [""])[0])
        self.send_response(found.status_code)
        for name, value in found.headers.items():
            if name.lower() not in _OWN:
                self.send_header(name, value)
        is_head = self.command == "HEAD"
        length = found.headers.get("Content-Length", "0") if is_head else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(b"" if is_head else content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _after(listed: bytes, name: str) -> bytes:
    """A list without the objects up to a name."""
    root = ElementTree.fromstring(listed)
    for found in root.findall("Contents"):
        if found.findtext("Key", "") <= name:
            root.remove(found)
    return ElementTree.tostring(root)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Of the five that are usual, connections that come at once are lost without a word."""


if __name__ == "__main__":
    port, _Mended.target = int(sys.argv[1]), sys.argv[2]
    _Server(("127.0.0.1", port), _Mended).serve_forever()
