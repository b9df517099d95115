"""The API's sign-in: tokens given, refused, expired, forged and revoked."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import PASSWORD, SECRET, ClientFor, MakeApp, Rows, assert_problem

from ml.db.base import utc_now
from webapp.models import LoginSession, User

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def claims(login: LoginSession, **changes: object) -> dict[str, object]:
    now = int(utc_now().timestamp())
    given = {"sub": str(login.user_id), "sid": login.id, "type": "access", "iat": now, "nbf": now, "exp": now + 60}
    return {**given, "jti": "x", "fresh": False, "role": login.user.role_name, **changes}


def test_login_gives_a_token_that_the_api_takes(client: FlaskClient, make_user: Callable[[str], User]) -> None:
    make_user("planner")
    answer = client.post(LOGIN, json={"email": " Planner@Example.com", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 900

    me = client.get(ME, headers=bearer(answer.json["access_token"]))
    assert me.status_code == 200
    assert me.json["email"] == "planner@example.com"
    assert "sales:import" in me.json["permissions"]


@pytest.mark.parametrize("email", ["planner@example.com", "nobody@example.com"])
def test_wrong_password_and_unknown_address_look_the_same(
    client: FlaskClient, make_user: Callable[[str], User], email: str
) -> None:
    make_user("planner")
    answer = client.post(LOGIN, json={"email": email, "password": "wrong password"})
    document = assert_problem(answer, 401, "wrong-credentials")
    assert document["detail"] == "the e-mail address or the password is wrong."


def test_account_that_is_switched_off_cannot_sign_in(
    client: FlaskClient, rows: Rows, make_user: Callable[[str], User]
) -> None:
    rows.change(User, make_user("planner").id, active=False)
    assert client.post(LOGIN, json={"email": "planner@example.com", "password": PASSWORD}).status_code == 401


def test_logout_revokes_the_token(api: ClientFor) -> None:
    client = api("viewer")
    assert client.post("/api/v1/auth/logout").status_code == 204
    answer = client.get(ME)
    assert_problem(answer, 401, "revoked-token")


def test_a_token_that_was_good_expires(api: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api("viewer")
    assert client.get(ME).status_code == 200
    later = time.time() + 24 * 3600
    monkeypatch.setattr("webapp.auth.tokens.time", SimpleNamespace(time=lambda: later))
    assert_problem(client.get(ME), 401, "expired-token")


def test_a_token_is_good_under_the_key_that_signed_it_alone(api: ClientFor, make_app: MakeApp) -> None:
    client = api("viewer")
    assert client.get(ME).status_code == 200
    other = make_app(SECRET_KEY="another key, of as many characters as are asked for").test_client()
    headers = {"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
    assert_problem(other.get(ME, headers=headers), 401, "invalid-token")


def test_missing_token_says_what_to_send(client: FlaskClient) -> None:
    answer = client.get(ME)
    document = assert_problem(answer, 401, "missing-token")
    assert "Authorization: Bearer" in document["detail"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "Bearer ..", "x" * 5000])
def test_malformed_authorization_is_refused(client: FlaskClient, header: str) -> None:
    answer = client.get(ME, headers={"Authorization": header})
    assert_problem(answer, 401, "invalid-token")


def test_expired_token_is_refused_and_named_so(
    client: FlaskClient, open_sign_in: Callable[[str], LoginSession]
) -> None:
    login = open_sign_in("viewer")
    token = jwt.encode(claims(login, exp=int(utc_now().timestamp()) - 5), SECRET, "HS256")
    answer = client.get(ME, headers=bearer(token))
    assert_problem(answer, 401, "expired-token")


def unsigned(body: dict[str, object]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, body)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_tokens_signed_otherwise_are_refused(client: FlaskClient, open_sign_in: Callable[[str], LoginSession]) -> None:
    login = open_sign_in("viewer")
    forged = [
        unsigned(claims(login)),
        jwt.encode(claims(login), "another secret, of thirty-two characters", "HS256"),
        jwt.encode(claims(login), SECRET * 2, "HS512"),
        jwt.encode(claims(login, type="refresh"), SECRET, "HS256"),
        jwt.encode(claims(login, sub="999"), SECRET, "HS256"),
        jwt.encode(claims(login, sid="unknown"), SECRET, "HS256"),
    ]
    for token in forged:
        assert client.get(ME, headers=bearer(token)).status_code == 401


def test_role_edited_into_a_token_gives_nothing(
    client: FlaskClient, open_sign_in: Callable[[str], LoginSession]
) -> None:
    token = jwt.encode(claims(open_sign_in("viewer"), role="admin"), SECRET, "HS256")
    assert client.get(ME, headers=bearer(token)).json["role"] == "viewer"
    assert client.post("/api/v1/train", json={}, headers=bearer(token)).status_code == 403


def test_changed_role_counts_at_once(api: ClientFor, rows: Rows, make_user: Callable[[str], User]) -> None:
    client = api("admin")
    rows.change(User, make_user("admin").id, role_name="viewer")
    assert client.get(ME).json["role"] == "viewer"


def test_sign_in_that_is_over_is_refused(
    client: FlaskClient, rows: Rows, open_sign_in: Callable[[str], LoginSession]
) -> None:
    login = open_sign_in("viewer")
    token = jwt.encode(claims(login), SECRET, "HS256")
    rows.change(LoginSession, login.id, expires_at=utc_now() - timedelta(seconds=1))
    assert_problem(client.get(ME, headers=bearer(token)), 401, "expired-token")


def test_cookies_do_not_open_the_api(browser: ClientFor) -> None:
    assert browser("admin").get(ME).status_code == 401


def test_without_a_secret_nobody_signs_in(make_app: MakeApp, app: Flask) -> None:
    answer = make_app(SECRET_KEY="").test_client().get("/api/v1/auth/me")
    assert "SECRET_KEY" in assert_problem(answer, 500, "configuration")["detail"]
