"""Which files do the patterns of `--input` mean?"""

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from pipelines.inputs.opening import InputError, cannot, is_local

_DATE_FOLDER = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
_WILDCARD = re.compile(r"[*?\[]")


def find_files(patterns: Sequence[str], dates: tuple[date, date] | None) -> dict[str, int]:
    """Path -> size in bytes of every file to read, sorted by path, each file once.

    `patterns`: files, folders (all below them) and globs with `**`; names that begin with `.` or
    `_` are skipped unless the pattern spells it. `dates`: first and last `date=YYYY-MM-DD` folder
    to read; undated files are always read. Raises InputError for a pattern that matches nothing.
    """
    if not patterns:
        raise InputError("No input is given: set --input")
    sizes: dict[str, int] = {}
    for pattern in patterns:
        sizes |= _matches(pattern)
    wanted = [path for path in sorted(sizes) if is_wanted(path, dates)]
    return {path: sizes[path] for path in _each_once(wanted)}


def is_wanted(path: str, dates: tuple[date, date] | None) -> bool:
    """False below a folder `date=…` that lies outside of `dates` (first, last; inclusive)."""
    return dates is None or all(dates[0] <= day <= dates[1] for day in _folder_dates(path))


def _folder_dates(path: str) -> Iterator[date]:
    for folder in path.split("/")[:-1]:
        found = _DATE_FOLDER.fullmatch(folder)
        if found and (day := _date_or_none(found[1])):
            yield day


def _date_or_none(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _each_once(paths: Iterable[str]) -> Iterator[str]:
    seen = set()
    for path in paths:
        identity = os.path.realpath(path) if is_local(path) else path
        if identity not in seen:
            seen.add(identity)
            yield path


def _matches(pattern: str) -> dict[str, int]:
    pattern = pattern.removeprefix("file://")
    found = _local_matches(pattern) if is_local(pattern) else _remote_matches(pattern)
    sizes = {path: size for path, size in found if not _is_hidden(path, pattern)}
    if not sizes:
        raise InputError(f"No file matches {pattern!r}: check --input")
    return sizes


def _is_hidden(path: str, pattern: str) -> bool:
    """Whether a wildcard or a folder brought in a name that begins with `.` or `_`.

    As in a shell, a pattern that spells the first character means it.
    """
    parts = pattern.rstrip("/").split("/")
    fixed = next((i for i, part in enumerate(parts) if _WILDCARD.search(part)), len(parts))
    if os.path.lexists(pattern):
        fixed = len(parts)
    spelled = {part[:1] for part in parts[fixed:]}
    names = path.split("/")[fixed:]
    return any(name[:1] in ("_", ".") and name[:1] not in spelled for name in names)


def _local_matches(pattern: str) -> Iterator[tuple[str, int]]:
    # A file whose own name has a bracket is meant before it is taken for a pattern.
    names = [pattern] if os.path.lexists(pattern) else glob.glob(pattern, recursive=True)
    for name in names:
        paths = _files_below(name.rstrip("/"), set()) if os.path.isdir(name) else [name]
        yield from ((path, _local_size(path)) for path in paths)


def _local_size(path: str) -> int:
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(cannot("open", path, error)) from error
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
        raise InputError(f"{path!r} is no regular file: check --input")
    return status.st_size


def _files_below(folder: str, seen: set[str]) -> Iterator[str]:
    """Files below a folder; links to folders are followed, in a circle only once."""
    identity = os.path.realpath(folder or "/")
    if identity in seen:
        return
    seen.add(identity)
    for entry in _entries(folder or "/"):
        if entry.is_dir():
            yield from _files_below(f"{folder}/{entry.name}", seen)
        else:
            yield f"{folder}/{entry.name}"


def _entries(folder: str) -> list[os.DirEntry]:
    try:
        visible = [entry for entry in os.scandir(folder) if entry.name[0] not in "._"]
    except OSError as error:
        raise InputError(cannot("list", folder, error)) from error
    return sorted(visible, key=lambda entry: entry.name)


def _remote_matches(pattern: str) -> Iterator[tuple[str, int]]:
    from apache_beam.io.filesystems import FileSystems

    try:
        results = FileSystems.match(_remote_patterns(pattern))
    except Exception as error:  # cloud clients raise all kinds of errors of their own
        raise InputError(cannot("list", pattern, error)) from error
    for result in results:
        # Buckets show empty objects named like folders.
        yield from (
            (found.path, found.size_in_bytes)
            for found in result.metadata_list
            if not found.path.endswith("/")
        )


def _remote_patterns(pattern: str) -> list[str]:
    """The pattern in Beam's spelling: `/**/` there needs a folder, and `*` finds no folders."""
    spellings = {pattern.rstrip("/"), pattern.rstrip("/").replace("/**/", "/")}
    return sorted(spellings | {f"{spelling}/**" for spelling in spellings})
