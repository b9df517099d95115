"""Receivables through the API: pushes, predictions, figures, cash with scenarios, actions and next orders."""

from __future__ import annotations

import pytest
from made_once import once
from made_receivables import make_receivables
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, Rows, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.imports import Import
from ml.db.receivables import CashPosition, CollectionAction
from webapp.models import User
from worker.models import JobRun

API = "/api/v1"
NORTH = {"regions": ["North"], "territories": []}
INVOICE = {"invoice_ref": "X-1", "customer_code": "C-9", "issued_on": "2024-05-01", "amount": 120.5, "currency": "EUR"}


@pytest.fixture
def made(app: object, session: Session, store: ArtifactStore) -> Session:
    once(session, store, make_receivables)
    return session


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("invoices", {**INVOICE, "terms_days": 14, "disputed_on": "2024-05-08"}),
        ("payments", {"invoice_ref": "X-1", "paid_on": "2024-06-01", "amount": 60.25, "payment_ref": "Z-1"}),
    ],
)
def test_invoices_and_payments_are_pushed_once(api: ClientFor, rows: Rows, path: str, row: dict[str, object]) -> None:
    client, headers = api("planner"), {"Idempotency-Key": "k-1"}
    first = client.post(f"{API}/{path}", json=[row], headers=headers)
    again = client.post(f"{API}/{path}", json=[row], headers=headers)
    assert (first.status_code, again.json) == (202, first.json)
    assert rows.get(Import, first.json["import_id"]).dataset == path
    assert rows.get(JobRun, first.json["job_id"]).kind == "ingest"
    assert_problem(client.post(f"{API}/{path}", json=[{**row, "amount": None}]), 422, "invalid-request")
    assert_problem(api("viewer").post(f"{API}/{path}", json=[row]), 403, "forbidden")


def test_before_the_first_run_there_is_nothing_to_read(api: ClientFor) -> None:
    for path in ("payment-predictions", "receivables/summary", "cash-flow", "next-orders"):
        assert_problem(api("viewer").get(f"{API}/{path}"), 409, "no-forecast")
    assert api("viewer").get(f"{API}/payment-predictions/scores").json == {"items": []}


def test_predictions_come_by_expected_late_money(made: Session, api: ClientFor) -> None:
    client = api("viewer")
    found = client.get(f"{API}/payment-predictions?limit=200").json["items"]
    amounts = [item["late_amount"] for item in found]
    assert amounts == sorted(amounts, reverse=True)
    assert all(item["on_time"] + item["late"] + item["very_late"] == pytest.approx(1, abs=1e-5) for item in found)
    assert found[0]["customer_code"] == "C-5"
    assert found[0]["reasons"]
    part = client.get(f"{API}/payment-predictions?limit=3").json
    rest = client.get(f"{API}/payment-predictions?limit=3&cursor={part['next_cursor']}").json
    assert [item["invoice_ref"] for item in part["items"] + rest["items"]] == [
        item["invoice_ref"] for item in found[:6]
    ]
    mine = client.get(f"{API}/payment-predictions?customer=C-1&limit=200").json["items"]
    assert {item["customer_code"] for item in mine} == {"C-1"}
    late = client.get(f"{API}/payment-predictions?overdue=true&limit=200").json["items"]
    assert all(item["due_on"] < item["as_of"] for item in late)
    text = client.get(f"{API}/payment-predictions", headers={"Accept": "text/csv"}).text
    assert len(text.splitlines()) == len(found) + 1


def test_the_summary_adds_up_over_customers(made: Session, api: ClientFor) -> None:
    client = api("viewer")
    whole = client.get(f"{API}/receivables/summary").json["items"]
    customers = client.get(f"{API}/receivables/summary?by=customer").json["items"]
    assert len(whole) == 1
    assert len(customers) == 6
    for name in ("not_due", "days_1_30", "days_31_60", "total"):
        assert sum(item[name] for item in customers) == pytest.approx(whole[0][name])
    assert whole[0]["dso"] == pytest.approx(
        whole[0]["best_possible_dso"] + whole[0]["average_days_delinquent"], abs=0.11
    )
    months = [item["first_day"] for item in client.get(f"{API}/receivables/summary?months=true").json["items"]]
    assert months == [f"2024-{month:02d}-01" for month in range(1, 10)]


def test_cash_answers_what_if(made: Session, api: ClientFor) -> None:
    client = api("viewer")
    base = client.get(f"{API}/cash-flow").json
    assert (base["currency"], base["opening"], base["minimum"], base["simulations"]) == ("EUR", 1000, 500, 10000)
    assert base["periods"] == base["base"]
    assert sum(period["items"] for period in base["periods"]) == -900
    late = client.get(f"{API}/cash-flow?customer=C-5&days_late=30").json
    assert late["periods"][2]["balance_mean"] < late["base"][2]["balance_mean"] - 100
    more = client.get(f"{API}/cash-flow?items=1000").json
    assert sum(period["items"] for period in more["periods"]) == -9900
    assert more["shortfall"] is not None
    assert more["drivers"]
    assert_problem(client.get(f"{API}/cash-flow?currency=USD"), 404, "not-found")
    assert_problem(client.get(f"{API}/cash-flow?customer=C-77"), 404, "not-found")


def test_the_balance_of_the_bank_is_set(made: Session, api: ClientFor, rows: Rows) -> None:
    body = {"currency": "EUR", "day": "2024-10-07", "balance": 77.5, "minimum": 10}
    found = api("planner").put(f"{API}/cash-position", json=body)
    assert found.json["set_by"] == "planner@example.com"
    assert rows.count(CashPosition) == 1
    assert rows.last(CashPosition).balance == 77.5
    assert_problem(api("viewer").put(f"{API}/cash-position", json=body), 403, "forbidden")


def test_actions_are_noted_and_taken_back(made: Session, api: ClientFor, rows: Rows) -> None:
    client = api("planner")
    url = f"{API}/invoices/I-5-39/actions"
    promise = {"kind": "promise", "day": "2024-10-05", "promised_on": "2024-11-20", "note": "by phone"}
    first = client.post(url, json=promise)
    assert first.status_code == 201
    assert client.get(url).json["items"] == [first.json]
    wrong = client.post(url, json={"kind": "reminder", "day": "2020-01-01", "promised_on": "2024-11-20"})
    assert [error["field"] for error in assert_problem(wrong, 422, "invalid-request")["errors"]] == [
        "promised_on",
        "day",
    ]
    far = client.post(url, json={**promise, "promised_on": "9999-12-31"})
    assert [error["field"] for error in assert_problem(far, 422, "invalid-request")["errors"]] == ["promised_on"]
    assert client.delete(f"{url}/{first.json['id']}").status_code == 204
    assert rows.count(CollectionAction) == 0
    assert_problem(client.delete(f"{url}/{first.json['id']}"), 404, "not-found")
    assert_problem(client.post(f"{API}/invoices/none/actions", json=promise), 404, "not-found")


def test_next_orders_are_listed_and_read_by_customer(made: Session, api: ClientFor) -> None:
    client = api("viewer")
    overdue = client.get(f"{API}/next-orders?overdue=true").json["items"]
    assert [item["customer_code"] for item in overdue] == ["C-1", "C-0"]
    one = client.get(f"{API}/customers/C-3/next-order").json
    assert one["p10"] <= one["p50"] <= one["p90"]
    assert one["categories"][0] == {"category": "Tools", "chance": 0.7}
    assert_problem(client.get(f"{API}/customers/C-88/next-order"), 404, "not-found")


def test_a_limited_caller_sees_customers_of_its_region_alone(
    made: Session, api: ClientFor, rows: Rows, make_user: object
) -> None:
    client = api("planner")
    user = rows.last(User)
    rows.change(User, user.id, scope=NORTH)
    mine = {"C-0", "C-2", "C-4"}
    assert {item["customer_code"] for item in client.get(f"{API}/payment-predictions?limit=200").json["items"]} == mine
    assert {item["customer_code"] for item in client.get(f"{API}/next-orders").json["items"]} == mine
    found = client.get(f"{API}/receivables/summary?by=region").json["items"]
    assert [item["group"] for item in found] == ["North"]
    cash = client.get(f"{API}/cash-flow").json
    assert (cash["opening"], sum(period["items"] for period in cash["periods"])) == (0, 0)
    owed = sum(item["open_amount"] for item in client.get(f"{API}/payment-predictions?limit=200").json["items"])
    assert 0.5 * owed < sum(period["invoices_mean"] for period in cash["periods"]) <= owed * 1.001
    foreign = {"kind": "call", "day": "2024-10-05"}
    assert_problem(client.post(f"{API}/invoices/I-5-39/actions", json=foreign), 404, "not-found")
    assert client.post(f"{API}/invoices/I-4-39/actions", json=foreign).status_code == 201
    assert_problem(client.post(f"{API}/invoices", json=[INVOICE]), 403, "limited-scope")
