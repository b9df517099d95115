"""Service tokens, and the audit log of what is done with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.base import utc_now
from webapp.auth.opaque import token_hash
from webapp.models import ServiceToken

TOKENS = "/api/v1/tokens"
AUDIT = "/api/v1/audit"
ERP = {"name": "erp", "permissions": ["sales:read", "catalog:write"], "expires_in_days": 30}


@pytest.fixture
def erp(app: Flask, api: ClientFor) -> FlaskClient:
    """A system with a token of its own."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {make(api)['token']}"
    return client


def make(api: ClientFor, **changes: object) -> dict[str, Any]:
    answer = api("admin").post(TOKENS, json={**ERP, **changes})
    assert answer.status_code == 201, answer.json
    return answer.json


def test_a_token_opens_what_it_is_for_and_nothing_else(erp: FlaskClient) -> None:
    assert erp.get("/api/v1/products").status_code == 200
    assert_problem(erp.get("/api/v1/jobs"), 403, "forbidden")
    assert_problem(erp.post("/api/v1/train", json={}), 403, "forbidden")
    me = erp.get("/api/v1/auth/me").json
    assert (me["email"], me["role"], me["permissions"]) == ("token:erp", "service", ["catalog:write", "sales:read"])


def test_the_text_is_shown_once_and_kept_as_a_hash(api: ClientFor, rows: Rows) -> None:
    made = make(api)
    shown = api("admin").get(f"{TOKENS}/{made['id']}").json
    assert "token" not in shown
    assert made["token"].startswith(shown["hint"])
    assert rows.last(ServiceToken).token_hash == token_hash(made["token"])


def test_last_use_is_noted_once_a_minute(erp: FlaskClient, rows: Rows) -> None:
    token_id = rows.last(ServiceToken).id
    assert rows.get(ServiceToken, token_id).last_used_at is None
    erp.get("/api/v1/products")
    first = rows.get(ServiceToken, token_id).last_used_at
    assert first is not None
    erp.get("/api/v1/products")
    assert rows.get(ServiceToken, token_id).last_used_at == first
    rows.change(ServiceToken, token_id, last_used_at=first - timedelta(minutes=2))
    erp.get("/api/v1/products")
    assert rows.get(ServiceToken, token_id).last_used_at >= first


def test_revoked_and_expired_tokens_are_refused(erp: FlaskClient, api: ClientFor, rows: Rows) -> None:
    token_id = rows.last(ServiceToken).id
    rows.change(ServiceToken, token_id, expires_at=utc_now() - timedelta(seconds=1))
    assert_problem(erp.get("/api/v1/products"), 401, "expired-token")
    rows.change(ServiceToken, token_id, expires_at=utc_now() + timedelta(days=1))
    assert api("admin").delete(f"{TOKENS}/{token_id}").status_code == 204
    assert_problem(erp.get("/api/v1/products"), 401, "revoked-token")


def test_unknown_tokens_are_refused(client: FlaskClient) -> None:
    for token in ("fct_unknown", "fct_", "fct_" + "x" * 5000):
        answer = client.get("/api/v1/products", headers={"Authorization": f"Bearer {token}"})
        assert_problem(answer, 401, "invalid-token")


@pytest.mark.parametrize("permission", ["users:manage", "everything"])
def test_tokens_that_manage_accounts_are_not_made(api: ClientFor, permission: str) -> None:
    answer = api("admin").post(TOKENS, json={**ERP, "permissions": [permission]})
    assert permission in assert_problem(answer, 422, "invalid-request")["errors"][0]["message"]


def test_names_are_given_once(api: ClientFor) -> None:
    make(api)
    assert_problem(api("admin").post(TOKENS, json=ERP), 409, "conflict")


def test_a_system_neither_signs_out_nor_opens_pages(erp: FlaskClient) -> None:
    assert_problem(erp.post("/api/v1/auth/logout"), 403, "person-needed")
    body = {"current_password": "x", "new_password": "a long enough password"}
    assert_problem(erp.post("/api/v1/auth/password", json=body), 403, "person-needed")
    assert erp.get("/jobs").status_code == 303


def test_the_audit_log_says_who_did_what(erp: FlaskClient, api: ClientFor) -> None:
    assert erp.post("/api/v1/products", json={"code": "P-9", "name": "Nine"}).status_code == 201
    admin = api("admin")
    entry = admin.get(f"{AUDIT}?actor=token:erp").json["items"][0]
    assert (entry["action"], entry["entity"], entry["after"]["code"]) == ("create", "product", "P-9")
    assert entry["address"] == "127.0.0.1"
    assert len(entry["request_id"]) >= 8
    found = admin.get(f"{AUDIT}?request_id={entry['request_id']}").json["items"]
    assert [item["id"] for item in found] == [entry["id"]]
    assert admin.get(f"{AUDIT}?from=2999-01-01T00:00:00Z").json["items"] == []
    assert admin.get(f"{AUDIT}?entity=product&action=create&to=2999-01-01T00:00:00Z").json["items"] == [entry]
    first = admin.get(f"{AUDIT}?limit=1").json
    second = admin.get(f"{AUDIT}?limit=1&cursor={first['next_cursor']}").json
    assert second["items"][0]["id"] < first["items"][0]["id"]
