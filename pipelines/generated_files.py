"""How is a generated file kept up to date? Its program writes it, and with --check only looks."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def write_or_check(
    module: str,
    description: str | None,
    render: Callable[[], Mapping[Path, str]],
    arguments: Sequence[str] | None,
) -> int:
    """Run the program of a module that makes files: their texts by path.

    The exit code: with --check 1 if one of them differs from what is there, which it says.
    """
    command = f"python -m {module}"
    parser = argparse.ArgumentParser(prog=command, description=description, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="write nothing")
    is_check = parser.parse_args(arguments).check
    other = {path: text for path, text in render().items() if _read(path) != text}
    for path, text in other.items():
        if is_check:
            print(f"{path.name} is out of date: {command}", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
    return int(is_check and bool(other))


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None
