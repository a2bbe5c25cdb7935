"""How is a file opened, on this machine or in a bucket?"""

from typing import BinaryIO


class InputError(Exception):
    """The input cannot be used as asked: one line that says what to do (exit code 2)."""


def is_local(path: str) -> bool:
    """Whether plain Python can open the path."""
    return "://" not in path


def open_binary(path: str) -> BinaryIO:
    """Open for reading, with `seek`. Raises InputError when it cannot be opened."""
    try:
        return open(path, "rb") if is_local(path) else _open_remote(path)
    except Exception as error:  # cloud clients raise all kinds of errors of their own
        raise InputError(cannot("open", path, error)) from error


def cannot(verb: str, path: str, error: Exception) -> str:
    """One line about an error of the file system."""
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).split("\n")[0]
    return f"Cannot {verb} {path!r} ({reason}): check --input and the permissions"


def _open_remote(path: str) -> BinaryIO:
    # Imported here: local runs of these modules do without Beam's 2 s start.
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    # Beam would unpack by file name; this package looks at the content.
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
