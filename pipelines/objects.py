"""How is an object of Google Cloud Storage written? Whole, by one upload, under its final name.

A rename there is a copy and a delete: two steps, and readers see what is between them. An upload is
seen when its last byte is there, or never. Arrow's file system would also leave empty objects that
stand for folders, and make a bucket whose name is mistyped.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any

import pyarrow as pa

SCHEME = "gs://"
_BYTES = "application/octet-stream"
_SECONDS = 120.0
_BATCH = 100
"""Most requests that Cloud Storage takes at once."""
_MESSAGE = re.compile(r'"message": *"([^"]+)"')


def write_object(path: str, content: bytes | pa.Buffer, is_final: bool) -> None:
    """Write an object, `gs://bucket/name`. With `is_final` one that is there already stays.

    Raises OSError, in one line, when it cannot be written.
    """
    bucket, _, name = path.removeprefix(SCHEME).partition("/")
    blob = _client().bucket(bucket).blob(name)
    # "Only if there is no such object": the same upload can then be tried again safely.
    condition = 0 if is_final else None
    with _told_of(path, lambda refusal: is_final and _is_there(blob, refusal)):
        blob.upload_from_string(
            bytes(content), _BYTES, if_generation_match=condition, timeout=_SECONDS
        )


@contextmanager
def _told_of(path: str, is_well: Callable[[Exception], bool] = lambda _: False) -> Iterator[None]:
    """Raise what Cloud Storage refuses as OSError, in one line, unless it is well after all."""
    # Imported here: runs without buckets do without the client's start.
    from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except (GoogleAPICallError, GoogleAuthError, RetryError, RequestException) as error:
        if is_well(error):
            return
        bucket = path.removeprefix(SCHEME).partition("/")[0]
        is_missing = isinstance(error, NotFound)
        reason = f"there is no bucket {bucket}" if is_missing else _said(error)
        raise OSError(f"{path}: {reason}") from error


def _said(error: Exception) -> str:
    """The words of Cloud Storage; an upload's error has them as JSON within the client's own."""
    text = getattr(error, "message", None) or str(error)
    found = _MESSAGE.search(text)
    return " ".join((found[1] if found else text).split())[:300]


def _is_there(blob: Any, refusal: Exception) -> bool:
    """Whether an upload was refused because the object is there already."""
    from google.api_core.exceptions import Forbidden, GoogleAPICallError, PreconditionFailed

    if not isinstance(refusal, Forbidden):
        return isinstance(refusal, PreconditionFailed)
    try:
        # Who may only create objects may not replace one, and is told of the missing right.
        return blob.exists(timeout=_SECONDS)
    except GoogleAPICallError:
        return False


def remove_objects(folder: str) -> None:
    """Remove all objects below a folder, `gs://bucket/name`; nothing happens when there is none.

    Raises OSError, in one line.
    """
    bucket, _, name = folder.removeprefix(SCHEME).partition("/")
    client = _client()
    with _told_of(folder):
        found = iter(client.list_blobs(bucket, prefix=f"{name.rstrip('/')}/", timeout=_SECONDS))
        while some := list(islice(found, _BATCH)):
            _remove(client, some)


def _remove(client: Any, blobs: list[Any]) -> None:
    # One that is gone already is as it should be.
    with client.batch(raise_exception=False):
        for blob in blobs:
            blob.delete()


@cache
def _client() -> Any:
    """The official client; STORAGE_EMULATOR_HOST leads it elsewhere."""
    from google.cloud.storage import Client

    return Client()
