"""Writes on pages that another site makes a browser send are refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import PASSWORD, ClientFor, Rows, upload

from webapp.models import User
from worker.models import JobRun

TOKEN = "HTTP_X_CSRF_TOKEN"
TRAIN = "/models/train"


@pytest.fixture
def planner(browser: ClientFor) -> FlaskClient:
    return browser("planner")


def test_token_in_the_header_is_taken(planner: FlaskClient, rows: Rows) -> None:
    assert planner.post(TRAIN, data={"grain": "monthly"}).status_code in {204, 303}
    assert rows.count(JobRun) == 1


def test_token_in_a_hidden_field_is_taken(planner: FlaskClient, rows: Rows) -> None:
    token = planner.environ_base.pop(TOKEN)
    assert planner.post(TRAIN, data={"grain": "monthly", "csrf_token": token}).status_code in {204, 303}
    assert rows.count(JobRun) == 1


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
def test_write_without_the_right_token_is_refused(planner: FlaskClient, rows: Rows, token: str | None) -> None:
    del planner.environ_base[TOKEN]
    data = {"grain": "monthly"} if token is None else {"grain": "monthly", "csrf_token": token}
    answer = planner.post(TRAIN, data=data)
    assert answer.status_code == 403
    assert "Load the page again" in answer.get_data(as_text=True)
    assert rows.count(JobRun) == 0


def test_token_of_another_sign_in_is_refused(planner: FlaskClient, browser: ClientFor) -> None:
    planner.environ_base[TOKEN] = browser("planner").environ_base[TOKEN]
    assert planner.post(TRAIN, data={"grain": "monthly"}).status_code == 403


def test_logout_needs_the_token(planner: FlaskClient) -> None:
    token = planner.environ_base.pop(TOKEN)
    assert planner.post("/logout").status_code == 403
    assert planner.get("/jobs").status_code == 200
    assert planner.post("/logout", data={"csrf_token": token}).status_code == 303


def test_every_write_of_pages_needs_the_token(app: Flask, browser: ClientFor) -> None:
    admin = browser("admin")
    del admin.environ_base[TOKEN]
    writes = [
        rule
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
        and not rule.rule.startswith(("/api/", "/login", "/register"))
    ]
    assert writes
    for rule in writes:
        path = rule.build(dict.fromkeys(rule.arguments, 1))
        assert path is not None
        assert admin.post(path[1]).status_code == 403, rule


def test_pages_are_compressed_and_hold_the_token_under_another_mask_each_time(planner: FlaskClient) -> None:
    def tokens() -> set[str]:
        return set(re.findall(r'name="csrf_token" value="([0-9a-f]+)"', planner.get("/account").text))

    first, second = tokens(), tokens()
    assert len(first) == len(second) == 1, "all forms of a page share a token"
    assert first != second
    del planner.environ_base[TOKEN]
    for token in (*first, *second):
        assert planner.post("/theme", data={"theme": "dark", "csrf_token": token}).status_code == 303
        assert planner.post("/theme", data={"theme": "dark", "csrf_token": token[:-2]}).status_code == 403
    packed = planner.get("/account", headers={"Accept-Encoding": "br"})
    assert packed.headers["Content-Encoding"] == "br"
    assert len(packed.data) < len(planner.get("/account").data) / 3


def test_upload_without_a_token_is_refused(planner: FlaskClient) -> None:
    del planner.environ_base[TOKEN]
    assert planner.post("/imports", **upload()).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({}, 303),
    ],
)
def test_login_form_is_taken_from_this_site_only(
    client: FlaskClient, make_user: Callable[[str], User], headers: dict[str, str], status: int
) -> None:
    make_user("planner")
    form = {"email": "planner@example.com", "password": PASSWORD}
    assert client.post("/login", data=form, headers=headers).status_code == status
