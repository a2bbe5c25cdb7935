"""Who is it, without saying who? Student ids become keyed hashes, grouped into shards."""

import hashlib
import hmac

import polars as pl


def student_hash(student_id: str, key: bytes) -> str:
    """Lower-case hex HMAC-SHA-256 of the UTF-8 id."""
    return hmac.digest(key, student_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def pseudonymise(events: pl.DataFrame, key: bytes, shards: int) -> pl.DataFrame:
    """Replace student_id by student_hash, and add the shard that the student belongs to.

    Where `is_pseudonym`, the source's ids are pseudonyms already and are taken as they are.
    """
    identity = ["student_id", "is_pseudonym"]
    students = events.select(identity).unique()
    hashes = [value if known else student_hash(value, key) for value, known in students.iter_rows()]
    shard = [shard_of(value, shards) for value in hashes]
    known = students.with_columns(
        pl.Series("student_hash", hashes, pl.String), pl.Series("shard", shard, pl.Int32)
    )
    return events.join(known, identity, "left", maintain_order="left").drop(identity)


def shard_of(pseudonym: str, shards: int) -> int:
    """The shard of a student: stable, and even whatever the pseudonyms look like."""
    digest = hashlib.blake2s(pseudonym.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") % shards
