"""Import, train and forecast while processes are killed: nothing is lost or doubled, and every job ends.

    python -m bench.chaos --rounds 10

Each round sends three imports and a training by the API, as a careful client does (a key with each, again until
answered), and kills some of web, workers, work-horses, relay, scheduler, watch and Valkey by SIGKILL meanwhile.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from bench.cases import Case, run
from bench.chaos_checks import faults, open_work
from bench.chaos_fleet import Fleet, killing
from ml.db.base import utc_now
from ml.db.results import ForecastRun
from ml.db.session import create_engine, create_sessions, reading
from ml.settings import Settings
from webapp.auth.opaque import SERVICE, new_token, token_hash
from webapp.auth.permissions import FOR_TOKENS
from webapp.models import ServiceToken
from worker.supervisor.home import choose_port

LONGEST = 120.0
"""Seconds within which all work has to end after the last kill."""

FIRST_TRAINING = 900.0
"""Seconds for the first import, before anything is killed: all models race."""

IMPORTS = 3
"""In each round, so that something is always under way."""

WINDOW = 15.0
"""Seconds in which a round kills."""

SETTINGS = {
    "FORECASTLE_GRAINS": "monthly",
    "FORECASTLE_THREADS": "1",
    "FORECASTLE_QUIET_SECONDS": "0.5",
    "FORECASTLE_DRAIN_SECONDS": "2",
    "WEB_CONCURRENCY": "2",
}
HEADER = "Order Date,Region,State,City,Product ID,Product Name,Category,Sales,Quantity,Order ID"
FIRST, MONTHS = date(2023, 1, 1), 30
PLACES = [("East", "New York", "Albany"), ("East", "New York", "Utica"), ("West", "Oregon", "Salem")]
PRODUCTS = [("P-1", "Pen", "Office"), ("P-2", "Paper", "Office"), ("P-3", "Lamp", "Home")]


class Client:
    """A client of the API that asks again until it is answered, each wish under a key of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"}
        self.repeated = 0

    def post(self, path: str, key: str, *, file: bytes | None = None, json: object = None) -> dict[str, int]:
        """The answer to a POST; raises TimeoutError where there is none for a long time."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            try:
                files = None if file is None else {"file": (f"{key}.csv", file)}
                answer = requests.post(
                    self._base + path,
                    headers={**self._headers, "Idempotency-Key": key},
                    files=files,
                    json=json,
                    timeout=30,
                )
                if answer.ok:
                    found: dict[str, int] = answer.json()
                    return found
                if answer.status_code not in (409, 425, 429, 500, 502, 503):
                    raise AssertionError(f"POST {path} was answered {answer.status_code}: {answer.text}")
            except requests.RequestException:
                pass
            self.repeated += 1
            time.sleep(0.5)
        raise TimeoutError(f"POST {path} was not answered within {LONGEST:.0f} s")


def sales(draw: random.Random, number: int) -> tuple[bytes, int, float]:
    """A file of sales that no other file holds; the first one has every month of every place and product."""
    lines, total = [HEADER], 0
    for month in range(MONTHS):
        day = date(FIRST.year + month // 12, month % 12 + 1, 1)
        for region, territory, area in PLACES:
            for code, name, category in PRODUCTS:
                if number and draw.random() > 0.3:
                    continue
                cents, order = draw.randrange(1_000, 90_000), f"{number}-{len(lines)}"
                on = day + timedelta(days=draw.randrange(28))
                what = (on, region, territory, area, code, name, category, f"{cents / 100:.2f}", draw.randrange(1, 9))
                lines.append(",".join(map(str, (*what, order))))
                total += cents
    return ("\n".join(lines) + "\n").encode(), len(lines) - 1, total / 100


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


def measure(home: Path, rounds: int, kills: int, seed: int) -> Iterator[Case]:
    """Run the rounds; what was lost, doubled or left open, and how long the slowest recovery took."""
    draw, fleet = random.Random(seed), Fleet(home, choose_port({}), SETTINGS)  # noqa: S311
    fleet.start()
    engine = create_engine(Settings.from_env(fleet.env).database_url)
    sessions = create_sessions(engine)
    wrong: list[str] = []
    slowest, sent, trainings = 0.0, dict[int, tuple[int, float]](), 0
    try:
        client = Client(fleet.port, make_token(sessions))
        client.post("/schedules", "clock", json={"id": "each-minute", "cron": "* * * * *", "kind": "prune_records"})
        for number in range(rounds + 1):
            killer = killing(fleet, draw, WINDOW, kills if number else 0)
            for part in range(IMPORTS if number else 1):
                file, rows, amount = sales(draw, len(sent))
                answer = client.post("/imports", f"import-{number}-{part}", file=file)
                sent[answer["import_id"]] = (rows, amount)
                time.sleep(draw.uniform(0, WINDOW / IMPORTS) if number else 0)
                if number and part == 0:
                    client.post("/train", f"train-{number}", json={"grain": "monthly", "model_type": "seasonal_naive"})
                    trainings += 1
            killer.join()
            seconds = settle(sessions, 2 * LONGEST if number else FIRST_TRAINING)
            with reading(sessions) as session:
                found = faults(session, sent, trainings)
            wrong += [f"round {number}: {text}" for text in found]
            slowest = max(slowest, seconds if number else 0.0)
            tell(number, seconds, found, fleet)
        with reading(sessions) as session:
            forecasts = session.scalar(sa.select(sa.func.count()).select_from(ForecastRun)) or 0
    finally:
        fleet.stop()
        engine.dispose()
    for text in wrong:
        sys.stderr.write(text + "\n")
    case = f"{rounds} rounds, {sum(fleet.kills.values())} kills"
    yield Case("chaos", f"{case}: lost, doubled or open", float(len(wrong)), "faults", (0, 0))
    yield Case("chaos", f"{case}: slowest recovery", slowest, "s", (None, LONGEST))
    yield Case("chaos", f"{case}: rows sent", float(sum(rows for rows, _ in sent.values())), "rows", (1, None))
    yield Case("chaos", f"{case}: forecasts published", float(forecasts), "runs", (1, None))
    yield Case("chaos", f"{case}: requests sent again", float(client.repeated), "requests", (None, None))


def tell(number: int, seconds: float, found: list[str], fleet: Fleet) -> None:
    """A line of progress on standard error."""
    line = {"round": number, "settled": round(seconds, 1), "faults": found, "kills": fleet.kills}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


def main() -> int:
    """Run it in a folder of its own; logs stay there where something is wrong."""
    parser = argparse.ArgumentParser("python -m bench.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kills", type=int, default=4, help="in each round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="a new folder for data and logs")
    chosen = parser.parse_args()
    home = chosen.home or Path(tempfile.mkdtemp(prefix="forecastle-chaos-"))
    sys.stderr.write(f"data and logs are in {home}\n")
    return run(measure(home, chosen.rounds, chosen.kills, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())
