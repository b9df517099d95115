"""Ten schedulers whose clocks disagree, in a night in which clocks go back, while leaders are killed: each slot once.

    python -m bench.chaos_clocks        # four hours in four minutes

The processes are real, as are database, lease and kills. Only the clock on the wall is not: it runs sixty times as
fast, and is off by up to two minutes, another way for each process and after each start.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.cases import Case, run
from bench.events import Home, fresh_home
from ml.db.base import utc_now
from ml.db.session import reading
from ml.settings import ROOT
from worker import scheduler
from worker.models import JobRun, Lease, PromisedRun, Schedule
from worker.schedule import LEASE
from worker.slots import key_of, slots

PROCESSES = 10
SPEED = 60.0
WRONG_BY = 120.0
"""Seconds, of the clock on the wall, by which a process is wrong at most."""

BEGIN = datetime(2026, 10, 24, 23, tzinfo=UTC)
"""Two hours before clocks go back in Berlin."""

PATIENCE = 120.0
"""Seconds after the last kill within which all slots up to then have to have run."""

CRONS = {
    "each-minute": ("* * * * *", "Europe/Berlin"),
    "each-hour": ("0 * * * *", "Europe/Berlin"),
    "half-past-two": ("30 2 * * *", "Europe/Berlin"),
    "each-fifth-minute": ("*/5 * * * *", "UTC"),
}


@dataclass
class Schedulers:
    """Processes that are started again when they were killed."""

    home: Home
    draw: random.Random
    began: float = field(default_factory=time.time)
    kills: int = 0
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Bring their number to PROCESSES."""
        self.running = [process for process in self.running if process.poll() is None]
        while len(self.running) < PROCESSES:
            wrong_by = self.draw.uniform(-WRONG_BY, WRONG_BY)
            command = [sys.executable, "-m", "bench.chaos_clocks", "--clock", str(self.began), str(wrong_by)]
            env = {**os.environ, **self.home.env}
            self.running.append(subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL))

    def kill_leader(self) -> None:
        """By SIGKILL, so that nobody is told."""
        with reading(self.home.sessions) as session:
            leader = session.get(Lease, LEASE)
        pid = int(leader.holder.rpartition("-")[2] or 0) if leader else 0
        if pid in [process.pid for process in self.running]:
            os.kill(pid, signal.SIGKILL)
            self.kills += 1

    def stop(self) -> None:
        """End all."""
        for process in self.running:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


def clock(began: float, wrong_by: float) -> Callable[[], datetime]:
    """The clock on the wall of a process."""
    return lambda: BEGIN + timedelta(seconds=(time.time() - began) * SPEED + wrong_by)


def measure(minutes: float, seed: int) -> Iterator[Case]:
    """Kill the leader every 20 to 40 seconds; then count the jobs of each slot."""
    draw = random.Random(seed)  # noqa: S311
    with fresh_home() as home:
        add_schedules(home)
        schedulers = Schedulers(home, draw)
        try:
            while time.time() < schedulers.began + 60 * minutes:
                schedulers.start()
                time.sleep(draw.uniform(20, 40))
                schedulers.kill_leader()
            owed, wrong = wait_for(home, clock(schedulers.began, -WRONG_BY)())
        finally:
            schedulers.stop()
    for text in wrong:
        sys.stderr.write(text + "\n")
    case = f"{PROCESSES} schedulers, {schedulers.kills} leaders killed"
    yield Case("chaos_clocks", f"{case}: slots", float(owed), "slots", (1, None))
    yield Case("chaos_clocks", f"{case}: missing or double", float(len(wrong)), "slots", (0, 0))


def add_schedules(home: Home) -> None:
    """Those of CRONS; whatever was not seen in time is made up for."""
    with home.sessions() as session:
        session.add_all(
            Schedule(
                id=name, cron=cron, timezone=timezone, kind="prune_records", arguments={}, catch_up="all",
                catch_up_minutes=24 * 60, effective_from=BEGIN, created_at=utc_now(),
            )
            for name, (cron, timezone) in CRONS.items()
        )  # fmt: skip
        session.commit()


def wait_for(home: Home, until: datetime) -> tuple[int, list[str]]:
    """What `check` finds once nothing is wrong, or in the end."""
    end = time.monotonic() + PATIENCE
    while True:
        with reading(home.sessions) as session:
            owed, wrong = check(session, until)
        if not wrong or time.monotonic() > end:
            return owed, wrong
        time.sleep(2)


def check(session: Session, until: datetime) -> tuple[int, list[str]]:
    """How many slots there were, and those without a job of their own, or with more than one."""
    owed, wrong = 0, []
    jobs = Counter(session.scalars(sa.select(JobRun.dedupe_key)))
    for name, (cron, timezone) in CRONS.items():
        rows = session.scalars(sa.select(PromisedRun).where(PromisedRun.schedule_id == name)).all()
        run_for = Counter(row.slot for row in rows if row.job_id is not None)
        for slot in slots(cron, timezone, BEGIN, until):
            owed += 1
            count = (jobs[key_of(name, slot, timezone)], run_for[slot])
            if count != (1, 1):
                wrong.append(f"{name} at {slot}: {count[0]} jobs, {count[1]} entries of the ledger")
        if len({row.job_id for row in rows if row.job_id}) != run_for.total():
            wrong.append(f"{name}: one job stands for several slots")
    return owed, wrong


def main() -> int:
    """Measure, or be one of the processes."""
    parser = argparse.ArgumentParser("python -m bench.chaos_clocks", description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", type=float, nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.clock:
        return scheduler.main(clock(*chosen.clock))
    return run(measure(chosen.minutes, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())
