"""What did a simulated student do, before any dialect spells it?"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.simulate.courses import Chapter, Course
from benchmarks.simulate.students import Client, Student


@dataclass(slots=True)
class Action:
    """One thing done at `at_ms`; `ended_ms` only where the client measured an interval.

    `ids` are those beyond course and chapter (video_id, quiz_id …), `measures` what goes into
    metadata or payload (scroll_depth, current_time, correct …).
    """

    at_ms: int
    event_type: str
    client: Client
    session_id: str
    course: Course | None = None
    chapter: Chapter | None = None
    ended_ms: int | None = None
    ids: dict[str, str] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)


class Trace:
    """The actions of one sitting, with a clock that only the activities move."""

    def __init__(self, rng: Random, student: Student, client: Client, now_ms: int) -> None:
        self.rng = rng
        self.student = student
        self.client = client
        self.now_ms = now_ms
        self.session_id = f"{rng.getrandbits(48):012x}"
        self.actions: list[Action] = []

    def wait(self, low_seconds: float, high_seconds: float) -> float:
        """Let time pass; the seconds that did."""
        passed_ms = int(self.rng.uniform(low_seconds, high_seconds) * 1000)
        self.now_ms += passed_ms
        return passed_ms / 1000

    def has(self, habit: str, share: float) -> bool:
        """Whether the student has the habit and follows it this time."""
        return habit in self.student.habits and self.rng.random() < share

    def act(
        self,
        event_type: str,
        chapter: Chapter | None = None,
        ids: dict[str, str] | None = None,
        **measures: Any,
    ) -> Action:
        """Do something now; measures that are None are left out."""
        known = {name: value for name, value in measures.items() if value is not None}
        action = Action(
            *(self.now_ms, event_type, self.client, self.session_id),
            chapter=chapter,
            ids=ids or {},
            measures=known,
        )
        self.actions.append(action)
        return action
