"""Which options do the programs have? Writes docs/options.md from their parsers, or checks it."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pipelines import (
    check,
    end_stream,
    fold,
    live_demo,
    maintain,
    provision,
    query,
    replay_dead_letters,
    report,
    rollup,
    watch,
)
from pipelines.generated_files import write_or_check
from pipelines.options import flags, stream_flags

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "options.md"
PROGRAMS = (
    *(flags, stream_flags, replay_dead_letters, query, provision, fold),
    *(rollup, check, report, maintain, watch, live_demo, end_stream),
)
"""Modules whose `build_parser()` makes the parser of a program."""

_HEAD = """# Options

Made by `python -m pipelines.describe_options` from the programs themselves; do not edit.
"""
_SWITCHES = (0, "?")
"""`nargs` of options that are on when named."""
_TABLE = "| option | default | meaning |\n|---|---|---|"


def render() -> str:
    """The document."""
    parts = [_HEAD]
    for program in PROGRAMS:
        parser = program.build_parser()
        parts.append(f"## {parser.prog.removeprefix('python -m ')}\n")
        parts.append(f"{_first_line(parser.description)}\n")
        for title, actions in _groups(parser):
            parts.append(f"{title}:\n" if title else "")
            parts.append("\n".join([_TABLE, *map(_row, actions)]) + "\n")
        if parser.epilog:
            parts.append(f"{_plain(parser.epilog)}\n")
    return "\n".join(part for part in parts if part)


def main(arguments: list[str] | None = None) -> int:
    """Write the document; with --check only say whether it differs: 1 if so."""
    return write_or_check(
        "pipelines.describe_options", __doc__, lambda: {DOCUMENT: render()}, arguments
    )


def _groups(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[argparse.Action]]]:
    """Title and actions of the groups that have any but --help; argparse's own have no title."""
    *own, titled = parser._positionals, parser._optionals, parser._action_groups[2:]
    actions = [action for group in own for action in group._group_actions]
    groups = [("", actions), *((_capital(g.title or ""), g._group_actions) for g in titled)]
    for title, found in groups:
        if shown := [action for action in found if action.dest != "help"]:
            yield title, shown


def _row(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings) or action.metavar or action.dest
    value = "" if action.nargs in _SWITCHES or not action.option_strings else f"={_value(action)}"
    help_text = _plain((action.help or "").replace(" (%(default)s)", ""))
    meaning = help_text % {"default": action.default}
    return f"| `{name}{value}` | {_default(action)} | {meaning} |"


def _value(action: argparse.Action) -> str:
    if action.choices:
        return "\\|".join(map(str, action.choices))
    return _plain(str(action.metavar or action.dest.rpartition("_")[2].upper()))


def _default(action: argparse.Action) -> str:
    if action.required:
        return "needed"
    # Where nothing is assumed, or the option has no value, there is no default to show.
    if action.nargs in _SWITCHES or action.default in (None, (), {}):
        return ""
    return f"`{action.default}`"


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    sys.exit(main())
