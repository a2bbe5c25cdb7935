"""What is known besides the events? Catalogues, consent, exclusion rules, places, the key."""

import csv
import io
import os
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import maxminddb
import yaml

from pipelines.inputs import opening
from pipelines.options.flags import UsageError
from pipelines.options.secret_manager import read_secret
from schemas.vocabulary import builtin_spellings, read_spellings
from transforms.catalogue import Catalogue, Questions, build_catalogue, build_questions
from transforms.clean import Place

KEY_VARIABLE = "CHAPTERFLOW_PSEUDONYM_KEY"


def read_catalogue(path: str | None) -> Catalogue:
    """Courses and chapters; empty without a file. UsageError for a wrong one."""
    if path is None:
        return Catalogue()
    rows = _read_csv(path, "--catalog", ("course_id", "chapter_id"))
    try:
        return build_catalogue(rows)
    except ValueError as error:
        raise UsageError(f"--catalog={path}: {error}; mend the file") from None


def read_questions(path: str | None) -> Questions:
    """Right answers, pass marks and skills by question; empty without a file.

    UsageError for a wrong one.
    """
    if path is None:
        return Questions()
    rows = _read_csv(path, "--question_catalog", ("quiz_id", "question_id"))
    try:
        return build_questions(rows)
    except ValueError as error:
        raise UsageError(f"--question_catalog={path}: {error}; mend the file") from None


def read_consent(path: str | None) -> frozenset[str] | None:
    """Students who consent; None without a file: everybody is kept."""
    if path is None:
        return None
    rows = _read_csv(path, "--consent_file", ("student_id", "has_consent"))
    words = ("true", "1", "yes", "y")
    return frozenset(r["student_id"] for r in rows if r["has_consent"].strip().lower() in words)


def read_rules(path: str | None) -> tuple[tuple[str, str], ...]:
    """Exclusion rules: field and regular expression."""
    if path is None:
        return ()
    try:
        rules = yaml.safe_load(_read_text(path, "--exclusion_file")) or []
        pairs = tuple((str(rule["field"]), str(rule["regex"])) for rule in rules)
        for _, pattern in pairs:
            re.compile(pattern)
    except (yaml.YAMLError, TypeError, KeyError, re.error) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"--exclusion_file={path} is no list of field and regex ({reason}); mend the file"
        ) from None
    return pairs


def read_event_types(path: str | None) -> dict[str, str]:
    """Spellings of event types: the built-in ones and those of the file."""
    if path is None:
        return dict(builtin_spellings())
    try:
        return {**builtin_spellings(), **read_spellings(_read_text(path, "--event_types_file"))}
    except (KeyError, ValueError) as error:
        raise UsageError(f"--event_types_file={path}: {error}; mend the file") from None


def key_loader(path: str | None, secret: str | None = None) -> Callable[[], bytes]:
    """A function that reads the key where it is needed, so that no graph or log holds it.

    `path`: a file; `secret`: the name of a version in Secret Manager; neither: the environment.
    UsageError when there is no key, or an empty one.
    """
    if path and secret:
        raise UsageError("give one of --pseudonym_key_file and --pseudonym_key_secret")
    load = partial(load_key, path, secret)
    load()
    return load


def load_key(path: str | None, secret: str | None = None) -> bytes:
    """The key of the pseudonyms from a file or a secret, else from the environment."""
    if secret:
        key, where = read_secret(secret).strip(), f"{secret} is empty"
    elif path:
        key, where = _read_text(path, "--pseudonym_key_file").strip(), f"{path} is empty"
    else:
        key, where = os.environ.get(KEY_VARIABLE, ""), f"{KEY_VARIABLE} is not set"
    if not key.strip():
        raise UsageError(
            f"no key for the pseudonyms: {where}; set {KEY_VARIABLE} or give --pseudonym_key_file "
            "or --pseudonym_key_secret"
        )
    return key.encode()


def places_opener(path: str | None) -> Callable[[], Callable[[str], Place]] | None:
    """A function that opens the database of places on a worker; None without one."""
    if path is None:
        return None
    opener = partial(_open_places, path)
    try:
        opener()
    except (OSError, opening.InputError, maxminddb.InvalidDatabaseError) as error:
        raise UsageError(f"--geoip_database={path} cannot be read: {error}") from None
    return opener


def _open_places(path: str) -> Callable[[str], Place]:
    if opening.is_local(path):
        return partial(_find_place, maxminddb.open_database(path))
    with opening.open_binary(path) as file:
        return partial(_find_place, maxminddb.open_database(file, maxminddb.MODE_FD))


def _find_place(database: maxminddb.Reader, address: str) -> Place:
    try:
        found = database.get(address.strip())
    except ValueError:
        return None, None
    if not isinstance(found, dict):
        return None, None
    parts = found.get("subdivisions")
    first = parts[0] if isinstance(parts, list) and parts else None
    return _iso_code(found.get("country")), _iso_code(first)


def _iso_code(place: Any) -> str | None:
    code = place.get("iso_code") if isinstance(place, dict) else None
    return code if isinstance(code, str) else None


def _read_csv(path: str, flag: str, needed: tuple[str, ...]) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(_read_text(path, flag), newline=""), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise UsageError(f"{flag}={path} is no CSV ({error}); mend the file") from None
    missing = [name for name in needed if name not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(f"{flag}={path} has no column {missing[0]}; its first line must name it")
    return [{k: v or "" for k, v in row.items() if k is not None} for row in rows]


def _read_text(path: str, flag: str) -> str:
    try:
        with open(path, "rb") if opening.is_local(path) else opening.open_binary(path) as file:
            return file.read().decode("utf-8-sig")
    except opening.InputError as error:
        raise UsageError(str(error).replace("--input", flag)) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{flag}={path} cannot be read: {reason}; check the path") from None
