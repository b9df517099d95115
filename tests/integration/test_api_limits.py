"""How many requests a caller may make, and what happens without Redis."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from web_fixtures import ClientFor, MakeApp, Rows, assert_problem

from webapp.quick_redis import PAUSE, QuickRedis

PRODUCTS = "/api/v1/products"


def test_answers_tell_what_is_left(api: ClientFor) -> None:
    client = api("viewer")
    first, second = client.get(PRODUCTS), client.get(PRODUCTS)
    assert first.headers["RateLimit-Limit"] == "600"
    assert int(first.headers["RateLimit-Remaining"]) - int(second.headers["RateLimit-Remaining"]) in {1, -598}
    assert 0 < int(first.headers["RateLimit-Reset"]) <= 60


def test_a_caller_above_the_limit_waits_and_others_do_not(
    make_app: MakeApp, api: ClientFor, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000_030.0)
    token, other = (api(role).environ_base["HTTP_AUTHORIZATION"] for role in ("viewer", "planner"))
    client = make_app(API_READS_PER_MINUTE="2").test_client()
    for _ in range(2):
        assert client.get(PRODUCTS, headers={"Authorization": token}).status_code == 200
    refused = client.get(PRODUCTS, headers={"Authorization": token})
    assert_problem(refused, 429, "rate-limited")
    assert int(refused.headers["Retry-After"]) == int(refused.headers["RateLimit-Reset"]) == 50
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert client.get("/api/v1/customers", headers={"Authorization": token}).status_code == 200
    assert client.get(PRODUCTS, headers={"Authorization": other}).status_code == 200


def test_without_redis_nothing_is_limited(make_app: MakeApp, api: ClientFor) -> None:
    token = api("viewer").environ_base["HTTP_AUTHORIZATION"]
    client = make_app(API_READS_PER_MINUTE="1", REDIS_URL="redis://127.0.0.1:1").test_client()
    for _ in range(3):
        answer = client.get(PRODUCTS, headers={"Authorization": token})
        assert (answer.status_code, answer.headers.get("RateLimit-Limit")) == (200, None)


def test_a_server_that_is_away_is_not_asked_again_at_once() -> None:
    now, asked = 100.0, 0

    def fail(_: Redis) -> Any:
        nonlocal asked
        asked += 1
        raise RedisConnectionError("away")

    quick = QuickRedis(Redis(), lambda: now)
    assert (quick.run(fail), quick.run(fail), asked) == (None, None, 1)
    now += PAUSE
    assert (quick.run(fail), asked) == (None, 2)
