"""Import, train and forecast while processes are killed: nothing is lost or doubled, and every job ends.

    python -m bench.chaos --rounds 10
    python -m bench.chaos --rounds 200 --pace brisk
    python -m bench.chaos --database postgresql+psycopg://postgres@127.0.0.1/chaos      # an empty one; without, SQLite

Each round sends three imports and a training by the API, as a careful client does (a key with each, again until
answered), and kills some of web, workers, work-horses, relay, scheduler, watch and Valkey by SIGKILL meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from bench.cases import Case, run
from bench.chaos_checks import faults, open_work
from bench.chaos_client import Client, sales
from bench.chaos_fleet import Fleet, killing
from ml.db.base import utc_now
from ml.db.results import ForecastRun, ModelVersion
from ml.db.session import create_engine, create_sessions, reading
from ml.registry.promotion import CHAMPION
from ml.settings import Settings
from webapp.auth.opaque import SERVICE, new_token, token_hash
from webapp.auth.permissions import FOR_TOKENS
from webapp.models import ServiceToken
from worker.models import JobRun
from worker.supervisor.home import choose_port

FIRST_TRAINING = 900.0
"""Seconds for the first import, before anything is killed: all models race."""

IMPORTS = 3
"""In each round, so that something is always under way."""

SETTINGS = {
    "FORECASTLE_GRAINS": "monthly",
    "FORECASTLE_THREADS": "1",
    "FORECASTLE_QUIET_SECONDS": "0.5",
    "FORECASTLE_DRAIN_SECONDS": "2",
    "WEB_CONCURRENCY": "2",
}


@dataclass(frozen=True)
class Pace:
    """In how many seconds a round kills, the settings that say how soon silence is noticed, and within how many seconds
    of the last kill all work has to end."""

    window: float
    settings: Mapping[str, str] = field(default_factory=dict)
    longest: float = 120.0


PACES = {
    "default": Pace(15.0),
    "brisk": Pace(
        5.0,
        {
            "FORECASTLE_HEARTBEAT_SECONDS": "1",
            "FORECASTLE_LOST_AFTER_SECONDS": "3",
            "FORECASTLE_RECONCILE_SECONDS": "3",
            "FORECASTLE_POLL_SECONDS": "0.1",
            "FORECASTLE_BACKOFF_SECONDS": "1",
        },
    ),
}
"""Most of a round at the product's own settings is spent waiting for silence to be noticed; where the same is noticed
sooner, as many kills take a third of the time, and more of them meet work."""


def make_token(sessions: sessionmaker[Session]) -> str:
    """A token of a system, as an administrator gives it."""
    token = new_token(SERVICE)
    with sessions() as session:
        session.add(
            ServiceToken(
                name="chaos", token_hash=token_hash(token), hint=token[:8], permissions=sorted(FOR_TOKENS), scope=None,
                created_by="chaos", expires_at=utc_now() + timedelta(days=2),
            )
        )  # fmt: skip
        session.commit()
    return token


def settle(sessions: sessionmaker[Session], longest: float) -> float:
    """Wait until nothing is open for a moment; how many seconds that took, `longest` where it never is."""
    began, quiet = time.monotonic(), 0
    while quiet < 3 and time.monotonic() - began < longest:
        with reading(sessions) as session:
            quiet = quiet + 1 if not open_work(session) else 0
        time.sleep(0.5)
    return time.monotonic() - began


def slowest_job(session: Session) -> float:
    """Seconds that the slowest job took from when it might begin to its end, whatever happened in between."""
    times = session.execute(sa.select(JobRun.created_at, JobRun.run_after, JobRun.finished_at)).all()
    return max((end - max(asked, due)).total_seconds() for asked, due, end in times if end is not None)


@dataclass
class Trial:
    """The rounds of one fleet: what was asked for so far, and what was found wrong."""

    fleet: Fleet
    sessions: sessionmaker[Session]
    client: Client
    draw: random.Random
    pace: Pace
    sent: dict[int, tuple[int, float]] = field(default_factory=dict)
    trainings: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def begin(self) -> None:
        """A schedule, a first import, of which all models are trained, and a quick model in charge: rounds are about
        what happens to the work, not about what it computes."""
        self.client.post(
            "/schedules", "clock", json={"id": "each-minute", "cron": "* * * * *", "kind": "prune_records"}
        )
        self.send("first")
        settle(self.sessions, FIRST_TRAINING)
        self.train("first")
        settle(self.sessions, FIRST_TRAINING)
        with reading(self.sessions) as session:
            newest = session.scalars(sa.select(ModelVersion).order_by(ModelVersion.id.desc()).limit(1)).one()
        if newest.alias != CHAMPION:
            self.client.post(f"/models/{newest.id}/promote", "promote")
        self.check(0, settle(self.sessions, FIRST_TRAINING))

    def round(self, number: int, kills: int) -> None:
        """Send imports and a training while processes are killed, wait for the end of all, and look at the tables."""
        killer = killing(self.fleet, self.draw, self.pace.window, kills)
        for part in range(IMPORTS):
            self.send(f"{number}-{part}")
            time.sleep(self.draw.uniform(0, self.pace.window / IMPORTS))
            if part == 0:
                self.train(str(number))
        killer.join()
        seconds = settle(self.sessions, 2 * self.pace.longest)
        self.slowest = max(self.slowest, seconds)
        self.check(number, seconds)

    def send(self, key: str) -> None:
        """A file that no other one is like."""
        file, rows, amount = sales(self.draw, len(self.sent))
        answer = self.client.post("/imports", f"import-{key}", file=file)
        self.sent[answer["import_id"]] = (rows, amount)

    def train(self, key: str) -> None:
        self.client.post("/train", f"train-{key}", json={"grain": "monthly", "model_type": "seasonal_naive"})
        self.trainings += 1

    def look(self) -> tuple[list[str], bool]:
        """What is wrong with the tables, and whether any work is open."""
        with reading(self.sessions) as session:
            return faults(session, self.sent, self.trainings), bool(open_work(session))

    def check(self, number: int, seconds: float) -> None:
        """Note what is wrong, and tell of it on standard error."""
        found, is_open = self.look()
        if found and is_open:  # a slot of the schedule came due since all was quiet
            seconds += settle(self.sessions, self.pace.longest)
            found, _ = self.look()
        self.wrong += [f"round {number}: {text}" for text in found]
        load = round(os.getloadavg()[0], 1)
        line = {"round": number, "settled": round(seconds, 1), "load": load, "faults": found, "kills": self.fleet.kills}
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()


def measure(fleet: Fleet, rounds: int, kills: int, seed: int, pace: Pace) -> Iterator[Case]:
    """Run the rounds; what was lost, doubled or left open, and how long the slowest recovery took."""
    fleet.start()
    engine = create_engine(Settings.from_env(fleet.env).database_url)
    sessions = create_sessions(engine)
    try:
        client = Client(fleet.port, make_token(sessions))
        trial = Trial(fleet, sessions, client, random.Random(seed), pace)  # noqa: S311
        trial.begin()
        for number in range(1, rounds + 1):
            trial.round(number, kills)
        with reading(sessions) as session:
            forecasts = session.scalar(sa.select(sa.func.count()).select_from(ForecastRun)) or 0
            slowest = slowest_job(session)
    finally:
        fleet.stop()
        engine.dispose()
    case = f"{rounds} rounds, {sum(fleet.kills.values())} kills"
    yield Case("chaos", f"{case}: lost, doubled or open", float(len(trial.wrong)), "faults", (0, 0))
    yield Case("chaos", f"{case}: slowest recovery", trial.slowest, "s", (None, pace.longest))
    yield Case("chaos", f"{case}: slowest job", slowest, "s", (None, pace.longest))
    yield Case("chaos", f"{case}: rows sent", float(sum(rows for rows, _ in trial.sent.values())), "rows", (1, None))
    yield Case("chaos", f"{case}: forecasts published", float(forecasts), "runs", (1, None))
    yield Case("chaos", f"{case}: requests sent again", float(client.repeated), "requests", (None, None))


def main() -> int:
    """Run it in a folder of its own; logs stay there where something is wrong."""
    parser = argparse.ArgumentParser("python -m bench.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kills", type=int, default=4, help="in each round")
    parser.add_argument("--pace", choices=PACES, default="default", help="brisk: silence is noticed within 3 s")
    parser.add_argument("--longest", type=float, default=120.0, help="seconds within which all work has to end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", metavar="URL", help="an empty database instead of SQLite in the folder")
    parser.add_argument("--home", type=Path, help="a new folder for data and logs")
    chosen = parser.parse_args()
    pace = replace(PACES[chosen.pace], longest=chosen.longest)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left behind
    home = chosen.home or Path(tempfile.mkdtemp(prefix="forecastle-chaos-"))
    sys.stderr.write(f"data and logs are in {home}\n")
    database = {"DATABASE_URL": chosen.database} if chosen.database else {}
    fleet = Fleet(home, choose_port({}), {**SETTINGS, **pace.settings, **database})
    return run(measure(fleet, chosen.rounds, chosen.kills, chosen.seed, pace))


if __name__ == "__main__":
    sys.exit(main())
