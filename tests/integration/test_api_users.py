"""Accounts, invitations and passwords by API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import PASSWORD, ClientFor, MakeApp, Rows, assert_problem

from ml.db.audit import AuditEntry
from ml.db.base import utc_now
from webapp.models import Invitation, LoginSession, User

USERS, INVITATIONS = "/api/v1/users", "/api/v1/invitations"
REGISTER = "/api/v1/auth/register"
NEW = {"email": "Ann@Example.com", "password": "a long enough password", "role": "planner", "name": "Ann"}


def login(client: FlaskClient, email: str, password: str) -> int:
    return client.post("/api/v1/auth/login", json={"email": email, "password": password}).status_code


def test_an_administrator_makes_an_account_that_signs_in(api: ClientFor, client: FlaskClient, rows: Rows) -> None:
    answer = api("admin").post(USERS, json={**NEW, "scope": {"regions": ["East "]}})
    assert answer.status_code == 201
    assert answer.json["email"] == "ann@example.com"
    assert answer.json["scope"] == {"regions": ["East"], "territories": []}
    assert login(client, "ann@example.com", NEW["password"]) == 200
    made = next(
        row
        for number in range(rows.last(AuditEntry).id, 0, -1)
        if (row := rows.get(AuditEntry, number)).action == "create"
    )
    assert (made.actor, made.entity, made.entity_id) == ("admin@example.com", "user", str(answer.json["id"]))
    assert made.after["scope"] == {"regions": ["East"], "territories": []}
    assert NEW["password"] not in repr(made.after)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"password": "short"}, 422),
        ({"email": "nobody"}, 422),
        ({"role": "emperor"}, 422),
        ({"scope": {}}, 422),
        ({"role": "admin", "scope": {"regions": ["East"]}}, 422),
        ({"email": "admin@example.com"}, 409),
    ],
)
def test_accounts_that_cannot_be(api: ClientFor, rows: Rows, change: dict[str, object], status: int) -> None:
    client = api("admin")
    before = rows.count(User)
    assert client.post(USERS, json={**NEW, **change}).status_code == status
    assert rows.count(User) == before


def test_role_scope_and_switch_count_from_the_next_request(
    api: ClientFor, make_user: Callable[[str], User], rows: Rows
) -> None:
    admin, planner = api("admin"), api("planner")
    path = f"{USERS}/{make_user('planner').id}"
    assert admin.patch(path, json={"role": "viewer", "scope": {"regions": ["East"]}}).status_code == 200
    me = planner.get("/api/v1/auth/me").json
    assert (me["role"], me["scope"]["regions"]) == ("viewer", ["East"])
    entry = rows.last(AuditEntry)
    assert (entry.before, entry.after) == (
        {"role_name": "planner", "scope": None},
        {"role_name": "viewer", "scope": {"regions": ["East"], "territories": []}},
    )
    assert admin.patch(path, json={"scope": None}).json["scope"] is None
    assert admin.patch(path, json={"active": False}).json["active"] is False
    assert_problem(planner.get("/api/v1/auth/me"), 401, "revoked-token")


def test_the_last_administrator_stays(api: ClientFor, make_user: Callable[[str], User], rows: Rows) -> None:
    admin, path = api("admin"), f"{USERS}/{make_user('admin').id}"
    for change in ({"active": False}, {"role": "viewer"}):
        assert admin.patch(path, json=change).status_code == 409
    assert rows.get(User, make_user("admin").id).active


def test_lists_are_filtered_and_paged(api: ClientFor, make_user: Callable[[str], User]) -> None:
    for role in ("viewer", "planner", "operator"):
        make_user(role)
    admin = api("admin")
    assert [item["role"] for item in admin.get(f"{USERS}?q=PLANNER").json["items"]] == ["planner"]
    assert [item["role"] for item in admin.get(f"{USERS}?role=operator&active=true").json["items"]] == ["operator"]
    assert admin.get(f"{USERS}?active=false").json["items"] == []
    first = admin.get(f"{USERS}?limit=3").json
    rest = admin.get(f"{USERS}?limit=3&cursor={first['next_cursor']}").json
    assert len(first["items"]) + len(rest["items"]) == 4
    assert rest["next_cursor"] is None
    assert_problem(admin.get(f"{USERS}/999"), 404, "not-found")


def test_ones_own_password_ends_the_other_sign_ins(api: ClientFor, client: FlaskClient) -> None:
    here, there = api("planner"), api("planner")
    new = "another good password"
    wrong = here.post("/api/v1/auth/password", json={"current_password": "guess", "new_password": new})
    assert assert_problem(wrong, 422, "invalid-request")["errors"][0]["field"] == "current_password"
    right = {"current_password": PASSWORD, "new_password": new}
    assert here.post("/api/v1/auth/password", json=right).status_code == 204
    assert here.get("/api/v1/auth/me").status_code == 200
    assert there.get("/api/v1/auth/me").status_code == 401
    assert login(client, "planner@example.com", new) == 200
    assert login(client, "planner@example.com", PASSWORD) == 401


def test_guesses_at_ones_own_password_are_slowed(api: ClientFor) -> None:
    client = api("viewer")
    body = {"current_password": "guess", "new_password": "another good password"}
    statuses = [client.post("/api/v1/auth/password", json=body).status_code for _ in range(7)]
    assert statuses[0] == 422
    assert 429 in statuses


def test_a_password_set_by_an_administrator_ends_all_sign_ins(
    api: ClientFor, client: FlaskClient, make_user: Callable[[str], User], rows: Rows
) -> None:
    planner, path = api("planner"), f"{USERS}/{make_user('planner').id}/password"
    assert api("admin").put(path, json={"password": "set by somebody"}).status_code == 204
    assert planner.get("/api/v1/auth/me").status_code == 401
    assert login(client, "planner@example.com", "set by somebody") == 200
    assert rows.count(LoginSession) == 3


@pytest.fixture
def invitation(api: ClientFor) -> str:
    """The token of an invitation of ann@example.com as a planner of the East."""
    body = {"email": "ann@example.com", "role": "planner", "scope": {"regions": ["East"]}}
    return api("admin").post(INVITATIONS, json=body).json["token"]


def test_an_invitation_lets_one_person_in_once(client: FlaskClient, invitation: str) -> None:
    body = {"email": "ann@example.com", "password": "a long enough password", "invitation": invitation}
    other = client.post(REGISTER, json={**body, "email": "eve@example.com"})
    assert_problem(other, 403, "invalid-invitation")
    answer = client.post(REGISTER, json=body)
    assert answer.status_code == 201
    assert (answer.json["role"], answer.json["scope"]["regions"]) == ("planner", ["East"])
    assert_problem(client.post(REGISTER, json=body), 403, "invalid-invitation")


def test_a_failed_registration_leaves_the_invitation_good(client: FlaskClient, invitation: str) -> None:
    body = {"email": "ann@example.com", "password": "short", "invitation": invitation}
    assert client.post(REGISTER, json=body).status_code == 422
    assert client.post(REGISTER, json={**body, "password": "a long enough password"}).status_code == 201


def test_invitations_end(client: FlaskClient, api: ClientFor, invitation: str, rows: Rows) -> None:
    row = rows.last(Invitation)
    body = {"email": "ann@example.com", "password": "a long enough password", "invitation": invitation}
    rows.change(Invitation, row.id, expires_at=utc_now() - timedelta(seconds=1))
    assert_problem(client.post(REGISTER, json=body), 403, "invalid-invitation")
    admin = api("admin")
    assert [item["email"] for item in admin.get(INVITATIONS).json["items"]] == ["ann@example.com"]
    assert admin.delete(f"{INVITATIONS}/{row.id}").status_code == 204
    assert rows.count(Invitation) == 0


def test_without_an_invitation_nobody_registers_by_default(client: FlaskClient, rows: Rows) -> None:
    body = {"email": "eve@example.com", "password": "a long enough password"}
    assert_problem(client.post(REGISTER, json=body), 422, "invalid-request")
    assert rows.count(User) == 0


def test_open_registration_makes_viewers(app: Flask, make_app: MakeApp) -> None:
    body = {"email": "eve@example.com", "password": "a long enough password"}
    client = make_app(REGISTRATION="open").test_client()
    assert client.post(REGISTER, json=body).json["role"] == "viewer"
    assert_problem(client.post(REGISTER, json=body), 409, "conflict")


def test_closed_registration_takes_no_invitation_either(make_app: MakeApp, app: Flask, invitation: str) -> None:
    body = {"email": "ann@example.com", "password": "a long enough password", "invitation": invitation}
    answer = make_app(REGISTRATION="closed").test_client().post(REGISTER, json=body)
    assert_problem(answer, 403, "registration-closed")
