"""`python -m worker schedule`: APScheduler in its own process, asking for the jobs of the schedule."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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
from worker.queues import request_job
from worker.schedule import SCHEDULE, Scheduled
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

GRACE = timedelta(hours=1)
"""A slot that was missed is made up for until then: the machine slept, or the database was away."""

CATCH_UP_SECONDS = 60
REPORT_SECONDS = 5


def latest_slot(trigger: CronTrigger, now: datetime, grace: timedelta = GRACE) -> str | None:
    """The last slot of `trigger` in the `grace` before `now` (in UTC), or None: its local time, to the second.

    Without an offset, so that a time which the clock shows twice in autumn is one slot.
    """
    slot, after = None, now - grace
    while (fire := trigger.get_next_fire_time(None, after)) is not None and fire <= now:
        slot = fire.strftime("%Y-%m-%dT%H:%M:%S")
        after = fire.astimezone(UTC) + timedelta(microseconds=1)  # in local time the sum would lose its fold
    return slot


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
        scheduler.add_job(self.report, IntervalTrigger(seconds=REPORT_SECONDS), id="report", **now)

    def fire(self, schedule: Sequence[Scheduled]) -> None:
        """Ask for the jobs that are due."""
        try:
            with self._sessions() as session:
                for scheduled in schedule:
                    ask(session, scheduled, self._zone, utc_now())
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
        Clock(create_sessions(engine), redis, settings.timezone).plan(scheduler)
        scheduler.start()
        log.info("scheduler starts: %s", ", ".join(f"{s.id} at {s.cron}" for s in SCHEDULE))
        stopping.wait()
        scheduler.shutdown()
    engine.dispose()
    return 0
