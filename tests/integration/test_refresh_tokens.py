"""Refresh tokens: exchanged once each; one that comes again ends its sign-in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import PASSWORD, ClientFor, Rows, assert_problem

from ml.db.audit import AuditEntry
from ml.db.base import utc_now
from webapp.auth.opaque import token_hash
from webapp.models import LoginSession, RefreshToken, User
from webapp.services.refresh import SAME_MOMENT

REFRESH = "/api/v1/auth/refresh"
ME = "/api/v1/auth/me"
ACCESS, REFRESH_COOKIE = "access_token_cookie", "refresh_token_cookie"


@pytest.fixture
def signed_in(client: FlaskClient, make_user: Callable[[str], User]) -> dict[str, str]:
    """The answer to a sign-in."""
    make_user("planner")
    body = {"email": "planner@example.com", "password": PASSWORD}
    return client.post("/api/v1/auth/login", json=body).json


def works(client: FlaskClient, token: str) -> bool:
    return client.get(ME, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def exchange(client: FlaskClient, token: str) -> dict[str, str]:
    answer = client.post(REFRESH, json={"refresh_token": token})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json


def test_each_exchange_gives_both_tokens_anew(client: FlaskClient, signed_in: dict[str, str]) -> None:
    first = exchange(client, signed_in["refresh_token"])
    second = exchange(client, first["refresh_token"])
    assert len({signed_in["refresh_token"], first["refresh_token"], second["refresh_token"]}) == 3
    assert works(client, second["access_token"])


def test_only_a_hash_is_kept(signed_in: dict[str, str], rows: Rows) -> None:
    row = rows.last(RefreshToken)
    assert row.token_hash == token_hash(signed_in["refresh_token"])
    assert signed_in["refresh_token"] not in repr(vars(row))


def test_a_token_that_comes_again_ends_the_whole_sign_in(
    client: FlaskClient, signed_in: dict[str, str], rows: Rows
) -> None:
    stolen = signed_in["refresh_token"]
    new = exchange(client, stolen)
    assert_problem(client.post(REFRESH, json={"refresh_token": stolen}), 401, "reused-token")
    assert not works(client, new["access_token"])
    assert not works(client, signed_in["access_token"])
    assert_problem(client.post(REFRESH, json={"refresh_token": new["refresh_token"]}), 401, "revoked-token")
    assert rows.last(AuditEntry).action == "reused_token"


def test_other_sign_ins_of_the_account_go_on(client: FlaskClient, signed_in: dict[str, str], api: ClientFor) -> None:
    exchange(client, signed_in["refresh_token"])
    client.post(REFRESH, json={"refresh_token": signed_in["refresh_token"]})
    assert api("planner").get(ME).status_code == 200


@pytest.mark.parametrize("token", ["", "fcr_unknown", "fct_x", "a.b.c", "\0", "x" * 201])
def test_what_is_no_refresh_token_is_refused(client: FlaskClient, token: str) -> None:
    assert client.post(REFRESH, json={"refresh_token": token}).status_code in {401, 422}


def test_an_access_token_is_no_refresh_token(client: FlaskClient, signed_in: dict[str, str]) -> None:
    answer = client.post(REFRESH, json={"refresh_token": signed_in["access_token"]})
    assert answer.status_code in {401, 422}
    assert not works(client, signed_in["refresh_token"])


def test_logout_revokes_the_refresh_token(client: FlaskClient, signed_in: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    assert client.post("/api/v1/auth/logout", headers=headers).status_code == 204
    answer = client.post(REFRESH, json={"refresh_token": signed_in["refresh_token"]})
    assert_problem(answer, 401, "revoked-token")


def test_a_sign_in_ends_after_its_time_however_often_it_was_renewed(
    client: FlaskClient, signed_in: dict[str, str], rows: Rows
) -> None:
    new = exchange(client, signed_in["refresh_token"])
    rows.change(LoginSession, rows.last(LoginSession).id, expires_at=utc_now() - timedelta(seconds=1))
    assert_problem(client.post(REFRESH, json={"refresh_token": new["refresh_token"]}), 401, "expired-token")


def test_of_exchanges_sent_at_once_one_wins(
    app: Flask, signed_in: dict[str, str], sessions: sessionmaker[Session]
) -> None:
    start, statuses = Barrier(5), []

    def send() -> None:
        start.wait()
        answer = app.test_client().post(REFRESH, json={"refresh_token": signed_in["refresh_token"]})
        statuses.append(answer.status_code)

    threads = [Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 401, 401, 401, 401]
    with sessions() as session:
        assert session.scalar(sa.select(sa.func.count(RefreshToken.id))) == 2


def test_requests_of_one_page_at_once_do_not_end_the_sign_in(browser: ClientFor) -> None:
    """Fragments are fetched side by side: all bring the token that the first of them exchanges."""
    client = browser("planner")
    cookie = client.get_cookie(REFRESH_COOKIE)
    assert cookie is not None
    for _ in range(3):
        client.set_cookie(REFRESH_COOKIE, cookie.value)
        client.delete_cookie(ACCESS)
        assert client.get("/jobs").status_code == 200


def test_a_copied_cookie_ends_the_sign_in(browser: ClientFor, rows: Rows) -> None:
    client = browser("planner")
    copied = client.get_cookie(REFRESH_COOKIE)
    assert copied is not None
    client.delete_cookie(ACCESS)
    assert client.get("/jobs").status_code == 200
    used = rows.last(RefreshToken).id - 1
    rows.change(RefreshToken, used, used_at=utc_now() - SAME_MOMENT - timedelta(seconds=1))
    client.set_cookie(REFRESH_COOKIE, copied.value)
    client.delete_cookie(ACCESS)
    assert client.get("/jobs").status_code == 303
    assert rows.last(LoginSession).revoked_at is not None


def test_a_page_gets_both_cookies_when_it_renews(browser: ClientFor) -> None:
    client = browser("planner")
    client.delete_cookie(ACCESS)
    names = {cookie.partition("=")[0] for cookie in client.get("/jobs").headers.getlist("Set-Cookie")}
    assert names == {ACCESS, REFRESH_COOKIE}
