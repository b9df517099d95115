"""Guessing passwords gets slow, account by account, and right passwords start anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import PASSWORD, MakeApp, Rows, assert_problem
from werkzeug.test import TestResponse

from ml.db.base import utc_now
from webapp.errors import TooManyAttemptsError
from webapp.models import SignInThrottle, User
from webapp.services.throttle import FREE_FAILURES, MEMORY, account_key, count_attempt

LOGIN = "/api/v1/auth/login"
EMAIL = "planner@example.com"
WRONG = "not the password"


@pytest.fixture
def failed(rows: Rows) -> Callable[..., None]:
    """Lets an account have failed so many times in a row."""

    def fail(failures: int, ago: timedelta = timedelta(), wait: timedelta = timedelta()) -> None:
        then = utc_now() - ago
        rows.add(
            SignInThrottle(
                key=account_key(EMAIL), failures=failures, last_failure_at=then, blocked_until=utc_now() + wait
            )
        )

    return fail


def guess(client: FlaskClient, password: str = WRONG) -> TestResponse:
    return client.post(LOGIN, json={"email": EMAIL, "password": password})


def test_blocked_account_is_refused_even_the_right_password(
    client: FlaskClient, make_user: Callable[[str], User], failed: Callable[..., None]
) -> None:
    make_user("planner")
    failed(FREE_FAILURES + 3, wait=timedelta(seconds=30))
    answer = guess(client, PASSWORD)
    assert_problem(answer, 429, "too-many-attempts")
    assert 25 <= int(answer.headers["Retry-After"]) <= 31


def test_unknown_account_is_slowed_alike(client: FlaskClient, failed: Callable[..., None]) -> None:
    failed(FREE_FAILURES, wait=timedelta(seconds=30))
    assert guess(client).status_code == 429


def test_wrong_passwords_add_up_to_a_wait(client: FlaskClient, rows: Rows, failed: Callable[..., None]) -> None:
    failed(FREE_FAILURES - 1)
    assert guess(client).status_code == 401
    assert guess(client).status_code == 429
    assert rows.get(SignInThrottle, account_key(EMAIL)).failures == FREE_FAILURES


def test_right_password_after_the_wait_starts_anew(
    client: FlaskClient, make_user: Callable[[str], User], rows: Rows, failed: Callable[..., None]
) -> None:
    make_user("planner")
    failed(FREE_FAILURES + 5)
    assert guess(client, PASSWORD).status_code == 200
    assert rows.count(SignInThrottle) == 0


def test_day_without_a_try_starts_anew(client: FlaskClient, rows: Rows, failed: Callable[..., None]) -> None:
    failed(FREE_FAILURES + 5, ago=MEMORY + timedelta(minutes=1))
    assert guess(client).status_code == 401
    assert rows.get(SignInThrottle, account_key(EMAIL)).failures == 1


def test_wait_holds_while_redis_is_down(make_app: MakeApp, client: FlaskClient, failed: Callable[..., None]) -> None:
    failed(FREE_FAILURES, wait=timedelta(seconds=30))
    assert guess(make_app(REDIS_URL="unix:///nowhere/redis.sock").test_client()).status_code == 429


def test_guesses_sent_at_once_are_all_counted(sessions: sessionmaker[Session]) -> None:
    guesses = 3 * FREE_FAILURES
    start, passed = Barrier(guesses), []

    def attempt() -> None:
        start.wait()
        with sessions() as session:
            try:
                count_attempt(session, EMAIL)
            except TooManyAttemptsError:
                return
            passed.append(True)

    threads = [Thread(target=attempt) for _ in range(guesses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) <= FREE_FAILURES
