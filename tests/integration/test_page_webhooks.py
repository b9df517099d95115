"""Webhooks on pages: set up, secrets shown once, the log, sending again."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from flask.testing import FlaskClient
from web_fixtures import ClientFor, MakeApp, Rows

from ml.secrets import generate_key
from webapp.pages.webhooks import EVENT_NAMES
from webapp.schemas.webhooks import EventName
from worker.models import JobRun, OutboxEvent, WebhookDelivery, WebhookEndpoint

HOOK = {"url": "https://93.184.216.34/hook", "event": ["job.failed"], "description": "ERP", "active": "1"}


@pytest.fixture
def operator(make_app: MakeApp, browser: ClientFor) -> FlaskClient:
    """An operator of a server that can encrypt secrets."""
    signed_in = browser("operator")
    client = make_app(FORECASTLE_SECRET_KEY=generate_key()).test_client()
    client._cookies = signed_in._cookies
    client.environ_base.update(signed_in.environ_base)
    return client


def secret_in(page: str) -> str:
    found = re.search(r'<textarea[^>]* id="secret"[^>]*>([^<]+)<', page)
    assert found is not None
    return found[1]


@pytest.fixture
def hook(operator: FlaskClient, rows: Rows) -> WebhookEndpoint:
    assert operator.post("/webhooks/new", data=HOOK).status_code == 201
    return rows.last(WebhookEndpoint)


def test_a_webhook_is_made_changed_and_deleted(operator: FlaskClient, rows: Rows) -> None:
    made = operator.post("/webhooks/new", data=HOOK)
    assert made.status_code == 201
    row = rows.last(WebhookEndpoint)
    assert (row.url, row.events, row.active) == (HOOK["url"], ["job.failed"], True)
    assert secret_in(made.text) not in operator.get(f"/webhooks/{row.id}").text
    changed = {name: value for name, value in HOOK.items() if name != "active"} | {"event": ["import.loaded"]}
    assert operator.post(f"/webhooks/{row.id}/edit", data=changed).status_code == 303
    row = rows.get(WebhookEndpoint, row.id)
    assert (row.events, row.active) == (["import.loaded"], False)
    assert "switched off" in operator.get(f"/webhooks/{row.id}").text.lower()
    assert "checked" in operator.get(f"/webhooks/{row.id}/edit").text
    assert operator.post(f"/webhooks/{row.id}/delete").status_code == 303
    assert "No webhooks yet" in operator.get("/webhooks").text


@pytest.mark.parametrize(
    ("changed", "field"), [({"url": "http://127.0.0.1/x"}, "url"), ({"event": []}, "events"), ({"url": "x"}, "url")]
)
def test_what_cannot_be_is_said_beside_its_field(
    operator: FlaskClient, rows: Rows, changed: dict[str, object], field: str
) -> None:
    answer = operator.post("/webhooks/new", data=HOOK | changed)
    assert (answer.status_code, f'id="{field}-error"' in answer.text) == (422, True)
    assert rows.count(WebhookEndpoint) == 0


def test_a_new_secret_is_shown_once_and_the_old_one_signs_on(
    operator: FlaskClient, hook: WebhookEndpoint, rows: Rows
) -> None:
    answer = operator.post(f"/webhooks/{hook.id}/secret", data={"hours": "24"})
    assert answer.status_code == 201
    assert len(secret_in(answer.text)) > 20
    row = rows.get(WebhookEndpoint, hook.id)
    assert row.secret != hook.secret
    assert row.old_secret == hook.secret
    assert "signs as well" in operator.get(f"/webhooks/{hook.id}").text


def test_the_log_is_filtered_and_a_delivery_is_sent_again(
    operator: FlaskClient, hook: WebhookEndpoint, rows: Rows
) -> None:
    rows.add(OutboxEvent(name="JobFailed", payload={}))
    same = {"endpoint_id": hook.id, "event_id": rows.last(OutboxEvent).id, "event": "job.failed"}
    rows.add(WebhookDelivery(**same, body='{"job": 7}', state="failed", tries=9, status=500, error="answered 500: no"))
    old = rows.last(WebhookDelivery)
    page = operator.get(f"/webhooks/{hook.id}").text
    assert "answered 500: no" in page
    assert "{&#34;job&#34;: 7}" in page
    assert "No delivery is delivered" in operator.get(f"/webhooks/{hook.id}?state=delivered").text
    assert operator.post(f"/webhooks/deliveries/{old.id}/replay").status_code == 303
    again = rows.last(WebhookDelivery)
    assert (again.body, again.state, again.replay) == (old.body, "waiting", 1)
    assert rows.last(JobRun).kind == "deliver"
    page = operator.get(f"/webhooks/{hook.id}").text
    assert "sent again" in page
    assert f"/webhooks/deliveries/{again.id}/replay" not in page


def test_every_event_has_words() -> None:
    assert set(EVENT_NAMES) == set(get_args(EventName))


def test_planners_have_no_webhooks(browser: ClientFor) -> None:
    assert browser("planner").get("/webhooks").status_code == 403
