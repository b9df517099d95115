"""Signing in and out on pages, and the theme."""

from __future__ import annotations

from flask.testing import FlaskClient
from web_fixtures import PASSWORD, ClientFor

WRONG = "The e-mail address or the password is wrong."


def sign_in(client: FlaskClient, **fields: str) -> tuple[int, str]:
    answer = client.post("/login", data={"email": "viewer@example.com", "password": PASSWORD, **fields})
    return answer.status_code, answer.headers.get("Location", "")


def test_sign_in_leads_to_the_page_that_was_asked_for(client: FlaskClient, browser: ClientFor) -> None:
    browser("viewer")
    assert client.get("/jobs?state=failed").headers["Location"] == "/login?next=%2Fjobs%3Fstate%3Dfailed"
    assert sign_in(client, next="/jobs?state=failed") == (303, "/jobs?state=failed")
    assert client.get("/jobs").status_code == 200


def test_sign_in_leads_to_no_other_site(client: FlaskClient, browser: ClientFor) -> None:
    browser("viewer")
    assert sign_in(client, next="//evil.example/") == (303, "/")


def test_wrong_password_is_said_beside_the_form_and_keeps_the_address(client: FlaskClient, browser: ClientFor) -> None:
    browser("viewer")
    answer = client.post("/login", data={"email": "viewer@example.com", "password": "wrong"})
    assert answer.status_code == 401
    assert WRONG in answer.text
    assert 'value="viewer@example.com"' in answer.text


def test_whoever_is_signed_in_goes_on_at_once(browser: ClientFor) -> None:
    assert browser("viewer").get("/login?next=/models").headers["Location"] == "/models"


def test_sign_out_ends_the_session_on_the_server_too(browser: ClientFor) -> None:
    viewer = browser("viewer")
    cookie = viewer.get_cookie("access_token_cookie")
    assert cookie is not None
    assert viewer.post("/logout").headers["Location"] == "/login"
    viewer.set_cookie("access_token_cookie", cookie.value)
    assert viewer.get("/").headers["Location"] == "/login"


def test_theme_is_kept_in_a_cookie_and_in_the_first_byte(browser: ClientFor) -> None:
    viewer = browser("viewer")
    assert "data-bs-theme" not in viewer.get("/models").text
    answer = viewer.post("/theme", data={"theme": "dark", "next": "/models"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/models")
    assert '<html lang="en" data-bs-theme="dark">' in viewer.get("/models").text


def test_an_unknown_theme_means_automatic(browser: ClientFor) -> None:
    viewer = browser("viewer")
    viewer.post("/theme", data={"theme": '"><script>'})
    assert "data-bs-theme" not in viewer.get("/models").text
