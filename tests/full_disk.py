"""Disks without space: a real one of 64 KB where the machine lets us mount it, and one that says so wherever we are."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileOpener, LocalFileSystem

from ml.artifacts import ArtifactStore


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 KB; skips the test where mounting is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not allowed here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class FullFile(LocalFileOpener):
    """A file of which half is written before the disk is full."""

    def write(self, content: bytes) -> int:
        self.f.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullDisk(LocalFileSystem):
    """The local file system, full."""

    cachable = False

    def _open(self, path: str, mode: str = "rb", *_: Any, **options: Any) -> LocalFileOpener:
        opener = FullFile if "w" in mode else LocalFileOpener
        return opener(path, mode, fs=self, **options)


def fill(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk behind a store be full from now on."""
    monkeypatch.setattr(store, "_fs", FullDisk())
