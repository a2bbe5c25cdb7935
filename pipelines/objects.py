"""How is an object of Google Cloud Storage written? Whole, by one upload, under its final name.

A rename there is a copy and a delete: two steps, and readers see what is between them. An upload is
seen when its last byte is there, or never. Arrow's file system would also leave empty objects that
stand for folders, and make a bucket whose name is mistyped.
"""

from functools import cache
from itertools import islice
from typing import Any

import pyarrow as pa

SCHEME = "gs://"
_BYTES = "application/octet-stream"
_SECONDS = 120.0
_BATCH = 100
"""Most requests that Cloud Storage takes at once."""


def write_object(path: str, content: bytes | pa.Buffer, is_final: bool) -> None:
    """Write an object, `gs://bucket/name`. With `is_final` one that is there already stays.

    Raises OSError, in one line, when it cannot be written.
    """
    # Imported here: runs without buckets do without the client's start.
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    bucket, _, name = path.removeprefix(SCHEME).partition("/")
    blob = _client().bucket(bucket).blob(name)
    try:
        # "Only if there is no such object": the same upload can then be tried again safely.
        condition = 0 if is_final else None
        blob.upload_from_string(
            bytes(content), _BYTES, if_generation_match=condition, timeout=_SECONDS
        )
    except (GoogleAPICallError, GoogleAuthError, RetryError, RequestException) as error:
        if not (is_final and _is_there(blob, error)):
            reason = " ".join((getattr(error, "message", None) or str(error)).split())
            raise OSError(f"{path}: {reason[:300]}") from error


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
    """Remove all objects below a folder, `gs://bucket/name`; nothing happens when there is none."""
    bucket, _, name = folder.removeprefix(SCHEME).partition("/")
    client = _client()
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
