"""How is a stream put under a steady load? Made-up events of many students, at a given rate.

`python -m benchmarks.send_load --kafka_bootstrap_servers=H:P --topic=load --rate=2000`: students
come and go, so that sessions open and close all the time, and pass from chapter to chapter.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from random import Random

from confluent_kafka import Producer

_KINDS = ("page_view", "scroll", "click", "video_play", "video_pause", "quiz_answer", "scroll")
_TICK_SECONDS = 0.02
CHAPTER_SECONDS = 45.0
"""At 2,000 events a second of 20,000 students, a third of them there: 13.5 events in a visit. The
simulated school (`benchmarks.simulate`) has 13.6."""
CHAPTER_HELP = "time in a chapter; 0: another one with each event (%(default)s)"
_CHAPTERS_OF_COURSE, _COURSES = 10, 20


def record(number: int, student: int, at_ms: int, chapter: int, chance: Random) -> bytes:
    """An event of the `raw_event` dialect, about 330 bytes."""
    course = student % _COURSES
    kind = _KINDS[number % len(_KINDS)]
    second = at_ms // 1000
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return (
        f'{{"event_id":"e{at_ms}-{number}","student_id":"student-{student}",'
        f'"timestamp":"{stamp}.{at_ms % 1000:03d}Z","event_type":"{kind}",'
        f'"page_url":"/course/c{course}/chapter/c{course}-{chapter}","device":"android",'
        f'"course_id":"c{course}","chapter_id":"c{course}-{chapter}","class_id":"{student % 12}",'
        f'"metadata":{{"scroll_depth":{chance.randrange(100)},"video_id":"v{course}-{chapter}",'
        f'"current_time":{chance.randrange(600)},"quiz_id":"q{course}",'
        f'"question_id":"q{number % 9}",'
        f'"correct":{"true" if number % 3 else "false"}}}}}'
    ).encode()


def active_student(number: int, now: float, students: int, active: float, away: float) -> int:
    """One of the students who are there now; each stays `active` s and is `away` s, in turns."""
    share = active / (active + away)
    first = int(now / (active + away) % 1 * students)
    return (first + number % max(1, int(students * share))) % students


def chapter_of(student: int, now: float, chapter_seconds: float, chance: Random) -> int:
    """The chapter a student is in: the next one after some time; 0: any, with each event."""
    if not chapter_seconds:
        return chance.randrange(_CHAPTERS_OF_COURSE)
    # Students turn their pages at moments of their own.
    return int(student + now / chapter_seconds + student % 97 / 97) % _CHAPTERS_OF_COURSE


def send_load(producer: Producer, options: argparse.Namespace) -> int:
    """Send until the time is over; how many were sent."""
    chance, began, sent = Random(1), time.time(), 0
    while (now := time.time()) < began + options.seconds:
        due = int((now - began) * options.rate)
        for number in range(sent, due):
            chosen = chance.randrange(options.students)
            student = active_student(
                chosen, now, options.students, options.active_seconds, options.away_seconds
            )
            chapter = chapter_of(student, now, options.chapter_seconds, chance)
            event = record(number, student, int(now * 1000), chapter, chance)
            producer.produce(options.topic, event)
        sent = max(sent, due)
        producer.poll(0)
        time.sleep(_TICK_SECONDS)
    return sent


def main(arguments: Sequence[str] | None = None) -> int:
    """Send the load and say how much it was."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.send_load", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--kafka_bootstrap_servers", required=True, metavar="HOST:PORT")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rate", type=float, default=2000, help="events per second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="how long (%(default)s)")
    parser.add_argument("--students", type=int, default=20_000, help="students (%(default)s)")
    for name, value in (("active_seconds", 120.0), ("away_seconds", 240.0)):
        parser.add_argument(f"--{name}", type=float, default=value, help="(%(default)s)")
    parser.add_argument("--chapter_seconds", type=float, default=CHAPTER_SECONDS, help=CHAPTER_HELP)
    options = parser.parse_args(arguments)
    producer = Producer(
        {"bootstrap.servers": options.kafka_bootstrap_servers, "linger.ms": 5,
         "queue.buffering.max.messages": 2_000_000}
    )  # fmt: skip
    print(f"sent {send_load(producer, options):,} events")
    producer.flush(30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
