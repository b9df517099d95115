"""No space left, on the disk of artifacts or in the database: nothing is left half-written, and everybody is told."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest
import sqlalchemy as sa
from full_disk import FullDisk, fill, small_disk
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, assert_problem, upload

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.imports import Import
from ml.db.results import ModelVersion
from ml.db.session import is_full
from ml.errors import StorageFullError
from worker.context import JobContext, Services
from worker.lifecycle import Attempt
from worker.models import JobRun, OutboxEvent
from worker.queues import JobKind, request_job
from worker.runner import execute

DefineKind = Callable[..., JobKind]
BIG = os.urandom(100_000)


def files(store: ArtifactStore) -> list[str]:
    return [str(path) for path in Path(store.url).rglob("*") if path.is_file()]


def ask(services: Services, kind: str) -> int:
    with services.sessions() as session:
        job = request_job(session, kind, {})
        session.commit()
        return job.id


def read(services: Services, job_id: int) -> JobRun:
    with services.sessions() as session:
        return session.get_one(JobRun, job_id)


def test_a_file_that_a_small_disk_does_not_hold_is_not_there_at_all(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = ArtifactStore(str(disk))
        store.put("models/small.joblib", b"fits")
        for _ in range(2):
            with pytest.raises(StorageFullError, match=r"no space left in .*disk for a file of models"):
                store.put("models/big.joblib", BIG)
        with pytest.raises(StorageFullError):
            store.put_file("uploads", io.BytesIO(BIG), ".csv")
        assert files(store) == [f"{disk}/models/small.joblib"]
        store.put("models/other.joblib", BIG[:40_000])  # what was begun takes no space


def test_a_job_that_finds_no_space_fails_at_once_and_leaves_neither_row_nor_file(
    services: Services, store: ArtifactStore, define_kind: DefineKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        with ctx.session() as session:
            request_job(session, "refresh", {})
            ctx.store.put("models/a.joblib", BIG)
            return ctx.succeed(session, {})

    define_kind("keep", run)
    fill(store, monkeypatch)
    job_id = ask(services, "keep")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert (job.state, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert job.error.startswith("there is no space left in")
    assert files(store) == []
    with services.sessions() as session:
        assert session.scalars(sa.select(JobRun.kind)).all() == ["keep"]
        assert session.scalars(sa.select(OutboxEvent.name)).all() == ["JobFailed"]
        assert session.scalars(sa.select(ModelVersion.id)).all() == []


def test_an_upload_without_space_is_answered_507_and_leaves_nothing(
    api: ClientFor, sessions: Callable[[], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api("planner")
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url: (FullDisk(), url))
    answer = client.post("/api/v1/imports", **upload())
    assert "no space left" in assert_problem(answer, 507, "storage-full")["detail"]
    assert not [path for path in tmp_path.rglob("uploads/*") if path.is_file()]
    with sessions() as session:
        assert session.scalars(sa.select(Import.id)).all() == []
    monkeypatch.undo()
    assert client.post("/api/v1/imports", **upload()).status_code == 202


@pytest.fixture
def _full_database(engine: sa.Engine) -> Iterator[None]:
    """The database may grow by no more than a few pages."""
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite can be told how large it may become")
    engine.dispose()

    @sa.event.listens_for(engine, "connect")
    def limit(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 8}")

    yield
    sa.event.remove(engine, "connect", limit)
    engine.dispose()


@pytest.mark.usefixtures("_full_database")
def test_a_job_in_a_full_database_fails_at_once_and_says_so(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        with ctx.session() as session:
            for _ in range(2_000):
                session.add(OutboxEvent(name="Filled", payload={"with": "x" * 2_000}))
            return ctx.succeed(session, {})

    define_kind("fill", run)
    job_id = ask(services, "fill")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert (job.state, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert "the database has no space left" in job.error
    with services.sessions() as session:
        assert session.scalars(sa.select(OutboxEvent.name)).all() == ["JobFailed"]


@pytest.mark.parametrize(
    ("said", "full"),
    [
        ("[42000] Could not allocate space for object 'sales_raw' (1105) (SQLExecDirectW)", True),
        ("[42000] The transaction log for database 'forecastle' is full due to 'LOG_BACKUP' (9002)", True),
        ("[40001] was deadlocked on lock resources (1205) (SQLExecDirectW)", False),
    ],
)
def test_what_sql_server_says_of_space_is_understood(said: str, full: bool) -> None:
    assert is_full(sa.exc.ProgrammingError("INSERT", {}, Exception(said))) is full


SQL_SERVER_IS_FULL = (
    "42000",
    "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Could not allocate space for object "
    "'dbo.imports' in database 'forecastle' because the 'PRIMARY' filegroup is full. (1105) (SQLExecDirectW)",
)


def test_sql_server_without_space_is_answered_507_too(
    api: ClientFor, browser: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyodbc tells of it by a ProgrammingError, whose number stands in its message alone."""

    def refuse(*_: Any) -> None:
        raise sa.exc.ProgrammingError("INSERT INTO imports", {}, Exception(*SQL_SERVER_IS_FULL))

    program, person = api("planner"), browser("planner")
    monkeypatch.setattr(Session, "commit", refuse)
    answer = program.post("/api/v1/imports", **upload())
    assert "the database has no space left" in assert_problem(answer, 507, "storage-full")["detail"]
    answer = person.post("/imports", **upload())
    assert answer.status_code == 507
    assert "no space left" in answer.text


def test_what_a_killed_process_left_half_written_goes_after_a_day(store: ArtifactStore) -> None:
    store.put("models/whole.joblib", b"whole")
    for name in ("old.part", "new.part"):
        Path(store.url, "models", name).write_bytes(b"hal")
    long_ago = (utc_now() - timedelta(days=2)).timestamp()
    os.utime(Path(store.url, "models", "old.part"), (long_ago, long_ago))
    assert store.delete_partial(utc_now() - timedelta(days=1)) == 1
    assert sorted(Path(path).name for path in files(store)) == ["new.part", "whole.joblib"]
