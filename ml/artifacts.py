"""The store of files that the product keeps: uploads, model artifacts, reports.

A folder or any address that fsspec knows (`s3://bucket/prefix`). Files are immutable and
appear whole: they are written under a temporary name and renamed.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import IO

import fsspec

from ml.errors import ArtifactError

CHUNK = 1 << 20


class ArtifactStore:
    """Reads and writes whole files below one address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def put(self, path: str, content: bytes) -> str:
        """Store `content` under `path`; returns its SHA-256 in hex."""
        target = self._full(path)
        self._fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        temporary = f"{target}.{uuid.uuid4().hex}.part"
        try:
            with self._fs.open(temporary, "wb") as file:
                file.write(content)
            self._fs.mv(temporary, target)
        except BaseException:
            if self._fs.exists(temporary):
                self._fs.rm(temporary)
            raise
        return hashlib.sha256(content).hexdigest()

    def put_file(self, folder: str, file: IO[bytes], suffix: str = "") -> tuple[str, str, int]:
        """Store a stream named by its content; returns (path, SHA-256 in hex, bytes)."""
        temporary = self._full(f"{folder}/{uuid.uuid4().hex}.part")
        self._fs.makedirs(temporary.rsplit("/", 1)[0], exist_ok=True)
        digest, size = hashlib.sha256(), 0
        try:
            with self._fs.open(temporary, "wb") as out:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
            path = f"{folder}/{digest.hexdigest()}{suffix}"
            self._fs.mv(temporary, self._full(path))
        except BaseException:
            if self._fs.exists(temporary):
                self._fs.rm(temporary)
            raise
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

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"
