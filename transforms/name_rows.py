"""What is a row's identity? Deterministic UUIDs of what makes it itself."""

import hashlib
import uuid

import polars as pl

_NAMESPACE = uuid.NAMESPACE_OID.bytes
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuids(names: pl.Series) -> pl.Series:
    """UUIDv5 in NAMESPACE_OID of each text, as `uuid.uuid5` gives it, many at once."""
    sha1, prefix = hashlib.sha1, _NAMESPACE
    digests = pl.Series(
        [sha1(prefix + name.encode()).hexdigest() for name in names], dtype=pl.String
    )
    variant = digests.str.slice(16, 1).replace_strict(_VARIANTS, return_dtype=pl.String)
    parts = [
        digests.str.slice(0, 8),
        digests.str.slice(8, 4),
        "5" + digests.str.slice(13, 3),
        variant + digests.str.slice(17, 3),
        digests.str.slice(20, 12),
    ]
    return pl.select(pl.concat_str(parts, separator="-")).to_series()
