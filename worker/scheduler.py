"""`python -m worker schedule`: APScheduler in its own process, looking at the clock; of several, one leads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml import logs
from ml.db.base import utc_now
from ml.db.session import create_engine, create_sessions
from worker import health, ledger, telemetry
from worker.connection import AWAY, connect
from worker.errors import NotLeaderError
from worker.lease import Leadership
from worker.process import process_name, stop_on_signals
from worker.schedule import LEASE, active_schedules, add_missing
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

LOOK_SECONDS = 2
REPORT_SECONDS = 5


class Clock:
    """Keeps the ledger of promised runs while it leads."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        leadership: Leadership,
        timezone: str,
        grains: Sequence[str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions, self._leadership = sessions, leadership
        self._timezone, self._grains, self._now = timezone, grains, now

    def look(self) -> int:
        """Look at the clock once; returns how many jobs were asked for. Nothing is, where another process leads, or
        took the lead meanwhile; what the database's absence kept from being done is done at the next look."""
        try:
            return self._keep() if self._leadership.hold() else 0
        except NotLeaderError as error:
            log.warning("%s", error)
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            log.warning("the database is away, catching up later: %s", error.orig)
        return 0

    def _keep(self) -> int:
        """All of it in one transaction, which the fence guards."""
        with self._sessions() as session:
            self._leadership.fence(session)
            now = self._now()
            add_missing(session, self._timezone, now)
            schedules = active_schedules(session, self._timezone, self._grains)
            ledger.reopen(session, now)
            ledger.promise(session, schedules, now)
            asked = ledger.run_due(session, schedules, now)
            ledger.follow(session, now)
            session.commit()
        return asked


def report(redis: Redis) -> None:
    """Show that the scheduler is alive."""
    try:
        health.report(redis, "scheduler", process_name())
    except AWAY as error:
        log.debug("cannot report: %s", error)


def create_scheduler(clock: Clock, redis: Redis) -> BackgroundScheduler:
    """A scheduler of APScheduler with one thread: there is little to do, and nothing may overlap."""
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults=defaults, executors={"default": ThreadPoolExecutor(1)})
    for job, seconds in ((clock.look, LOOK_SECONDS), (lambda: report(redis), REPORT_SECONDS)):
        scheduler.add_job(job, IntervalTrigger(seconds=seconds), next_run_time=utc_now())
    return scheduler


def main(now: Callable[[], datetime] = utc_now) -> int:
    """Run until SIGTERM; `now` is the clock on the wall."""
    settings = WorkerSettings.from_env()
    logs.configure(settings.ml.log, "scheduler")
    telemetry.start(settings.ml, "scheduler")
    engine = create_engine(settings.ml.database_url)
    stopping = stop_on_signals()
    sessions = create_sessions(engine)
    leadership = Leadership(sessions, LEASE, process_name())
    with connect(settings.redis_url) as redis:
        clock = Clock(sessions, leadership, settings.timezone.key, settings.ml.grains, now)
        scheduler = create_scheduler(clock, redis)
        scheduler.start()
        log.info("scheduler starts")
        stopping.wait()
        scheduler.shutdown()
    leadership.release()
    engine.dispose()
    return 0
