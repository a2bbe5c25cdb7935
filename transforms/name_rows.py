"""What is a row's identity? Deterministic UUIDs of what makes it itself."""

import hashlib
import uuid

import polars as pl

_NAMESPACE = uuid.NAMESPACE_OID.bytes
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuids(names: pl.Series) -> pl.Series:
    """UUIDv5 in NAMESPACE_OID of each text, as `uuid.uuid5` gives it, many at once."""
    return pl.Series([_uuid5(name.encode()) for name in names], dtype=pl.String)


def _uuid5(name: bytes) -> str:
    digest = hashlib.sha1(_NAMESPACE + name).hexdigest()
    tail = f"5{digest[13:16]}-{_VARIANTS[digest[16]]}{digest[17:20]}-{digest[20:32]}"
    return f"{digest[:8]}-{digest[8:12]}-{tail}"
