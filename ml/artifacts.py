"""The store of files that the product keeps: uploads, model artifacts, reports.

A folder or any address that fsspec knows (`s3://bucket/prefix`). Files are immutable and
appear whole: they are written under a temporary name and renamed.
"""

from __future__ import annotations

import errno
import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

import fsspec

from ml.errors import ArtifactError, StorageFullError

CHUNK = 1 << 20
PART = ".part"
"""The end of the names of files that are being written."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def preload(url: str) -> None:
    """Import what the store at an address needs; nothing is opened."""
    fsspec.core.url_to_fs("file:///")  # what is loaded for any address
    fsspec.get_filesystem_class(fsspec.core.split_protocol(url)[0] or "file")


class ArtifactStore:
    """Reads and writes whole files below one address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def put(self, path: str, content: bytes) -> str:
        """Store `content` under `path`; returns its SHA-256 in hex. Raises StorageFullError."""
        with self._beginning(path.rpartition("/")[0]) as temporary:
            with self._fs.open(temporary, "wb") as file:
                file.write(content)
            self._fs.mv(temporary, self._full(path))
        return hashlib.sha256(content).hexdigest()

    def put_file(self, folder: str, file: IO[bytes], suffix: str = "") -> tuple[str, str, int]:
        """Store a stream named by its content; returns (path, SHA-256 in hex, bytes). Raises StorageFullError."""
        digest, size = hashlib.sha256(), 0
        with self._beginning(folder) as temporary:
            with self._fs.open(temporary, "wb") as out:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
            path = f"{folder}/{digest.hexdigest()}{suffix}"
            self._fs.mv(temporary, self._full(path))
        return path, digest.hexdigest(), size

    def open(self, path: str) -> IO[bytes]:
        """Open a stored file for reading; raises ArtifactError where there is none."""
        try:
            file: IO[bytes] = self._fs.open(self._full(path), "rb")
        except FileNotFoundError:
            raise ArtifactError(
                f"the stored file {path} is missing from {self.url}; restore it, or upload or train again."
            ) from None
        return file

    def get(self, path: str, checksum: str | None = None) -> bytes:
        """The content of a stored file; with `checksum`, raises ArtifactError where it differs."""
        with self.open(path) as file:
            content = file.read()
        found = hashlib.sha256(content).hexdigest()
        if checksum is not None and found != checksum:
            raise ArtifactError(
                f"the stored file {path} is damaged: expected checksum {checksum[:12]}…, found {found[:12]}…. "
                "Restore it from a backup or train again."
            )
        return content

    def exists(self, path: str) -> bool:
        """Whether a file is stored under `path`."""
        return bool(self._fs.exists(self._full(path)))

    def delete(self, path: str) -> None:
        """Remove a stored file; one that is not there is no error."""
        if self.exists(path):
            self._fs.rm(self._full(path))

    def delete_folder(self, folder: str) -> None:
        """Remove a folder with all that is in it; one that is not there is no error."""
        if self.exists(folder):
            self._fs.rm(self._full(folder), recursive=True)

    def delete_partial(self, before: datetime) -> int:
        """Remove what processes that were killed while they wrote before an instant left behind; returns how many."""
        begun = [path for path in self._fs.find(self._root) if path.endswith(PART)]
        old = [path for path in begun if _aware(self._fs.modified(path)) < before]
        for path in old:
            self._fs.rm(path)
        return len(old)

    @contextmanager
    def _beginning(self, folder: str) -> Iterator[str]:
        """A temporary name in a folder, for a file that is moved in the end. Where writing fails nothing stays."""
        temporary = self._full(f"{folder}/{uuid.uuid4().hex}{PART}")
        try:
            self._fs.makedirs(self._full(folder), exist_ok=True)
            yield temporary
        except BaseException as error:
            if self._fs.exists(temporary):
                self._fs.rm(temporary)
            if isinstance(error, OSError) and error.errno in NO_SPACE:
                raise StorageFullError(
                    f"there is no space left in {self.url} for a file of {folder} ({error.strerror}); nothing of it "
                    "was kept. Free or add space, then do it again."
                ) from error
            raise

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
