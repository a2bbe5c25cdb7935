"""Who learns at the simulated school, with what habits and on which devices?"""

from dataclasses import dataclass
from random import Random

from benchmarks.simulate.courses import Course

# Region and its usual offset from UTC in minutes.
REGIONS = (
    ("IN-KA", 330),
    ("IN-MH", 330),
    ("DE-BE", 60),
    ("FR-BRE", 60),
    ("US-NY", -300),
    ("US-CA", -480),
    ("BR-SP", -180),
    ("NP-P3", 345),
)
# Share of the students who have each habit.
HABITS = {
    "binge": 0.10,
    "skim": 0.15,
    "open_tabs": 0.15,
    "two_devices": 0.20,
    "retry": 0.35,
    "fast_video": 0.30,
}
# The ends that the user agents of many browsers have in common.
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
# device_type, a name for it, os, browser, user agent.
DEVICES = (
    ("desktop", "web", "Windows", "Firefox",
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("desktop", "macos", "macOS", "Safari",
     f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15"),
    ("desktop", "chromebook", "ChromeOS", "Chrome",
     f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36"),
    ("mobile", "android", "Android", "Chrome",
     f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36"),
    ("mobile", "iphone", "iOS", "Safari",
     f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1"),
    ("tablet", "ipad", "iPadOS", "Safari",
     f"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1"),
)  # fmt: skip
NETWORKS = ("wifi", "wifi", "wifi", "4g", "5g", "ethernet")
# The address ranges kept for documentation (RFC 5737, RFC 3849): nobody has them.
ADDRESS_PREFIXES = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8::")


@dataclass(frozen=True)
class Client:
    """A device that a student uses."""

    device_type: str
    device_name: str
    os: str
    browser: str
    user_agent: str
    network_type: str
    address: str


@dataclass(frozen=True)
class Student:
    """One student; `diligence` is the chance of studying on a usual day, `pace` slows reading."""

    student_id: str | int
    region: str
    offset_minutes: int
    courses: tuple[Course, ...]
    diligence: float
    pace: float
    ability: float
    stops_on_day: int | None
    habits: frozenset[str]
    clients: tuple[Client, ...]
    has_consent: bool


def make_student(
    rng: Random, number: int, courses: tuple[Course, ...], days: int, without_consent: float
) -> Student:
    """The student of that number; every tenth has a plain number for an id."""
    habits = frozenset(name for name, share in HABITS.items() if rng.random() < share)
    region, offset_minutes = rng.choice(REGIONS)
    stops = rng.random() < 0.2
    return Student(
        student_id=900_000 + number if number % 10 == 9 else f"stu_{1001 + number}",
        region=region,
        offset_minutes=offset_minutes,
        courses=tuple(rng.sample(courses, min(len(courses), rng.randint(1, 4)))),
        diligence=rng.betavariate(4, 2.5),
        pace=rng.lognormvariate(0, 0.3),
        ability=min(1.0, max(0.0, rng.gauss(0.6, 0.2))),
        stops_on_day=rng.randint(1, max(1, days - 1)) if stops else None,
        habits=habits,
        clients=tuple(_client(rng) for _ in range(2 if "two_devices" in habits else 1)),
        has_consent=rng.random() >= without_consent,
    )


def _client(rng: Random) -> Client:
    prefix = rng.choice(ADDRESS_PREFIXES)
    network_type, address = rng.choice(NETWORKS), f"{prefix}{rng.randint(1, 254)}"
    return Client(*rng.choice(DEVICES), network_type, address)
