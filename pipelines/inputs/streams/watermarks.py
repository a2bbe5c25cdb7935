"""Up to which event time has a source told everything? Its watermark, partition by partition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

NO_WATERMARK_MS = -9_223_372_036_854_775
"""Before anything is known: the earliest time that Beam can express, in epoch ms."""


@dataclass(frozen=True)
class WatermarkOptions:
    """How far the watermark follows events; seconds.

    `idle_partition_seconds`: how long a partition must give nothing before it may follow the
    clock; None means that it never may (a replay of old events).
    """

    max_out_of_orderness_seconds: float = 60.0
    max_future_seconds: float = 300.0
    idle_partition_seconds: float | None = 5.0


@dataclass
class Watermark:
    """The watermark of a source: the least of its partitions, never moving back.

    A partition stands at its latest event, or at the moment when it was known to be empty, minus
    the out-of-orderness. A partition of which nothing is known yet holds the watermark where it is.
    `partitions`: epoch ms by name; that and `value_ms` are all that a checkpoint must keep.
    """

    options: WatermarkOptions
    value_ms: int = NO_WATERMARK_MS
    partitions: dict[str, int] = field(default_factory=dict)
    _active_ms: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._slack_ms = round(self.options.max_out_of_orderness_seconds * 1000)
        self._future_ms = round(self.options.max_future_seconds * 1000)

    def restore(self, value_ms: int, partitions: Mapping[str, int], now_ms: int) -> None:
        """Go on from a checkpoint. `now_ms`: partitions count as active until then."""
        for name in partitions:
            self.add(name, now_ms)
        self.partitions |= partitions
        self.value_ms = max(self.value_ms, value_ms)
        self._advance()

    def add(self, partition: str, now_ms: int) -> None:
        """Watch a partition, from now on; nothing is known of it yet."""
        self.partitions.setdefault(partition, NO_WATERMARK_MS)
        self._active_ms.setdefault(partition, now_ms)

    def keep_only(self, partitions: Iterable[str]) -> None:
        """Forget partitions that are gone, so that they do not hold the watermark for ever."""
        for name in self.partitions.keys() - set(partitions):
            del self.partitions[name], self._active_ms[name]
        self._advance()

    def observe(self, partition: str, event_ms: int | None, received_ms: int, now_ms: int) -> None:
        """Take notice of a record.

        An event without time, or too far ahead of its receipt, moves nothing; nor does one of a
        partition that is gone.
        """
        if partition not in self.partitions:
            return
        self._active_ms[partition] = now_ms
        if event_ms is not None and event_ms <= received_ms + self._future_ms:
            self._raise_to(partition, event_ms - self._slack_ms)

    def found_empty(self, partition: str, asked_ms: int) -> None:
        """The source said that all records of a partition were read at the time of asking."""
        idle_seconds = self.options.idle_partition_seconds
        if idle_seconds is None or partition not in self.partitions:
            return
        if asked_ms - self._active_ms[partition] >= idle_seconds * 1000:
            self._raise_to(partition, asked_ms - self._slack_ms)

    def quiet(self, now_ms: int) -> list[str]:
        """Partitions that gave nothing for so long that they may be empty."""
        idle_seconds = self.options.idle_partition_seconds
        if idle_seconds is None:
            return []
        latest = now_ms - idle_seconds * 1000
        return [name for name, active_ms in self._active_ms.items() if active_ms <= latest]

    def _raise_to(self, partition: str, to_ms: int) -> None:
        before = self.partitions[partition]
        if to_ms > before:
            self.partitions[partition] = to_ms
            if before <= self.value_ms:  # else another partition is the least
                self._advance()

    def _advance(self) -> None:
        if self.partitions:
            self.value_ms = max(self.value_ms, min(self.partitions.values()))
