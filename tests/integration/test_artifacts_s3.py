"""The same store, on a server that speaks S3."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import fsspec
import pytest

from ml.artifacts import PART, ArtifactStore
from ml.errors import ArtifactError

BUCKET = "forecastle"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an empty bucket, with settings from the environment as in production."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield f"s3://{BUCKET}/artifacts"
    server.stop()


def test_a_file_is_named_by_its_content_read_back_and_deleted(bucket: str) -> None:
    store = ArtifactStore(bucket)
    path, checksum, size = store.put_file("uploads", io.BytesIO(b"a,b\n1,2\n"), ".csv")
    assert path == f"uploads/{checksum}.csv"
    assert size == 8
    with store.open(path) as file:
        assert file.read() == b"a,b\n1,2\n"
    assert fsspec.filesystem("s3").find(f"{BUCKET}/artifacts") == [f"{BUCKET}/artifacts/{path}"]
    store.delete(path)
    store.delete(path)
    assert not store.exists(path)


def test_what_is_put_is_checked_when_it_is_read(bucket: str) -> None:
    store = ArtifactStore(bucket)
    checksum = store.put("models/1.joblib", b"content")
    assert store.get("models/1.joblib", checksum) == b"content"
    store.put("models/1.joblib", b"another")
    with pytest.raises(ArtifactError, match="damaged"):
        store.get("models/1.joblib", checksum)
    with pytest.raises(ArtifactError, match="missing"):
        store.get("models/2.joblib")


def test_what_another_host_writes_is_seen_after_a_listing(bucket: str) -> None:
    store, later = ArtifactStore(bucket), datetime.now(UTC) + timedelta(minutes=1)
    store.put("runs/7/1-1.joblib", b"one")
    other = fsspec.filesystem("s3", skip_instance_cache=True)
    root = bucket.removeprefix("s3://")
    other.pipe(f"{root}/runs/7/killed{PART}", b"half")
    assert store.delete_partial(later - timedelta(days=1)) == 0
    assert store.delete_partial(later) == 1
    other.pipe(f"{root}/runs/7/2-1.joblib", b"two")
    assert store.get("runs/7/2-1.joblib") == b"two"
    other.pipe(f"{root}/runs/7/cut off{PART}", b"half")
    assert store.delete_partial(later) == 1
    assert store.delete_partial(later) == 0
    assert store.exists("runs/7/1-1.joblib")


def test_a_folder_goes_with_what_other_hosts_wrote(bucket: str) -> None:
    store, other = ArtifactStore(bucket), ArtifactStore(bucket)
    for path in ("runs/7/1-1.joblib", "runs/70/1-1.joblib"):
        store.put(path, b"one")
    assert store.exists("runs/7")
    fsspec.filesystem("s3", skip_instance_cache=True).pipe(f"{bucket.removeprefix('s3://')}/runs/7/2-1.joblib", b"two")
    store.delete_folder("runs/7")
    store.delete_folder("runs/7")
    assert not other.exists("runs/7")
    assert other.exists("runs/70/1-1.joblib")
    left = fsspec.filesystem("s3", skip_instance_cache=True).find(f"{BUCKET}/artifacts/runs")
    assert left == [f"{BUCKET}/artifacts/runs/70/1-1.joblib"]
