"""A backup on disk: a directory with `manifest.json` and, for each collection,
`NAME.jsonl.gz`: one document a line, in MongoDB's canonical Extended JSON.

The manifest tells the `format`, the `program` that has written it, the `data_version`
(see `version`), when it `began` and `ended`, and of each of the `collections` how many
`documents` it has and the `sha256` of its file. Directories are for their owner alone.
"""

import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bson import json_util

from microblog.errors import BadBackup
from microblog.store import Document

FORMAT = 1
MANIFEST = "manifest.json"
OPTIONS = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True)


@contextmanager
def new(directory: Path) -> Iterator[Path]:
    """A folder that becomes `directory` when the block has ended well, and is gone
    when it has not. BadBackup: there is something in `directory` already."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadBackup(f"{directory} exists, and is not an empty directory")
    parent = directory.absolute().parent
    # For its owner alone, as `mkdtemp` makes it.
    folder = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=parent))
    try:
        yield folder
        for path in (*folder.iterdir(), folder):
            _sync(path)
        folder.replace(directory)
        _sync(parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(folder: Path, name: str, documents: Iterable[Document]) -> Document:
    """What the manifest tells of a collection, once its documents are written."""
    path, count = _path(folder, name), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        open(descriptor, "wb") as file,
        # Neither name nor time: of the same documents comes the same file.
        gzip.GzipFile("", "wb", 6, file, mtime=0) as lines,
    ):
        for document in documents:
            said = json_util.dumps(document, json_options=OPTIONS)
            lines.write(said.encode() + b"\n")
            count += 1
    return {"documents": count, "sha256": _digest(path)}


def read(folder: Path, name: str) -> Iterator[Document]:
    """The documents of a collection, as `write` was given them."""
    with gzip.open(_path(folder, name), "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json_util.loads(line, json_options=OPTIONS)


def write_manifest(folder: Path, manifest: Document) -> None:
    """Write it; `format` is added."""
    path = folder / MANIFEST
    path.touch(0o600)
    path.write_text(json.dumps({"format": FORMAT, **manifest}, indent=2) + "\n")


def read_manifest(directory: Path, known: Iterable[str]) -> Document:
    """The manifest. BadBackup: there is none, or none that this program understands;
    `known`: the names that it knows of collections."""
    path = directory / MANIFEST
    try:
        manifest: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadBackup(f"{directory} is no backup: it has no {MANIFEST}") from None
    except ValueError:
        raise BadBackup(f"{path} is damaged: it is not JSON") from None
    format = manifest.get("format") if isinstance(manifest, dict) else None
    if not isinstance(format, int) or format < 1:
        raise BadBackup(f"{path} is of no format that a microblog has ever written")
    if format > FORMAT:
        raise BadBackup(
            f"{directory} is of format {format}, written by a newer microblog; this "
            f"one knows format {FORMAT}"
        )
    if not isinstance(manifest.get("collections"), dict):
        raise BadBackup(f"{path} is damaged: it tells of no collections")
    if strange := sorted(manifest["collections"].keys() - set(known)):
        raise BadBackup(f"{path} tells of what is not known here: {strange[0]}")
    return dict(manifest)


def verify(directory: Path, manifest: Document) -> Iterator[str]:
    """The names of the collections, each once its file was found to be what the
    manifest says. BadBackup: it is not."""
    for name, told in manifest["collections"].items():
        path = _path(directory, name)
        try:
            digest = _digest(path)
        except FileNotFoundError:
            raise BadBackup(f"{path} is missing") from None
        if digest != told["sha256"]:
            raise BadBackup(f"{path} is damaged: its checksum is wrong")
        yield name


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl.gz"


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
