"""Tells the world how far a job is, without ever holding the job up.

The job only changes values in memory; a thread writes them to Redis, a few times a second at most, and
nothing at all while Redis is away, or for a job that ends before the first time. At the end the row gets the same
values.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.exceptions import RedisError

from ml import logs
from ml.db.base import utc_now
from worker import progress
from worker.lifecycle import Attempt, Report

WRITE_INTERVAL = 0.2  # seconds between two writes
AWAY_INTERVAL = 2.0  # seconds until the next try after a failed one
TAIL_LINES = 200
LINE_LENGTH = 500


class Reporter(logging.Handler):
    """Progress, timings by phase, and the last log lines of one attempt; a context manager.

    No locks: a time limit may interrupt the job between any two instructions. Each value is replaced
    as a whole, and the thread reads whatever is current.
    """

    def __init__(
        self, redis: Redis, attempt: Attempt, clock: Any = time.monotonic, secrets: tuple[str, ...] = ()
    ) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
        self._redis, self._attempt, self._clock, self._secrets = redis, attempt, clock, secrets
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._timings: dict[str, float] = {}
        self._now: tuple[str, int, int] = ("", 0, 0)
        self._phase_began = clock()
        self._state, self._sequence = "running", 0
        self._changed, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write_changes, name=f"reporter-{attempt.key}", daemon=True)

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        self._changed.set()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self)
        self._ended.set()
        self._changed.set()
        self._thread.join(timeout=2 * AWAY_INTERVAL)
        self.close()

    def progress(self, phase: str, done: int = 0, total: int = 0) -> None:
        """See `ml.progress.Progress`."""
        if phase != self._now[0]:
            self._end_phase()
        self._now = (phase, done, total)
        self._changed.set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log line; long ones (tracebacks) as several."""
        text = logs.hide(self.format(record), self._secrets)
        self._lines.extend(line[:LINE_LENGTH] for line in text.splitlines())
        self._changed.set()

    def settle(self, state: str) -> None:
        """Tell how the attempt ended; call it once the row says so."""
        self._state = state

    def report(self) -> Report:
        """What the row keeps."""
        self._end_phase()
        phase, done, total = self._now
        timings = {name: round(seconds, 3) for name, seconds in self._timings.items()}
        return Report(phase, done, total, timings, "\n".join(self._lines))

    def _end_phase(self) -> None:
        now = self._clock()
        if phase := self._now[0]:
            self._timings[phase] = self._timings.get(phase, 0.0) + now - self._phase_began
        self._phase_began = now

    def _write_changes(self) -> None:
        if self._ended.wait(WRITE_INTERVAL):
            return  # nobody saw it run
        while not self._ended.is_set():
            self._changed.wait()
            self._changed.clear()
            self._ended.wait(WRITE_INTERVAL if self._write() else AWAY_INTERVAL)
        self._write()

    def _write(self) -> bool:
        """Write the present state; whether that worked. Progress is worth no error and no log line."""
        self._sequence += 1
        phase, done, total = self._now
        state = {
            "attempt": self._attempt.number,
            "state": self._state,
            "phase": phase,
            "done": done,
            "total": total,
            "log": list(self._lines),
            "seq": self._sequence,
            "updated_at": utc_now().isoformat(),
        }
        try:
            progress.write(self._redis, self._attempt.job_id, state)
        except RedisError:
            return False
        return True
