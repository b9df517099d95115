"""What a job is given: sessions that only a living attempt can commit, progress, files, settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml.artifacts import ArtifactStore, preload
from ml.db.session import create_engine, create_sessions
from worker import lifecycle
from worker.connection import connect
from worker.events import Event, record
from worker.lifecycle import Attempt
from worker.reporter import Reporter
from worker.settings import WorkerSettings

SETTLED = "attempt_settled"


@dataclass(frozen=True)
class Services:
    """What the process has open."""

    settings: WorkerSettings
    sessions: sessionmaker[Session]
    redis: Redis
    store: ArtifactStore


@dataclass(frozen=True)
class Groundwork:
    """What is the same for all jobs of a worker. Nothing is connected, so that a fork shares no connection, but the
    engine knows its database and the statements that jobs begin and end with: to learn them takes longer than to run
    them."""

    settings: WorkerSettings
    engine: sa.Engine
    redis: Redis

    @classmethod
    def lay(cls, settings: WorkerSettings) -> Groundwork:
        """Lay it; where the database is away each job learns for itself."""
        engine = create_engine(settings.ml.database_url)
        preload(settings.ml.artifact_url)
        with suppress(sa.exc.DBAPIError), create_sessions(engine)() as session:
            lifecycle.rehearse(session)
        engine.dispose()
        return cls(settings, engine, connect(settings.redis_url))


@contextmanager
def open_services(groundwork: Groundwork) -> Iterator[Services]:
    """The services of this process, closed in the end. Open them after a fork, never before."""
    settings, engine, redis = groundwork.settings, groundwork.engine, groundwork.redis
    try:
        yield Services(settings, create_sessions(engine), redis, ArtifactStore(settings.ml.artifact_url))
    finally:
        redis.close()
        engine.dispose()


class JobContext:
    """One attempt at a job, as its function sees it."""

    def __init__(self, attempt: Attempt, services: Services, reporter: Reporter) -> None:
        self._attempt, self._services, self._reporter = attempt, services, reporter
        self.job_id, self.attempt, self.key = attempt.job_id, attempt.number, attempt.key
        self.store, self.settings = services.store, services.settings
        self.settled = False

    def progress(self, phase: str, done: int = 0, total: int = 0) -> None:
        """See `ml.progress.Progress`."""
        self._reporter.progress(phase, done, total)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session whose commits raise StaleAttemptError once the attempt was given up."""
        with self._services.sessions() as session:
            sa.event.listen(session, "before_commit", self._fence)
            yield session

    def succeed(self, session: Session, result: dict[str, Any], *events: Event) -> dict[str, Any]:
        """Commit the session's work together with what follows from it and the job's success; returns `result`.

        All or nothing: a job that is killed before this is done again, one killed after it is not.
        """
        for event in events:
            record(session, event, self.job_id)
        lifecycle.succeed(session, self._attempt, result, self._reporter.report())
        session.info[SETTLED] = True
        session.commit()
        self.settled = True
        return result

    def _fence(self, session: Session) -> None:
        if not session.in_nested_transaction() and not session.info.get(SETTLED):
            lifecycle.hold(session, self._attempt)
