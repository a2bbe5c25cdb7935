"""Who is it, without saying who? Student ids become keyed hashes, grouped into shards."""

import hashlib
import hmac
from functools import lru_cache

import polars as pl

from transforms.columns import map_unique


def student_hash(student_id: str, key: bytes) -> str:
    """Lower-case hex HMAC-SHA-256 of the UTF-8 id."""
    return hmac.digest(key, student_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def pseudonymise(events: pl.DataFrame, key: bytes, shards: int) -> pl.DataFrame:
    """Replace student_id by student_hash, and add the shard that the student belongs to.

    Where `is_pseudonym`, the source's ids are pseudonyms already and are taken as they are.
    """
    ids, is_pseudonym = events["student_id"], events["is_pseudonym"]
    identities = map_unique(ids, lambda student: _identity(student, key, shards), _IDENTITY)
    if is_pseudonym.any():
        as_is = map_unique(ids, lambda student: _described(student, shards), _IDENTITY)
        identities = as_is.zip_with(is_pseudonym, identities)
    return events.drop("student_id", "is_pseudonym").with_columns(
        identities.struct.field("student_hash"), identities.struct.field("shard")
    )


_IDENTITY = pl.Struct({"student_hash": pl.String, "shard": pl.Int32})


@lru_cache(maxsize=1 << 18)
def _identity(student_id: str, key: bytes, shards: int) -> dict[str, str | int]:
    return _described(student_hash(student_id, key), shards)


def _described(pseudonym: str, shards: int) -> dict[str, str | int]:
    return {"student_hash": pseudonym, "shard": shard_of(pseudonym, shards)}


def shard_of(pseudonym: str, shards: int) -> int:
    """The shard of a student: stable, and even whatever the pseudonyms look like."""
    digest = hashlib.blake2s(pseudonym.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") % shards
