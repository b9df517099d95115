"""Signing in on pages: cookies, renewal, where to go next, and who may see what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from web_fixtures import PASSWORD, SECRET, ClientFor, MakeApp, Rows
from werkzeug.test import TestResponse

from ml.db.base import utc_now
from webapp.models import LoginSession, User

ACCESS, REFRESH = "access_token_cookie", "refresh_token_cookie"
HTMX = {"HX-Request": "true"}


def sign_in(client: FlaskClient, next_url: str = "/jobs", password: str = PASSWORD) -> TestResponse:
    form = {"email": "planner@example.com", "password": password, "next": next_url}
    return client.post("/login", data=form)


def expired(login: LoginSession, role: str = "planner") -> str:
    then = int((utc_now() - timedelta(minutes=1)).timestamp())
    claims = {"sub": str(login.user_id), "sid": login.id, "role": role, "type": "access", "exp": then, "iat": then - 60}
    return jwt.encode(claims, SECRET, "HS256")


def test_sign_in_sets_cookies_that_scripts_and_other_sites_cannot_use(
    client: FlaskClient, make_user: Callable[[str], User]
) -> None:
    make_user("planner")
    answer = sign_in(client)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/jobs"
    cookies = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {ACCESS, REFRESH}
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)
    assert client.get("/jobs").status_code == 200


def test_cookies_are_secure_where_https_is_configured(make_app: MakeApp, make_user: Callable[[str], User]) -> None:
    make_user("planner")
    answer = sign_in(make_app(FORECASTLE_HTTPS="1").test_client())
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_wrong_password_shows_the_form_again(client: FlaskClient, make_user: Callable[[str], User]) -> None:
    make_user("planner")
    answer = sign_in(client, password="wrong password")
    assert answer.status_code == 401
    assert "the password is wrong" in answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "evil", ""])
def test_next_never_leads_to_another_site(client: FlaskClient, make_user: Callable[[str], User], target: str) -> None:
    make_user("planner")
    assert sign_in(client, target).headers["Location"] == "/"


def test_page_without_sign_in_leads_to_the_form_and_back(client: FlaskClient) -> None:
    answer = client.get("/jobs?state=failed")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Fjobs%3Fstate%3Dfailed"
    assert client.get("/").headers["Location"] == "/login"


def test_fragment_without_sign_in_makes_htmx_load_the_form(client: FlaskClient) -> None:
    answer = client.get("/jobs", headers={**HTMX, "HX-Current-URL": "https://forecastle.example/jobs?state=failed"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=%2Fjobs%3Fstate%3Dfailed"


def test_expired_access_token_is_renewed_before_the_view_runs(
    browser: ClientFor, open_sign_in: Callable[[str], LoginSession]
) -> None:
    client = browser("planner")
    client.set_cookie(ACCESS, expired(open_sign_in("planner")))
    answer = client.get("/jobs")
    assert answer.status_code == 200
    assert answer.headers["Set-Cookie"].startswith(ACCESS)
    assert "Set-Cookie" not in client.get("/jobs").headers


def test_expired_access_token_does_not_break_an_open_form(
    browser: ClientFor, open_sign_in: Callable[[str], LoginSession]
) -> None:
    client = browser("planner")
    client.set_cookie(ACCESS, expired(open_sign_in("planner")))
    assert client.post("/models/train", data={"grain": "monthly"}).status_code in {204, 303}


def test_revoked_sign_in_is_not_renewed(browser: ClientFor, rows: Rows, sessions: Callable[[], Session]) -> None:
    client = browser("planner")
    with sessions() as session:
        ids = [login.id for login in session.query(LoginSession)]
    for login_id in ids:
        rows.change(LoginSession, login_id, revoked_at=utc_now())
    answer = client.get("/jobs")
    assert answer.status_code == 303
    assert client.get_cookie(ACCESS) is None
    assert client.get_cookie(REFRESH) is None


def test_access_token_in_the_place_of_the_refresh_token_is_refused(browser: ClientFor) -> None:
    client = browser("planner")
    access = client.get_cookie(ACCESS)
    assert access is not None
    client.set_cookie(REFRESH, access.value)
    client.delete_cookie(ACCESS)
    assert client.get("/jobs").status_code == 303


def test_api_token_in_a_header_does_not_open_pages(api: ClientFor) -> None:
    assert api("admin").get("/jobs").status_code == 303


def test_logout_ends_the_sign_in_everywhere(browser: ClientFor) -> None:
    client = browser("viewer")
    cookies = {name: client.get_cookie(name).value for name in (ACCESS, REFRESH)}  # type: ignore[union-attr]
    assert client.post("/logout").status_code == 303
    assert client.get_cookie(ACCESS) is None
    for name, value in cookies.items():
        client.set_cookie(name, value)
    assert client.get("/jobs").status_code == 303


def test_page_that_the_role_may_not_use_says_so(browser: ClientFor) -> None:
    answer = browser("viewer").post("/models/train", data={"grain": "monthly"})
    assert answer.status_code == 403
    assert answer.mimetype == "text/html"
    assert "forecasts:make" in answer.get_data(as_text=True)


def test_unknown_page_is_a_page(client: FlaskClient) -> None:
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"


def test_signed_in_reader_of_a_public_page_is_known(app: Flask, browser: ClientFor) -> None:
    assert browser("viewer").get("/login").status_code == 303


def test_malformed_addresses_in_headers_break_nothing(client: FlaskClient) -> None:
    fragment = client.get("/jobs", headers={"HX-Request": "true", "HX-Current-URL": "http://["})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/login")
    assert client.post("/login", headers={"Origin": "http://["}).status_code == 403


def test_an_address_with_nul_is_no_account(client: FlaskClient) -> None:
    assert client.post("/login", data={"email": "nobody\0@example.com", "password": "\0"}).status_code == 401


def test_a_large_body_is_refused_where_nothing_is_uploaded(client: FlaskClient) -> None:
    assert client.post("/login", data={"email": "a@b", "password": "x" * (3 << 20)}).status_code == 413
    body = {"data": b"x" * (3 << 20), "content_type": "application/json"}
    assert client.post("/api/v1/auth/login", **body).status_code == 413
