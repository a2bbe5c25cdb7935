"""Which files lie in an inbox, which are read already, and where do the finished ones go?"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DONE = "done"
_SUFFIXES = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, order=True)
class InboxFile:
    """A file of the inbox; they are read in this order, so that topics stay abreast.

    `path` is relative to the inbox; `within` is the part of it below the topic.
    """

    within: str
    topic: str
    path: str


def waiting_files(inbox: str, topic: str, known: set[str]) -> list[InboxFile]:
    """Files to read, in order; `known` are paths that are not wanted.

    The topic is the name of the folder above `date=…`, else `topic`. Half-written files have
    names that begin with a dot or do not end in .jsonl or .jsonl.gz.
    """
    paths = (path for path in _paths(inbox, "") if path not in known)
    return sorted(_describe(path, topic) for path in paths)


def _paths(inbox: str, folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(os.path.join(inbox, folder)))
    except FileNotFoundError:  # tidied away in the meantime
        return
    for entry in entries:
        path = f"{folder}{entry.name}"
        if entry.name.startswith(".") or path == DONE:
            continue
        if entry.is_dir():
            yield from _paths(inbox, f"{path}/")
        elif entry.name.endswith(_SUFFIXES):
            yield path


def _describe(path: str, topic: str) -> InboxFile:
    parts = path.split("/")
    dated = next((i for i, part in enumerate(parts[:-1]) if part.startswith("date=")), 0)
    if dated == 0:
        return InboxFile(path, topic, path)
    return InboxFile("/".join(parts[dated:]), parts[dated - 1], path)


class DoneFolder:
    """Finished files, each in a folder named by a growing number: `done/000000000017/…`.

    The number tells which files were finished after a checkpoint that is returned to: those must
    be read again.
    """

    def __init__(self, inbox: str) -> None:
        self._inbox, self._done = Path(inbox), Path(inbox) / DONE
        names = (entry.name for entry in os.scandir(self._done)) if self._done.is_dir() else ()
        self.last = max((int(name) for name in names if name.isdecimal()), default=0)

    def take(self, path: str) -> None:
        """Move a file out of the inbox."""
        self.last += 1
        target = self._done / f"{self.last:012d}" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _move(self._inbox / path, target)

    def give_back(self, after: int, finished: set[str]) -> None:
        """Move the files numbered above `after` back, but for those finished before as well."""
        for number in range(after + 1, self.last + 1):
            folder = self._done / f"{number:012d}"
            paths = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
            for path in [path for path in paths if path.as_posix() not in finished]:
                (self._inbox / path).parent.mkdir(parents=True, exist_ok=True)
                _move(folder / path, self._inbox / path)


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except FileNotFoundError:  # somebody tidied up: nothing is lost that was read
        return
