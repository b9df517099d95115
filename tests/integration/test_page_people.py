"""Making accounts on pages: with a password, by invitation, with limits."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from factories import Sale, load_sales
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from web_fixtures import PASSWORD, ClientFor, MakeApp, Rows

from ml.db.base import utc_now
from webapp.auth.passwords import verify_password
from webapp.auth.permissions import PERMISSIONS
from webapp.models import Invitation, User
from webapp.pages.access_form import PERMISSION_NAMES

NEW = "/admin/users/new"
ANN = {"email": "Ann@example.com", "name": "Ann", "role": "planner", "sees": "all"}


@pytest.fixture
def places(session: Session) -> None:
    load_sales(session, [Sale(date(2024, 1, 1), 5.0, "East", name, "A") for name in ("Ohio", "Maine")])


def test_an_account_is_made_with_a_password_and_limits(browser: ClientFor, places: None, rows: Rows) -> None:
    admin = browser("admin")
    assert "Ohio" in admin.get(NEW).text
    sent = ANN | {"by": "password", "password": PASSWORD, "sees": "some", "territory": "East\tOhio"}
    answer = admin.post(NEW, data=sent)
    made = rows.last(User)
    assert answer.headers["Location"].startswith(f"/admin/users/{made.id}")
    assert (made.email, made.role_name) == ("ann@example.com", "planner")
    assert made.scope == {"regions": [], "territories": [["East", "Ohio"]]}
    page = admin.get(f"/admin/users/{made.id}").text
    assert re.search(r'value="East\s?&#9;Ohio" checked|value="East\tOhio" checked', page), page
    assert "Ohio" in admin.get("/admin/users").text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "admin@example.com"}, "email"),
        ({"by": "password", "password": "short"}, "password"),
        ({"sees": "some"}, "scope"),
        ({"role": "admin", "sees": "some", "region": "East"}, "scope"),
        ({"role": "emperor"}, "role"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    browser: ClientFor, rows: Rows, changed: dict[str, str], field: str
) -> None:
    admin = browser("admin")
    before = rows.count(User)
    answer = admin.post(NEW, data=ANN | {"by": "invitation"} | changed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert (rows.count(User), rows.count(Invitation)) == (before, 0)


def invite(admin: FlaskClient, **changes: str) -> str:
    """The path of the link that an invitation is handed on by."""
    answer = admin.post(NEW, data=ANN | {"by": "invitation"} | changes)
    assert answer.status_code == 201
    found = re.search(r'<textarea[^>]* id="link"[^>]*>([^<]+)<', answer.text)
    assert found is not None
    parts = urlsplit(html.unescape(found[1]))
    return f"{parts.path}?{parts.query}"


def token_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["invitation"][0]


def test_an_invitation_leads_to_an_account_that_is_signed_in(
    browser: ClientFor, client: FlaskClient, rows: Rows
) -> None:
    link = invite(browser("admin"), sees="some", region="East")
    page = client.get(link).text
    assert 'value="ann@example.com"' in page
    typed = {"invitation": token_of(link), "email": "ann@example.com", "name": "Ann", "password": PASSWORD}
    differs = client.post("/register", data=typed | {"repeated": "other"})
    assert (differs.status_code, 'id="repeated-error"' in differs.text) == (422, True)
    short = client.post("/register", data=typed | {"password": "short", "repeated": "short"})
    assert (short.status_code, 'id="password-error"' in short.text) == (422, True)

    answer = client.post("/register", data=typed | {"repeated": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    made = rows.last(User)
    assert (made.role_name, made.scope["regions"]) == ("planner", ["East"])
    assert verify_password(made.password_hash, PASSWORD)
    assert "ann@example.com" in client.get("/account").text
    assert "used, withdrawn, or is too old" in client.get(link).text


def test_an_invitation_is_withdrawn_and_says_when_it_is_over(
    browser: ClientFor, client: FlaskClient, rows: Rows
) -> None:
    admin = browser("admin")
    link = invite(admin)
    row = rows.last(Invitation)
    assert f"/admin/invitations/{row.id}/withdraw" in admin.get("/admin/invitations").text
    rows.change(Invitation, row.id, expires_at=utc_now() - timedelta(hours=1))
    assert "Expired" in admin.get("/admin/invitations").text
    rows.change(Invitation, row.id, expires_at=utc_now() + timedelta(hours=1))
    assert admin.post(f"/admin/invitations/{row.id}/withdraw").status_code == 303
    assert "used, withdrawn, or is too old" in client.get(link).text
    typed = {"invitation": token_of(link), "email": "ann@example.com", "password": PASSWORD, "repeated": PASSWORD}
    assert client.post("/register", data=typed).status_code == 403


@pytest.mark.parametrize(("mode", "form"), [("invitation", False), ("open", True), ("closed", False)])
def test_registration_is_as_open_as_the_settings_say(
    app: Flask, make_app: MakeApp, mode: str, form: bool, rows: Rows
) -> None:
    client = make_app(REGISTRATION=mode).test_client()
    assert ('name="password"' in client.get("/register").text) == form
    assert ("/register" in client.get("/login").text) == form
    typed = {"email": "zoe@example.com", "name": "Zoe", "password": PASSWORD, "repeated": PASSWORD}
    answer = client.post("/register", data=typed)
    assert (answer.status_code == 303) == form
    assert (rows.count(User) == 1) == form


def test_another_site_cannot_register_somebody(client: FlaskClient) -> None:
    answer = client.post("/register", data={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_limits_of_an_account_are_changed_and_lifted(
    browser: ClientFor, places: None, make_user: Callable[[str], User], rows: Rows
) -> None:
    admin, viewer = browser("admin"), make_user("viewer")
    path, kept = f"/admin/users/{viewer.id}", {"name": "V", "role": "viewer", "active": "1"}
    assert admin.post(path, data=kept | {"sees": "some", "region": "East"}).status_code == 303
    assert rows.get(User, viewer.id).scope == {"regions": ["East"], "territories": []}
    nothing = admin.post(path, data=kept | {"sees": "some"})
    assert (nothing.status_code, 'id="scope-error"' in nothing.text) == (422, True)
    assert admin.post(path, data=kept | {"sees": "all"}).status_code == 303
    assert rows.get(User, viewer.id).scope is None


def test_a_password_is_given(browser: ClientFor, make_user: Callable[[str], User], rows: Rows) -> None:
    admin, viewer, user = browser("admin"), browser("viewer"), make_user("viewer")
    path = f"/admin/users/{user.id}/password"
    assert 'id="password-error"' in admin.post(path, data={"password": "short"}).text
    assert admin.post(path, data={"password": "given by somebody"}).status_code == 303
    assert verify_password(rows.get(User, user.id).password_hash, "given by somebody")
    assert viewer.get("/account").headers["Location"].startswith("/login")


def test_a_password_that_is_refused_leaves_the_limits_ticked(
    browser: ClientFor, places: None, make_user: Callable[[str], User]
) -> None:
    admin, user = browser("admin"), make_user("viewer")
    path = f"/admin/users/{user.id}"
    limited = {"name": "V", "role": "viewer", "active": "1", "sees": "some", "region": "East"}
    assert admin.post(path, data=limited).status_code == 303
    page = admin.post(f"{path}/password", data={"password": "short"}).text
    assert 'value="some" checked' in page
    assert 'name="region" value="East" checked' in page


def test_what_was_typed_of_an_account_is_there_after_a_mistake(
    browser: ClientFor, places: None, make_user: Callable[[str], User]
) -> None:
    admin, user = browser("admin"), make_user("viewer")
    typed = {"name": "Somebody else", "role": "planner", "sees": "some"}  # may not sign in, and no place is ticked
    page = admin.post(f"/admin/users/{user.id}", data=typed).text
    assert 'name="name" value="Somebody else"' in page
    assert '<option value="planner" selected>' in page
    assert 'name="active" value="1">' in page


def test_every_permission_has_words(browser: ClientFor) -> None:
    assert set(PERMISSION_NAMES) == PERMISSIONS["admin"]
    assert "Train, forecast, promote" in browser("admin").get("/admin/roles").text
