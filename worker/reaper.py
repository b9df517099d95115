"""Finds running jobs whose worker died, and queues them again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml.db.session import reading
from worker import heartbeats, lifecycle, progress
from worker.connection import AWAY
from worker.errors import StaleAttemptError
from worker.lifecycle import Attempt, Report
from worker.models import JobRun

log = logging.getLogger(__name__)

LOST = "lost: "


@dataclass
class Sign:
    """The last heartbeat of an attempt, and when, by our own clock, it last changed."""

    value: bytes | None
    heard: float


@dataclass(frozen=True)
class Loss:
    """Why an attempt is given up, and whether the job is given up with it."""

    reason: str
    for_good: bool = False


class Reaper:
    """Gives up attempts that were silent for `lost_after` seconds while it listened.

    Silence is measured by this process alone: it begins when the reaper first looks, and over again
    when Redis was away. So neither a restart, nor an outage, nor another machine's clock makes living
    jobs look lost.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        redis: Redis,
        lost_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions, self._redis, self._lost_after, self._clock = sessions, redis, lost_after, clock
        self._signs: dict[Attempt, Sign] = {}

    def reap(self) -> int:
        """Look at all running jobs once; returns how many were lost."""
        lost = self._find_lost(self._running())
        for attempt, loss in lost.items():
            self._give_up(attempt, loss)
        return len(lost)

    def _running(self) -> list[Attempt]:
        running = sa.select(JobRun.id, JobRun.attempt).where(JobRun.state == "running").order_by(JobRun.id)
        with reading(self._sessions) as session:
            return [Attempt(job_id, number) for job_id, number in session.execute(running)]

    def _find_lost(self, running: list[Attempt]) -> dict[Attempt, Loss]:
        try:
            values = heartbeats.listen(self._redis, [attempt.key for attempt in running])
        except AWAY:
            self._signs.clear()
            raise
        signs = {attempt: self._sign(attempt, value) for attempt, value in zip(running, values, strict=True)}
        self._signs = signs
        losses = {attempt: self._loss(sign) for attempt, sign in signs.items()}
        return {attempt: loss for attempt, loss in losses.items() if loss}

    def _sign(self, attempt: Attempt, value: bytes | None) -> Sign:
        earlier = self._signs.get(attempt)
        if earlier is not None and earlier.value == value:
            return earlier
        return Sign(value, self._clock())

    def _loss(self, sign: Sign) -> Loss | None:
        if cause := heartbeats.cause_of_death(sign.value):
            return Loss(LOST + cause[0], cause[1])
        silence = self._clock() - sign.heard
        return Loss(f"{LOST}its worker has been silent for {silence:.0f} s") if silence >= self._lost_after else None

    def _give_up(self, attempt: Attempt, loss: Loss) -> None:
        report, queued = self._last_report(attempt), False
        try:
            with self._sessions() as session:
                if loss.for_good:
                    lifecycle.fail(session, attempt, loss.reason, report)
                else:
                    counts = loss.reason != LOST + heartbeats.STOPPED
                    queued = lifecycle.try_again(session, attempt, loss.reason, report, timedelta(0), counts=counts)
                session.commit()
        except StaleAttemptError:
            return  # it ended, or another relay gave it up
        outcome = "queued again" if queued else "failed, no attempt is left"
        log.warning("job %s, attempt %s: %s; %s", attempt.job_id, attempt.number, loss.reason, outcome)

    def _last_report(self, attempt: Attempt) -> Report:
        """What the attempt told before it fell silent."""
        state = progress.read(self._redis, attempt.job_id)
        if state is None or state["attempt"] != attempt.number:
            return Report()
        return Report(state["phase"], state["done"], state["total"], log_tail="\n".join(state["log"]))
