"""Which settings change the numbers? The options of the metric definitions, with their defaults."""

from dataclasses import dataclass

SPLITS = ("device", "browser", "network", "login")


@dataclass(frozen=True)
class MetricOptions:
    """Options of METRICS by name; properties give them in milliseconds."""

    session_gap_seconds: float = 1800
    idle_after_seconds: float = 300
    interval_active_cap_seconds: float = 1800
    max_session_hours: float = 24
    skim_seconds: float = 20
    split_on: tuple[str, ...] = ()
    reporting_timezone: str = "UTC"

    @property
    def session_gap_ms(self) -> int:
        """Longest inactivity within a session."""
        return round(self.session_gap_seconds * 1000)

    @property
    def idle_after_ms(self) -> int:
        """Longest gap that counts as active time."""
        return round(self.idle_after_seconds * 1000)

    @property
    def interval_cap_ms(self) -> int:
        """Longest time that one merged segment counts as active."""
        return round(self.interval_active_cap_seconds * 1000)

    @property
    def max_session_ms(self) -> int:
        """Longest session, and the grid on which longer ones are cut."""
        return round(self.max_session_hours * 3_600_000)

    @property
    def skim_ms(self) -> int:
        """Active time below which a visit skims where no expected time is known."""
        return round(self.skim_seconds * 1000)
