"""Receivables, cash and next orders on pages: lists, an invoice with its actions, a customer, scenarios, plans."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from made_once import once
from made_receivables import make_receivables
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, Rows

from ml.artifacts import ArtifactStore
from ml.db.catalog import Customer
from ml.db.receivables import CashForecast, CashItem, CashPosition, CollectionAction, CollectRun
from webapp.pages.cash_plot import axis
from webapp.queries.cash import received
from worker.models import JobRun

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def made(app: object, session: Session, store: ArtifactStore) -> Session:
    once(session, store, make_receivables)
    return session


@pytest.mark.parametrize(
    ("path", "text"),
    [("/receivables", "No invoices yet"), ("/cash", "No cash forecast yet"), ("/next-orders", "known yet")],
)
def test_before_the_first_run_pages_say_what_is_needed(browser: ClientFor, path: str, text: str) -> None:
    assert text in browser("viewer").get(path).text
    assert "<html" not in browser("viewer").get(path, headers=PART).text


def test_the_worklist_shows_who_will_be_late(made: Session, browser: ClientFor) -> None:
    page = browser("viewer").get("/receivables").text
    for text in ("Worklist", "Days sales outstanding", "Risk classes", "Ageing and collection", "usually pays late"):
        assert text in page
    assert "In the data" not in page
    run = made.query(CollectRun).one()
    run.notes = {**run.notes, "credit notes": 1_200, "currencies": 1, "overpaid invoices": 0}
    made.commit()
    assert "In the data: 1,200 credit notes." in browser("viewer").get("/receivables").text
    for asked in ("C-5", "c-5", "shop 5"):
        part = browser("viewer").get(f"/receivables?q={asked}", headers=PART).text
        assert "Shop 5" in part
        assert "Shop 1" not in part
    assert "Shop 5" in browser("viewer").get("/receivables?q=i-5-39", headers=PART).text
    assert "No open invoice is like that" in browser("viewer").get("/receivables?q=zzz", headers=PART).text
    assert "Shop 3" in browser("viewer").get("/receivables?by=customer").text


def test_actions_are_noted_on_the_page_of_an_invoice(made: Session, browser: ClientFor, rows: Rows) -> None:
    client, url = browser("planner"), "/receivables/invoices/I-5-39"
    assert "Expected" in client.get(url).text
    wrong = client.post(f"{url}/actions", data={"kind": "promise", "day": "2024-10-05", "promised_on": ""})
    assert wrong.status_code == 422
    assert "A promise needs the day" in wrong.text
    assert "Say on which day" in client.post(f"{url}/actions", data={"kind": "call", "day": ""}).text
    good = {"kind": "promise", "day": "2024-10-05", "promised_on": "2024-11-01", "note": "Ms Wood"}
    assert client.post(f"{url}/actions", data=good).status_code == 303
    assert "Ms Wood" in client.get(url).text
    assert "Promise to pay" in client.get("/receivables?q=I-5-39", headers=PART).text
    action = rows.last(CollectionAction)
    assert client.post(f"{url}/actions/{action.id}/delete").status_code == 303
    assert rows.count(CollectionAction) == 0
    assert "Note it" not in browser("viewer").get(url).text
    assert browser("viewer").get("/receivables/invoices/none/at all").status_code == 404


def test_a_customer_shows_how_it_pays_and_when_it_orders(made: Session, browser: ClientFor) -> None:
    number = next(row.id for row in made.query(Customer) if row.code == "C-5")
    made.rollback()  # on SQLite a session that has read holds the lock
    page = browser("viewer").get(f"/customers/{number}").text
    for text in ("How it pays", "Open invoices", "Next order", "High risk"):
        assert text in page


def test_what_came_in_is_told_of_whole_weeks(made: Session) -> None:
    """A run each morning of a week: that of Monday forecasts all of it, that of Saturday its last two days."""
    known = made.query(CashForecast).filter_by(frequency="weekly").first()
    columns = {column.name: getattr(known, column.name) for column in CashForecast.__table__.columns}
    for days in range(6):
        run = CollectRun(state="superseded", as_of=date(2024, 11, 4) + timedelta(days=days))
        made.add(run)
        made.flush()
        own = {"id": None, "run_id": run.id, "first_day": run.as_of, "last_day": date(2024, 11, 10)}
        made.add(
            CashForecast(**{**columns, **own, "invoices_mean": 600.0 - 100 * days, "received": 500.0 - 100 * days})
        )
    made.flush()
    found = [(row.first_day, row.invoices_mean, came) for row, came in received(made, "EUR")]
    assert found == [(date(2024, 11, 4), 600.0, 500.0)]


def test_cash_shows_bands_scenarios_and_what_is_planned(made: Session, browser: ClientFor, rows: Rows) -> None:
    client = browser("planner")
    page = client.get("/cash").text
    assert "cash-band" in page
    assert "P10 – P90" in page
    assert "W-1" in page
    late = client.get("/cash?customer=C-5&days_late=45&items=1000", headers=PART).text
    assert "Without the scenario" in late
    assert "What drives the shortfall" in late
    assert "Write 0 to 365 days" in client.get("/cash?sales=many", headers=PART).text
    assert "Write 0 to 365 days" in client.get("/cash?sales=nan", headers=PART).text
    assert "C-99" in client.get("/cash?customer=C-99", headers=PART).text
    data = {"currency": "EUR", "day": "2024-10-07", "balance": "5,250.5", "minimum": ""}
    assert client.post("/cash/position", data=data).status_code == 303
    assert rows.last(CashPosition).balance == 5250.5
    assert (rows.last(JobRun).kind, rows.last(JobRun).requested_by) == ("collect", "planner@example.com")
    assert client.post("/cash/position", data={**data, "balance": "much"}).status_code == 422
    item = {
        "currency": "EUR",
        "item_ref": "B-7",
        "item_day": "2024-11-01",
        "amount": "-70",
        "kind": "payable",
        "name": "",
    }
    assert client.post("/cash/items", data=item).status_code == 303
    assert client.post("/cash/items", data=item).status_code == 422
    row = rows.last(CashItem)
    assert (row.item_ref, row.amount) == ("B-7", -70)
    assert client.post(f"/cash/items/{row.id}/delete", data={"currency": "EUR"}).status_code == 303
    assert rows.count(CashItem) == 1
    assert rows.count(JobRun) == 1, "one run waits, and will see all of it"


def test_who_should_have_ordered_comes_first(made: Session, browser: ClientFor) -> None:
    page = browser("viewer").get("/next-orders").text
    assert page.index("Shop 1") < page.index("Shop 0")
    assert "Shop 3" not in page
    assert "Shop 3" in browser("viewer").get("/next-orders?show=all&stage=active", headers=PART).text
    found = browser("viewer").get("/next-orders?show=all&q=shop 3", headers=PART).text
    assert "Shop 3" in found
    assert "Shop 1" not in found


@pytest.mark.parametrize(("low", "high"), [(-120.0, 870.0), (0.0, 1.0), (149_000.0, 3_410_000.0), (-5e6, -1.0)])
def test_axes_hold_their_values_in_round_steps(low: float, high: float) -> None:
    levels = axis(low, high)
    assert levels[0] <= low < high <= levels[-1]
    assert 2 <= len(levels) <= 6
    step = levels[1] - levels[0]
    assert np.diff(levels) == pytest.approx(step)
    assert step == pytest.approx(float(f"{step:.2g}"))
    assert levels[1] > low
    assert levels[-2] < high
