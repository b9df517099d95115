"""Service tokens on pages: made, shown once, used, revoked."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from web_fixtures import ClientFor, Rows

from ml.db.base import utc_now
from webapp.models import ServiceToken

NEW = "/admin/tokens/new"
ERP = {"name": "erp", "permission": ["sales:read"], "expires_in_days": "90", "sees": "all"}


def test_a_token_is_shown_once_works_and_is_revoked(app: Flask, browser: ClientFor, rows: Rows) -> None:
    admin = browser("admin")
    answer = admin.post(NEW, data=ERP | {"sees": "some", "region": "East"})
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    found = re.search(r"fct_[\w-]+(?=</textarea>)", answer.text)
    assert found is not None
    row = rows.last(ServiceToken)
    assert (row.name, row.permissions, row.scope["regions"]) == ("erp", ["sales:read"], ["East"])
    assert (row.expires_at - utc_now()).days == 89

    page = admin.get("/admin/tokens").text
    assert found[0] not in page
    assert "never" in page
    bearer = {"Authorization": f"Bearer {found[0]}"}
    assert app.test_client().get("/api/v1/sales", headers=bearer).status_code == 200
    assert "never" not in admin.get("/admin/tokens").text

    assert admin.post(f"/admin/tokens/{row.id}/revoke").status_code == 303
    assert app.test_client().get("/api/v1/sales", headers=bearer).status_code == 401
    page = admin.get("/admin/tokens").text
    assert "Revoked" in page
    assert f"/admin/tokens/{row.id}/revoke" not in page


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"permission": []}, "permissions"),
        ({"permission": ["users:manage"]}, "permissions"),
        ({"expires_in_days": "9999"}, "expires_in_days"),
        ({"sees": "some"}, "scope"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    browser: ClientFor, rows: Rows, changed: dict[str, object], field: str
) -> None:
    answer = browser("admin").post(NEW, data=ERP | changed)
    assert (answer.status_code, f'id="{field}-error"' in answer.text) == (422, True)
    assert rows.count(ServiceToken) == 0


def test_two_tokens_have_two_names(browser: ClientFor) -> None:
    admin = browser("admin")
    admin.post(NEW, data=ERP)
    again = admin.post(NEW, data=ERP)
    assert (again.status_code, 'id="name-error"' in again.text) == (422, True)
