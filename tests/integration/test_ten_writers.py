"""Ten writers push the same 10,000 sales at once; some are killed and begin again: each row is there once."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import signal
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

WRITERS, ROWS = 10, 10_000
HALF_WRITTEN = 8
"""The statement before which a request that nobody disputes has written some of what it writes."""
DIE_AT = (1, 2, 3, 4)
"""Before which of these a writer dies that runs beside others; whose key another has, does hardly more."""
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


def die_at(moment: int) -> None:
    """Die as by `kill -9` before the statement or commit of this number."""
    moments = itertools.count(1)

    def check(*_: object) -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "before_cursor_execute", check)
    sa.event.listen(sa.Engine, "commit", check)


def write(env: dict[str, str], token: str, body: bytes, headers: dict[str, str], dies_at: int | None) -> None:
    """What a writer does in a process of its own."""
    client = create_app(env).test_client()
    given = {"Authorization": token, **headers}
    if dies_at:
        die_at(dies_at)
    answer = client.post("/api/v1/sales", data=body, content_type="application/json", headers=given)
    os._exit(0 if answer.status_code == 202 else 1)


def push_by_ten(start: Callable[[int | None], BaseProcess]) -> None:
    """Let ten writers begin, some of which die on the way, each at another moment, and begin again."""
    alone = start(HALF_WRITTEN)  # nobody else has the key: it gets as far as this
    alone.join()
    writers = [start(moment) for moment in (*DIE_AT, *[None] * (WRITERS - len(DIE_AT)))]
    for writer in writers:
        writer.join()
    died, done = [alone, *writers[: len(DIE_AT)]], writers[len(DIE_AT) :]
    assert {writer.exitcode for writer in died} == {-signal.SIGKILL}
    assert {writer.exitcode for writer in done} == {0}
    for again in [start(None) for _ in died]:
        again.join()
        assert again.exitcode == 0


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("tsql_elsewhere")
@pytest.mark.parametrize("key", ["", "the-sales-of-2024"])
def test_each_row_is_there_once(
    key: str, api: ClientFor, rows: Rows, services: Services, worker_env: dict[str, str]
) -> None:
    env = {**worker_env, "SECRET_KEY": SECRET}
    token, body = api("planner").environ_base["HTTP_AUTHORIZATION"], sales()
    headers = {"Idempotency-Key": key} if key else {}

    def start(dies_at: int | None) -> BaseProcess:
        writer = FORK.Process(target=write, args=(env, token, body, headers, dies_at))
        writer.start()
        return writer

    push_by_ten(start)
    with services.sessions() as session:
        jobs = session.scalars(sa.select(JobRun.id).order_by(JobRun.id)).all()
    for number in jobs:
        execute(Attempt(number, 1), services)
        assert rows.get(JobRun, number).state == "succeeded", rows.get(JobRun, number).error
    expected = [round(row["sales_amount"] * 100) for row in json.loads(body)["rows"]]
    with services.sessions() as session:
        found = session.execute(sa.select(SalesRaw.order_ref, SalesRaw.sales_amount)).all()
    assert len(found) == len({ref for ref, _ in found}) == ROWS
    assert sum(round(float(amount) * 100) for _, amount in found) == sum(expected)
    assert rows.count(Import) == 1 if key else rows.count(Import) >= WRITERS
