"""What did everybody do: sessions, visits, views and attempts, before they become rows?"""

from dataclasses import dataclass, field

from benchmarks.reference.answers import attempts_of_session
from benchmarks.reference.catalogue import Catalogue
from benchmarks.reference.options import Options
from benchmarks.reference.sessions import flag_conflicts, sessions_of_student
from benchmarks.reference.videos import views_of_session
from benchmarks.reference.visits import visits_of_session


@dataclass
class Derived:
    """Dicts in milliseconds, before they become rows."""

    events: list[dict] = field(default_factory=list)
    sessions: list[dict] = field(default_factory=list)
    visits: list[dict] = field(default_factory=list)
    views: list[dict] = field(default_factory=list)
    attempts: list[dict] = field(default_factory=list)


def group(things: list[dict], *columns: str) -> dict[tuple, list[dict]]:
    """The things by the values of the columns; null is a value."""
    groups: dict[tuple, list[dict]] = {}
    for thing in things:
        groups.setdefault(tuple(thing[column] for column in columns), []).append(thing)
    return groups


def without_duplicates(events: list[dict]) -> list[dict]:
    """One event per student, id and instant: the copy with the smallest fingerprint."""
    kept = []
    for copies in group(events, "student_hash", "event_id", "start").values():
        received = [copy["received"] for copy in copies if copy["received"] is not None]
        smallest = min(copies, key=lambda copy: copy["fingerprint"])
        kept.append({**smallest, "received": min(received, default=None)})
    return kept


def derive(
    events: list[dict], options: Options, catalogue: Catalogue, correct: dict[tuple, str]
) -> Derived:
    """Everything of all students, from events without duplicates."""
    derived = Derived()
    ordered = sorted(events, key=lambda event: (event["start"], event["event_id"]))
    for of_student in group(ordered, "student_hash").values():
        derived.sessions += sessions_of_student(of_student, options)
    for session in derived.sessions:
        flag_conflicts(session)
        derived.events += session["events"]
        derived.visits += visits_of_session(session, options, catalogue)
        derived.views += views_of_session(session, options)
        derived.attempts += attempts_of_session(session, correct, options)
    return derived
