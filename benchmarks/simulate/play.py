"""How does a simulated school send its events as if it were happening now?

`python -m benchmarks.simulate.play --kafka_bootstrap_servers=HOST:PORT`: the busiest hours of a
school day, from some minutes ago, faster than the clock until they have caught up with it.
"""

import argparse
import datetime
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from confluent_kafka import Producer

from benchmarks.simulate.options import TOPICS, Options
from benchmarks.simulate.school import Arrival, simulate

HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_LARGEST = 900_000
"""Records above this are larger than Kafka takes unless it is told to."""


@dataclass(frozen=True)
class PlayedOptions(Options):
    """A school whose first day begins at `begins_ms` (epoch ms), whatever the hour."""

    begins_ms: int = 0

    @property
    def start_ms(self) -> int:
        """Begin of the first day, in epoch milliseconds."""
        return self.begins_ms


def arrivals_of_now(options: Options, from_ms: int) -> Iterator[Arrival]:
    """What a school sends from `from_ms` on, when its busiest hours begin; a school day of it."""
    busiest = _busiest_ms(options)
    options = PlayedOptions(**{**vars(replace(options, days=1)), "begins_ms": from_ms - busiest})
    arrivals = simulate(options).arrivals
    return (a for a in arrivals if a.received_ms >= from_ms and len(a.body) < _LARGEST)


def _busiest_ms(options: Options) -> int:
    """When, after midnight, the two busiest hours of a day begin."""
    sample = simulate(replace(options, days=1, students=min(options.students, 200)))
    midnight = sample.options.start_ms
    hours = Counter((a.received_ms - midnight) // HOUR_MS for a in sample.arrivals)
    return max(range(24), key=lambda hour: hours[hour] + hours[hour + 1]) * HOUR_MS


def play(
    arrivals: Iterator[Arrival],
    send: Callable[[Arrival], None],
    from_ms: int,
    speed: float,
    seconds: float = float("inf"),
) -> int:
    """Send each arrival when its time has come; how many were sent in `seconds`.

    The school's clock begins at `from_ms` and runs `speed` times faster than ours, never ahead.
    """
    began, sent = time.time(), 0
    for arrival in arrivals:
        due = began + (arrival.received_ms - from_ms) / 1000 / speed
        wait = max(due, arrival.received_ms / 1000) - time.time()
        if max(due, arrival.received_ms / 1000) > began + seconds:
            break
        if wait > 0:
            time.sleep(wait)
        send(arrival)
        sent += 1
    return sent


def sender(bootstrap_servers: str) -> tuple[Producer, Callable[[Arrival], None]]:
    """A Kafka producer, and a function that sends through it."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 5})

    def _send(arrival: Arrival) -> None:
        producer.produce(arrival.topic, arrival.body, timestamp=arrival.received_ms)
        producer.poll(0)

    return producer, _send


def main(arguments: Sequence[str] | None = None) -> int:
    """Play until the school day, or the time given, is over."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulate.play", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--kafka_bootstrap_servers", required=True, metavar="HOST:PORT",
                        help=f"cluster with the topics {', '.join(TOPICS)}")  # fmt: skip
    parser.add_argument("--students", type=int, default=2000, help="students (%(default)s)")
    parser.add_argument("--minutes_ago", type=float, default=15.0,
                        help="where the school's clock begins (%(default)s)")  # fmt: skip
    parser.add_argument("--speed", type=float, default=30.0,
                        help="of its clock until it has caught up (%(default)s)")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after this")
    parser.add_argument("--seed", type=int, default=7, help="seed of chance (%(default)s)")
    chosen = parser.parse_args(arguments)
    today = datetime.datetime.now(datetime.UTC).date()
    options = Options(students=chosen.students, days=1, seed=chosen.seed, start_date=today)
    from_ms = round(time.time() * 1000 - chosen.minutes_ago * _MINUTE_MS)
    producer, send = sender(chosen.kafka_bootstrap_servers)
    try:
        sent = play(arrivals_of_now(options, from_ms), send, from_ms, chosen.speed, chosen.seconds)
        print(f"sent {sent:,} records")
    except KeyboardInterrupt:
        return 0
    finally:
        producer.flush(5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
