"""Stored files appear whole or not at all, and damage is noticed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ml.artifacts import ArtifactStore
from ml.errors import ArtifactError


class Breaking(io.BytesIO):
    """A stream that fails after its first piece."""

    def read(self, _size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError("no space left on device")
        return super().read(4)


def files(store: ArtifactStore) -> list[str]:
    root = Path(store.url)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_what_is_put_can_be_read_back(store: ArtifactStore) -> None:
    checksum = store.put("models/a/1.joblib", b"content")
    assert store.get("models/a/1.joblib", checksum) == b"content"


def test_a_damaged_file_is_refused(store: ArtifactStore) -> None:
    checksum = store.put("a/b", b"content")
    store.put("a/b", b"other")
    with pytest.raises(ArtifactError, match=r"damaged.*train again"):
        store.get("a/b", checksum)


def test_a_missing_file_is_named(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="a/nothing is missing"):
        store.get("a/nothing")


def test_uploads_are_named_by_content(store: ArtifactStore) -> None:
    first = store.put_file("uploads", io.BytesIO(b"same"), ".csv")
    second = store.put_file("uploads", io.BytesIO(b"same"), ".csv")
    assert first == second
    assert files(store) == [first[0]]
    assert first[2] == 4


def test_a_broken_upload_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(OSError, match="no space"):
        store.put_file("uploads", Breaking(b"long content"))
    assert files(store) == []


def test_a_folder_goes_with_all_that_is_in_it(store: ArtifactStore) -> None:
    for path in ("runs/1/a", "runs/1/b", "runs/10/a"):
        store.put(path, b"x")
    store.delete_folder("runs/1")
    store.delete_folder("runs/1")
    assert files(store) == ["runs/10/a"]


def test_deleting_what_is_not_there_is_no_error(store: ArtifactStore) -> None:
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")
