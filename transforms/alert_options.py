"""When do live alerts open and close? The limits of the metric definitions, with their defaults."""

from dataclasses import dataclass, field
from fractions import Fraction

from transforms.live_moment import MAX_FUTURE_MS
from transforms.options import MetricOptions

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass(frozen=True)
class AlertOptions:
    """Limits of the three live alerts; shares are of 1, times are event time."""

    active_minutes: int = 5
    drop_share: float = 0.4
    drop_minutes: int = 5
    drop_from_students: int = 20
    new_level_minutes: int = 60
    usual_share: float = 0.8
    usual_days: int = 7
    usual_days_needed: int = 3
    video_ratio: float = 0.3
    video_minutes: int = 15
    video_views: int = 10
    video_events_most: int = 20_000
    idle_share: float = 0.3
    idle_students: int = 20
    recovery_minutes: int = 5

    def __post_init__(self) -> None:
        """Shares must be above 0 and at most 1, else ValueError."""
        for name in ("drop_share", "usual_share", "video_ratio", "idle_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1")


@dataclass(frozen=True)
class AlertRules:
    """Everything that judging a minute depends on."""

    alerts: AlertOptions = field(default_factory=AlertOptions)
    metrics: MetricOptions = field(default_factory=MetricOptions)
    max_future_ms: int = MAX_FUTURE_MS


def exact(share: float) -> Fraction:
    """A share as it is written: 0.4 is two fifths, so that counts at the limit are judged right."""
    return Fraction(str(share))
