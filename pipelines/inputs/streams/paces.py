"""When is it time to do something again?"""

import time
from collections.abc import Callable

from pipelines.inputs.opening import InputError


class Pace:
    """Due once per so many seconds; after a failure, which may have cost seconds, less often."""

    def __init__(self, seconds: float, seconds_after_failure: float = 0.0) -> None:
        self._seconds, self._after_failure = seconds, seconds_after_failure
        self._next_at = float("-inf")

    def is_due(self, now: float) -> bool:
        """Whether it is time; counts as done then. `now`: any clock in seconds."""
        if now < self._next_at:
            return False
        self._next_at = now + self._seconds
        return True

    def failed(self, now: float) -> None:
        """What was due did not work."""
        self._next_at = now + self._after_failure


def wait_while(find_reason: Callable[[], str | None], timeout_seconds: float) -> None:
    """Return once there is no reason against going on; ask less and less often until then.

    Raises InputError with the last reason when the time is up.
    """
    deadline, pause_seconds = time.monotonic() + timeout_seconds, 0.25
    while (reason := find_reason()) is not None:
        if time.monotonic() + pause_seconds > deadline:
            raise InputError(reason)
        time.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 2, 4.0)
