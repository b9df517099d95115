"""The pages of one's own account and of administration."""

from __future__ import annotations

from collections.abc import Callable

from web_fixtures import PASSWORD, ClientFor, Rows

from ml.db.audit import AuditEntry
from webapp.auth.passwords import verify_password
from webapp.models import User

NEW = "quite another passphrase"


def test_the_password_is_changed_by_who_knows_it(
    browser: ClientFor, make_user: Callable[[str], User], rows: Rows
) -> None:
    planner, user = browser("planner"), make_user("planner")
    sent = {"current_password": PASSWORD, "new_password": NEW, "repeated": NEW}
    answer = planner.post("/account/password", data=sent)
    assert "The password is changed" in planner.get(answer.headers["Location"]).text
    assert verify_password(rows.get(User, user.id).password_hash, NEW)


def test_what_is_wrong_with_a_password_is_said_beside_its_field(browser: ClientFor) -> None:
    planner = browser("planner")
    wrong = planner.post("/account/password", data={"current_password": "x", "new_password": NEW, "repeated": NEW})
    assert (wrong.status_code, 'id="current_password-error"' in wrong.text) == (422, True)
    short = {"current_password": PASSWORD, "new_password": "short", "repeated": "short"}
    assert 'id="new_password-error"' in planner.post("/account/password", data=short).text
    differs = {**short, "repeated": "other"}
    assert 'id="repeated-error"' in planner.post("/account/password", data=differs).text


def test_accounts_are_found_and_changed(browser: ClientFor, make_user: Callable[[str], User], rows: Rows) -> None:
    admin, viewer = browser("admin"), make_user("viewer")
    page = admin.get("/admin/users?role=viewer").text
    assert "viewer@example.com" in page
    assert 'href="/admin/users/1"' not in page or viewer.id == 1
    assert "Nobody found" in admin.get("/admin/users?q=nobody").text
    answer = admin.post(f"/admin/users/{viewer.id}", data={"name": "Vera", "role": "planner"})
    assert "Saved." in admin.get(answer.headers["Location"]).text
    changed = rows.get(User, viewer.id)
    assert (changed.name, changed.role_name, changed.active) == ("Vera", "planner", False)
    assert rows.last(AuditEntry).action == "update"


def test_the_last_administrator_stays_one(browser: ClientFor, make_user: Callable[[str], User], rows: Rows) -> None:
    admin, own = browser("admin"), make_user("admin")
    answer = admin.post(f"/admin/users/{own.id}", data={"name": "A", "role": "viewer", "active": "1"})
    assert answer.status_code == 409
    assert 'id="role-error"' in answer.text
    assert rows.get(User, own.id).role_name == "admin"


def test_the_audit_log_is_filtered_by_its_address(browser: ClientFor, rows: Rows) -> None:
    entry = {"entity_id": "7", "request_id": "", "address": "10.0.0.1"}
    rows.add(AuditEntry(actor="ann", action="promote", entity="model", after={"version": 3}, **entry))
    rows.add(AuditEntry(actor="ben", action="delete", entity="source", **entry))
    page = browser("admin").get("/admin/audit?actor=ann").text
    assert "promote" in page
    assert "delete" not in page.replace("Undelete", "")
    assert "Nothing found" in browser("admin").get("/admin/audit?entity=nothing").text


def test_others_have_no_administration(browser: ClientFor) -> None:
    operator = browser("operator")
    assert operator.get("/admin/users").status_code == 403
    assert "Administration" not in operator.get("/account").text
