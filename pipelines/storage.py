"""How are files of the warehouse written and read, on a local path, s3:// or gs://?"""

import os
from functools import cache

import pyarrow as pa
from pyarrow import fs

from pipelines import objects


def is_local(path: str) -> bool:
    """True for a path of this machine's file system."""
    return "://" not in path


def join(*parts: str) -> str:
    """Parts of a path or URL as one."""
    return "/".join(part.strip("/") if i else part.rstrip("/") for i, part in enumerate(parts))


def write_file(
    path: str, content: bytes | pa.Buffer, is_hidden: bool = False, is_final: bool = False
) -> None:
    """Write a whole file; the folder is made. A file seen under its name is always whole.

    `is_hidden`: until it is whole, its name begins with a dot, which readers of folders skip.
    `is_final`: the name says what is in the file, so one that is there already may stay; it must
    where files cannot be replaced, as in a bucket that may only be added to. Raises OSError.
    """
    if path.startswith(objects.SCHEME):
        objects.write_object(path, content, is_final)
        return
    filesystem, name = locate(path)
    filesystem.create_dir(name.rpartition("/")[0], recursive=True)
    folder, _, base = name.rpartition("/")
    part = f"{folder}/{'.' * is_hidden}{base}.part-{os.getpid()}"
    target = part if is_local(path) else name
    # Else a name that ends with .gz would have the content compressed once more.
    with filesystem.open_output_stream(target, compression=None) as stream:
        stream.write(content)
    if target != name:
        filesystem.move(target, name)


def read_file(path: str) -> pa.Buffer:
    """The bytes of a file; mapped rather than read where it is local."""
    if is_local(path):
        with pa.memory_map(path) as file:
            return file.read_buffer()
    filesystem, name = locate(path)
    with filesystem.open_input_file(name) as file:
        return file.read_buffer()


def remove_file(path: str) -> None:
    """Remove a file that is there."""
    filesystem, name = locate(path)
    filesystem.delete_file(name)


def remove_folder(path: str) -> None:
    """Remove a folder and everything in it; nothing happens when there is none."""
    if path.startswith(objects.SCHEME):
        # Arrow's file system fails on a folder that no empty object stands for.
        objects.remove_objects(path)
        return
    filesystem, name = locate(path)
    if filesystem.get_file_info(name).type != fs.FileType.NotFound:
        filesystem.delete_dir(name)


def locate(path: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path, and the path within it.

    Emulators are named by AWS_ENDPOINT_URL and STORAGE_EMULATOR_HOST, as in the clients of the
    clouds.
    """
    scheme, _, rest = path.partition("://")
    if not rest:
        return fs.LocalFileSystem(), os.path.abspath(path)
    return _remote(scheme), rest


@cache
def _remote(scheme: str) -> fs.FileSystem:
    if scheme in ("s3", "s3a"):
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        return fs.S3FileSystem(endpoint_override=endpoint, region=os.environ.get("AWS_REGION"))
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "").rstrip("/")
    if not emulator:
        return fs.GcsFileSystem()
    kind, _, host = emulator.rpartition("://")
    return fs.GcsFileSystem(endpoint_override=host, scheme=kind or "http", anonymous=True)
