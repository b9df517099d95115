"""`python -m worker schedule`: APScheduler in its own process, asking for the jobs of the schedule."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml.db.base import utc_now
from ml.db.session import create_engine, create_sessions
from worker import health
from worker.connection import AWAY, connect
from worker.process import configure_logging, process_name, stop_on_signals
from worker.pulls import request_due_pulls
from worker.queues import request_job
from worker.schedule import SCHEDULE, Scheduled, schedule_of
from worker.settings import WorkerSettings
from worker.slots import GRACE, latest_slot

log = logging.getLogger(__name__)

CATCH_UP_SECONDS = 60
REPORT_SECONDS = 5


def ask(session: Session, scheduled: Scheduled, zone: ZoneInfo, now: datetime) -> None:
    """Ask for the job of the latest slot. However often and from wherever this is called, a slot gets one."""
    slot = latest_slot(CronTrigger.from_crontab(scheduled.cron, timezone=zone), now)
    if slot is not None:
        key = f"{scheduled.id}:{slot}"
        request_job(session, scheduled.kind, scheduled.arguments, requested_by="schedule", dedupe_key=key)


class Clock:
    """Fires the schedule. Each cron slot fires by itself; a catch-up now and then makes up for what failed."""

    def __init__(self, sessions: sessionmaker[Session], redis: Redis, zone: ZoneInfo) -> None:
        self._sessions, self._redis, self._zone = sessions, redis, zone

    def plan(self, scheduler: BackgroundScheduler, schedule: Sequence[Scheduled] = SCHEDULE) -> None:
        """Add all that has to be done to the scheduler."""
        for scheduled in schedule:
            trigger = CronTrigger.from_crontab(scheduled.cron, timezone=self._zone)
            scheduler.add_job(self.fire, trigger, args=[[scheduled]], id=scheduled.id)
        now: dict[str, Any] = {"next_run_time": utc_now()}
        scheduler.add_job(self.fire, IntervalTrigger(seconds=CATCH_UP_SECONDS), args=[schedule], id="catch-up", **now)
        scheduler.add_job(self.pull, CronTrigger(second=0, timezone=self._zone), id="pulls", **now)
        scheduler.add_job(self.report, IntervalTrigger(seconds=REPORT_SECONDS), id="report", **now)

    def fire(self, schedule: Sequence[Scheduled]) -> None:
        """Ask for the jobs that are due."""
        with self._transaction() as session:
            for scheduled in schedule:
                ask(session, scheduled, self._zone, utc_now())

    def pull(self) -> None:
        """Ask for the pulls that are due. Sources come and go, so they are looked up every minute."""
        with self._transaction() as session:
            request_due_pulls(session, self._zone, utc_now(), GRACE)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        try:
            with self._sessions() as session:
                yield session
                session.commit()
        except sa.exc.OperationalError as error:
            log.warning("the database is away, catching up later: %s", error.orig)

    def report(self) -> None:
        """Show that the scheduler is alive."""
        try:
            health.report(self._redis, "scheduler", process_name())
        except AWAY as error:
            log.debug("cannot report: %s", error)


def create_scheduler(zone: ZoneInfo) -> BackgroundScheduler:
    """A scheduler of APScheduler with one thread: there is little to do, and nothing may overlap."""
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": int(GRACE.total_seconds())}
    return BackgroundScheduler(timezone=zone, job_defaults=defaults, executors={"default": ThreadPoolExecutor(1)})


def main() -> int:
    """Run until SIGTERM."""
    configure_logging()
    settings = WorkerSettings.from_env()
    engine = create_engine(settings.ml.database_url)
    stopping = stop_on_signals()
    with connect(settings.redis_url) as redis:
        scheduler = create_scheduler(settings.timezone)
        schedule = schedule_of(settings.ml.grains)
        Clock(create_sessions(engine), redis, settings.timezone).plan(scheduler, schedule)
        scheduler.start()
        log.info("scheduler starts: %s", ", ".join(f"{s.id} at {s.cron}" for s in schedule))
        stopping.wait()
        scheduler.shutdown()
    engine.dispose()
    return 0
