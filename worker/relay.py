"""`python -m worker relay`: moves events to handlers and jobs to Redis, and watches running jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml import logs
from ml.db.session import create_engine, create_sessions
from worker import dispatcher, health, outbox, telemetry
from worker.chain import Chain
from worker.connection import AWAY, connect
from worker.process import process_name, stop_on_signals
from worker.reaper import Reaper
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

REAP_SECONDS = 1.0
REPORT_SECONDS = 5.0


@dataclass
class Step:
    """One duty of the relay: what to do, how often, and whether it worked the last time."""

    name: str
    act: Callable[[], int | None]
    every: float
    due: float = 0.0
    failing: bool = False

    def run_if_due(self, now: float) -> int:
        """Do it when it is time; returns how much there was to do. A server that is away stops this step
        alone, and is told of once."""
        if now < self.due:
            return 0
        self.due = now + self.every
        try:
            done = self.act() or 0
        except (*AWAY, sa.exc.DBAPIError) as error:
            if not self.failing:
                log.warning("%s: %s; trying on", self.name, error)
            self.failing = True
            return 0
        if self.failing:
            log.info("%s: works again", self.name)
        self.failing = False
        return done


class Relay:
    """All duties of the relay, in one loop. Several relays may run: each change is claimed by one."""

    def __init__(self, sessions: sessionmaker[Session], redis: Redis, settings: WorkerSettings) -> None:
        self._settings = settings
        reaper = Reaper(sessions, redis, settings.lost_after_seconds)
        chain = Chain(settings.ml.grains, settings.quiet_seconds)
        self._steps = [
            Step("handling events", lambda: outbox.process(sessions, chain), 0.0),
            Step("looking for lost jobs", reaper.reap, REAP_SECONDS),
            Step("dispatching jobs", lambda: dispatcher.dispatch(sessions, redis), 0.0),
            Step("comparing jobs with Redis", Reconciler(sessions, redis, settings), settings.reconcile_seconds / 3),
            Step("reporting", lambda: health.report(redis, "relay", process_name()), REPORT_SECONDS),
        ]

    def run(self, stopping: threading.Event) -> None:
        """Work until told to stop, resting only when there is nothing to do."""
        while not stopping.is_set():
            if not self.step():
                stopping.wait(self._settings.poll_seconds)

    def step(self) -> int:
        """Do what is due; returns how much there was to do."""
        return sum(step.run_if_due(time.monotonic()) for step in self._steps)


class Reconciler:
    """Compares jobs with Redis: at start all of them, later those that should long have been claimed."""

    def __init__(self, sessions: sessionmaker[Session], redis: Redis, settings: WorkerSettings) -> None:
        self._sessions, self._redis = sessions, redis
        self._settings, self._grace = settings, 0.0

    def __call__(self) -> int:
        done = dispatcher.reconcile(self._sessions, self._redis, self._grace)
        self._grace = self._settings.reconcile_seconds
        return done


def main() -> int:
    """Run until SIGTERM."""
    settings = WorkerSettings.from_env()
    logs.configure(settings.ml.log, "relay")
    telemetry.start(settings.ml, "relay")
    engine = create_engine(settings.ml.database_url)
    stopping = stop_on_signals()
    log.info("relay starts")
    with connect(settings.redis_url) as redis:
        Relay(create_sessions(engine), redis, settings).run(stopping)
    engine.dispose()
    return 0
