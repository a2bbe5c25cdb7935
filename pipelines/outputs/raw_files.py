"""Which file of the raw zone does a record go to, and under which name? Pure functions.

A file is many gzip members one after the other: each was made where the records were read.
"""

import datetime
import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from transforms.read_times import is_time, read_times

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_GZIP = 31  # zlib's number for "gzip header, largest window"
_LEVEL = 6
_HOUR_MS = 3_600_000


class Receipt(msgspec.Struct):
    """What an envelope line says about the receipt of its record."""

    received_at: Any
    topic: str
    partition: int | None = None
    offset: int | None = None
    message_id: str | None = None


@dataclass(frozen=True)
class Place:
    """Where records are gathered: a topic, a partition (None: there are none), an hour of UTC."""

    topic: str
    partition: int | None
    date: str
    hour: str

    def key(self) -> str:
        """The place as a text that tells it from all others."""
        partition = "" if self.partition is None else self.partition
        return f"{folder_name(self.topic)}/{partition}/{self.date}/{self.hour}"


@dataclass(frozen=True)
class Member:
    """Lines of one place, compressed. `first`: offset, or id of the message, of the first line.

    `digest`: of all lines.
    """

    place: Place
    first: str
    digest: bytes
    content: bytes


_read_receipt = msgspec.json.Decoder(Receipt).decode


def gather(lines: Iterable[bytes]) -> dict[Place, tuple[str, list[bytes]]]:
    """Envelope lines by where they belong, each place's in order, with what names the first.

    Raises msgspec.ValidationError, and ValueError when a time of receipt is no time.
    """
    lines = list(lines)
    receipts = [_read_receipt(line) for line in lines]
    moments = read_times([receipt.received_at for receipt in receipts])
    if not is_time(moments).all():
        wrong = receipts[int(is_time(moments).argmin())].received_at
        raise ValueError(f"received_at of an envelope is no time: {wrong!r}")
    found: dict[tuple, tuple[str, list[bytes]]] = {}
    for line, receipt, hours in zip(lines, receipts, (moments // _HOUR_MS).tolist(), strict=True):
        partition = None if receipt.message_id is not None else receipt.partition
        first = str(receipt.message_id or receipt.offset)
        found.setdefault((receipt.topic, partition, hours), (first, []))[1].append(line)
    return {_place(*place): held for place, held in found.items()}


def _place(topic: str, partition: int | None, hours: int) -> Place:
    at = datetime.datetime.fromtimestamp(hours * 3600, datetime.UTC)
    return Place(topic, partition, f"{at:%Y-%m-%d}", f"{at:%H}")


def pack(place: Place, first: str, lines: Sequence[bytes]) -> Member:
    """Lines of a place as a member. The same lines give the same bytes."""
    text = b"".join(line + b"\n" for line in lines)
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    content = packer.compress(text) + packer.flush()
    return Member(place, first, hashlib.sha256(text).digest(), content)


def file_of(members: Sequence[Member]) -> tuple[str, bytes]:
    """Path below the raw zone, and content, of the file of some members of one place.

    The name is that of the first offset, which only one file begins with. Messages without an
    offset can come again, so there it is a hash of all lines: the same name means the same file.
    """
    place = members[0].place
    if place.partition is None:
        digests = b"".join(member.digest for member in members)
        name = hashlib.sha256(digests).hexdigest()[:32]
    else:
        members = sorted(members, key=lambda member: int(member.first))
        name = f"{place.partition}-{int(members[0].first):020d}"
    folder = f"{folder_name(place.topic)}/date={place.date}/hour={place.hour}"
    return f"{folder}/{name}.jsonl.gz", b"".join(member.content for member in members)


def folder_name(topic: str) -> str:
    """A topic as the name of a folder; what is not safe in one is percent-encoded."""
    if _SAFE.fullmatch(topic):
        return topic
    encoded = quote(topic, safe="")
    # A leading dot would hide the folder from readers, and names of dots alone mean others.
    return f"%2E{encoded[1:]}" if encoded.startswith(".") else encoded
