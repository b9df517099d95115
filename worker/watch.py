"""`python -m worker watch`: looks after all the rest, and says when something is wrong.

A process of its own, so that neither a dead worker, nor a relay or scheduler that hangs, keeps anybody from being told.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from datetime import timedelta

import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml import logs
from ml.db.base import utc_now
from ml.db.session import create_engine, create_sessions, reading
from worker import health
from worker.alerts.evaluate import apply_all, measure_all
from worker.alerts.mail import send_waiting
from worker.alerts.metrics import Look
from worker.alerts.rules import add_defaults
from worker.connection import AWAY, connect
from worker.errors import NotLeaderError
from worker.lease import Leadership
from worker.process import process_name, stop_on_signals
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

LEASE = "watch"
LOOK_SECONDS = 5.0
EVALUATE_EVERY = 6
"""Looks between two evaluations of the rules; e-mails go out at each look."""


class Watch:
    """Evaluates the rules and sends e-mails while it leads."""

    def __init__(
        self, sessions: sessionmaker[Session], redis: Redis, settings: WorkerSettings, leadership: Leadership
    ) -> None:
        self._sessions, self._redis, self._settings, self._leadership = sessions, redis, settings, leadership
        self._looks = 0

    def look(self) -> None:
        """One look. A database that is away is told of in the log: nobody can be asked then whom to tell."""
        with suppress(*AWAY):
            health.report(self._redis, "watch", process_name())
        try:
            if self._leadership.hold():
                if self._looks % EVALUATE_EVERY == 0:
                    self.evaluate()
                self._looks += 1
                send_waiting(self._sessions, self._settings.mail, utc_now())
        except NotLeaderError as error:
            log.warning("%s", error)
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            log.warning("the database is away: %s", error.orig)

    def evaluate(self) -> None:
        """Apply all rules. What is measured is read without a lock; what follows is one transaction, which the fence
        guards."""
        settings, now = self._settings, utc_now()
        with reading(self._sessions) as session:
            look = Look(session, self._redis, now, timedelta(hours=1), settings.timezone.key, settings.ml.grains)
            readings = measure_all(look)
        with self._sessions() as session:
            self._leadership.fence(session)
            add_defaults(session, settings.timezone.key)
            apply_all(session, readings, now, settings.mail.recipients if settings.mail.host else ())
            session.commit()

    def run(self, stopping: threading.Event) -> None:
        """Look until told to stop."""
        while not stopping.is_set():
            self.look()
            stopping.wait(LOOK_SECONDS)


def main() -> int:
    """Run until SIGTERM."""
    settings = WorkerSettings.from_env()
    logs.configure(settings.ml.log, "watch")
    engine = create_engine(settings.ml.database_url)
    sessions, stopping = create_sessions(engine), stop_on_signals()
    leadership = Leadership(sessions, LEASE, process_name())
    with connect(settings.redis_url) as redis:
        log.info("watch starts")
        Watch(sessions, redis, settings, leadership).run(stopping)
    leadership.release()
    engine.dispose()
    return 0
