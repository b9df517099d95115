"""Ten writers push the same 10,000 sales at once; some are killed and begin again: each row is there once."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import date, timedelta
from multiprocessing.process import BaseProcess

import pytest
import sqlalchemy as sa
from web_fixtures import SECRET, ClientFor, Rows

from ml.db.imports import Import
from ml.db.sales import SalesRaw
from webapp import create_app
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun
from worker.runner import execute

WRITERS, KILLED, ROWS = 10, 5, 10_000
FORK = multiprocessing.get_context("fork")


def sales() -> bytes:
    """Rows that are all different."""
    chance, first = random.Random(10), date(2024, 1, 1)  # noqa: S311
    rows = [
        {
            "sale_date": (first + timedelta(days=number % 366)).isoformat(),
            "region": chance.choice(["North", "South"]),
            "product_code": f"P-{number % 50}",
            "order_ref": f"O-{number}",
            "sales_amount": chance.randrange(100, 10_000) / 100,
        }
        for number in range(ROWS)
    ]
    return json.dumps({"rows": rows}).encode()


def write(env: dict[str, str], token: str, body: bytes, headers: dict[str, str]) -> None:
    """What a writer does in a process of its own."""
    client = create_app(env).test_client()
    given = {"Authorization": token, **headers}
    answer = client.post("/api/v1/sales", data=body, content_type="application/json", headers=given)
    os._exit(0 if answer.status_code == 202 else 1)


def push_by_ten(start: Callable[[], BaseProcess], chance: random.Random) -> int:
    """Let ten writers begin, kill some at any moment, and let these begin again; how many died."""
    writers = [start() for _ in range(WRITERS)]
    began, moments = time.monotonic(), sorted(chance.uniform(0.05, 2.0) for _ in range(KILLED))
    for moment, writer in zip(moments, writers, strict=False):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        os.kill(writer.pid or 0, signal.SIGKILL)
    for writer in writers:
        writer.join()
    died = [writer for writer in writers if writer.exitcode == -signal.SIGKILL]
    for again in [start() for _ in died]:
        again.join()
        assert again.exitcode == 0
    assert all(writer.exitcode == 0 for writer in writers if writer not in died)
    return len(died)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("key", ["", "the-sales-of-2024"])
def test_each_row_is_there_once(
    key: str, api: ClientFor, rows: Rows, services: Services, worker_env: dict[str, str]
) -> None:
    env = {**worker_env, "SECRET_KEY": SECRET}
    token, body = api("planner").environ_base["HTTP_AUTHORIZATION"], sales()
    headers = {"Idempotency-Key": key} if key else {}

    def start() -> BaseProcess:
        writer = FORK.Process(target=write, args=(env, token, body, headers))
        writer.start()
        return writer

    died = push_by_ten(start, random.Random(6))  # noqa: S311
    assert died > 0
    for number in range(1, rows.count(JobRun) + 1):
        execute(Attempt(number, 1), services)
        assert rows.get(JobRun, number).state == "succeeded", rows.get(JobRun, number).error
    expected = [round(row["sales_amount"] * 100) for row in json.loads(body)["rows"]]
    with services.sessions() as session:
        found = session.execute(sa.select(SalesRaw.order_ref, SalesRaw.sales_amount)).all()
    assert len(found) == len({ref for ref, _ in found}) == ROWS
    assert sum(round(float(amount) * 100) for _, amount in found) == sum(expected)
    assert rows.count(Import) == 1 if key else rows.count(Import) >= WRITERS
