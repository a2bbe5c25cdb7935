"""What is going on at the school right now? Shows the live figures, every 3 seconds."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import redis

from pipelines.live import screen
from pipelines.live.view import LiveOptions, read_live
from pipelines.outputs.live_store import open_client

_CLEAR, _HOME, _REST_OF_SCREEN = "\x1b[2J", "\x1b[H", "\x1b[J"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def main(arguments: list[str] | None = None) -> int:
    """Run the program; 0 done, 2 with one line when there is no live store at the address."""
    options = build_parser().parse_args(arguments)
    reading = LiveOptions(clock=options.clock, prefix=options.prefix)
    try:
        client = open_client(options.live_store)
        first = _draw(client, reading, sys.stdout)
    except (redis.exceptions.RedisError, ValueError, OSError) as error:
        print(_problem(options.live_store, error), file=sys.stderr)
        return 2
    if options.once:
        sys.stdout.write(first)
        return 0
    _watch(lambda: _draw(client, reading, sys.stdout), first, options.every, sys.stdout)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The flags of the program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.watch", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--live_store", required=True, metavar="URL", help="redis://host:port of the live store"
    )
    parser.add_argument(
        "--every", type=_seconds, default=3.0, metavar="SECONDS", help="refresh (%(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="show the figures once and end")
    parser.add_argument(
        "--clock",
        choices=("wall", "event"),
        default="wall",
        help="what time it is: this machine's, or that of the newest event, for replays of old "
        "data (%(default)s)",
    )
    parser.add_argument("--prefix", default="cf:", help="of the keys (%(default)s)")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("from 0.1 to 3600 seconds")
    return seconds


def _draw(client: Any, options: LiveOptions, out: TextIO) -> str:
    view = read_live(client, int(time.time() * 1000), options)
    size = shutil.get_terminal_size((80, 24))
    return screen.render(view, size.columns, size.lines - 1, out.isatty())


def _watch(draw: Callable[[], str], shown: str, every: float, out: TextIO) -> None:
    """Refresh until Ctrl-C. While the store is away the last figures stay, and a line says so."""
    is_terminal = out.isatty()
    if is_terminal:
        out.write(_HIDE_CURSOR + _CLEAR)
    try:
        while True:
            # Drawn over what is there: clearing first would flicker.
            out.write(_HOME + shown + _REST_OF_SCREEN if is_terminal else shown + "\n")
            out.flush()
            time.sleep(every)
            shown = _next(draw, shown)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        if is_terminal:
            out.write(_SHOW_CURSOR + "\n")


def _next(draw: Callable[[], str], shown: str) -> str:
    try:
        return draw()
    except (redis.exceptions.RedisError, OSError) as error:
        lines = shown.splitlines()
        width = shutil.get_terminal_size((80, 24)).columns
        return "\n".join([*lines[:-1], f"the live store does not answer: {error}"[: width - 1]])


def _problem(url: str, error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"there is no live store at {url}: {reason}; give --live_store=redis://host:port of one"


if __name__ == "__main__":
    sys.exit(main())
