"""How does what alerts know survive a restart? As bytes that any later version can read."""

import msgspec

from transforms.encode_frames import FrameCoder
from transforms.judge_minutes import AlertState
from transforms.rate_videos import VideoWindow
from transforms.track_incidents import Incident


class _Kept(msgspec.Struct):
    first_ms: int | None
    judged_ms: int | None
    students: bytes
    active: dict[int, int]
    videos: bytes
    halvings: int
    incidents: tuple[Incident, ...]


def keep_state(state: AlertState) -> bytes:
    """The state as MessagePack, its frames compressed."""
    encode = FrameCoder().encode
    kept = _Kept(
        state.first_ms,
        state.judged_ms,
        encode(state.students),
        dict(state.active),
        encode(state.videos.events),
        state.videos.halvings,
        state.incidents,
    )
    return msgspec.msgpack.encode(kept)


def restore_state(kept: bytes | None) -> AlertState:
    """The state again; the first one of all for None."""
    if kept is None:
        return AlertState()
    decode = FrameCoder().decode
    read = msgspec.msgpack.decode(kept, type=_Kept)
    return AlertState(
        read.first_ms,
        read.judged_ms,
        decode(read.students),
        read.active,
        VideoWindow(decode(read.videos), read.halvings),
        read.incidents,
    )
