"""What was done to collect is known from the day after, never before, and models learn from it where there was any."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from receivables_factory import day, invoice_rows, made_invoices, payment_rows

from ml.receivables.features import FeatureMaker, Habits, inputs_of
from ml.receivables.history import History
from ml.receivables.ledger import build_ledger
from ml.receivables.payment import Training, train_payment
from ml.receivables.predictions import predict_payments
from ml.receivables.risk import add_risk

ACTIONS = pd.DataFrame(
    [
        ("I0", "reminder", "2024-02-05", None),
        ("I0", "call", "2024-02-10", None),
        ("I0", "promise", "2024-02-10", "2024-02-20"),
        ("none", "reminder", "2024-02-05", None),
    ],
    columns=["invoice_ref", "kind", "day", "promised_on"],
)


def maker(actions: pd.DataFrame | None) -> FeatureMaker:
    rows = invoice_rows({}, {"issued_on": "2023-11-01", "due_on": "2023-12-01"})
    ledger = build_ledger(rows, payment_rows(("I1", "2023-12-05", 100.0)), actions=actions)
    history = History.of(ledger)
    return FeatureMaker(history, Habits.before(history, day("2024-03-01")))


def test_actions_are_known_from_the_day_after_on() -> None:
    made = maker(ACTIONS)
    days = [day(f"2024-02-{number:02d}") for number in (5, 6, 10, 11, 25)]
    table = made.table(np.full(5, 1), np.array(days))
    assert table["reminded"].tolist() == [0, 1, 1, 2, 2]
    np.testing.assert_array_equal(table["promised_in"], [np.nan, np.nan, np.nan, 9, -5])
    other = made.table(np.array([0]), np.array([day("2024-02-25")]))
    assert (other["reminded"].item(), np.isnan(other["promised_in"].item())) == (0, True)


def test_without_actions_there_is_nothing_to_learn_of_them() -> None:
    table = maker(None).table(np.array([1]), np.array([day("2024-02-25")]))
    assert "reminded" not in table.columns
    assert inputs_of(maker(ACTIONS).table(np.array([1]), np.array([day("2024-02-25")]))).shape[1] == (
        inputs_of(table).shape[1] + 2
    )


def test_a_broken_promise_is_a_reason() -> None:
    made = maker(ACTIONS)
    chances = pd.DataFrame({"late": [0.2], "very_late": [0.7], "default": [0.1]})
    for text, broken in (("2024-02-19", False), ("2024-02-25", True)):
        table = made.table(np.array([1]), np.array([day(text)]))
        reasons = add_risk(chances, table)["reasons"].item()
        assert ("broke a promise to pay" in reasons) is broken


def test_promises_that_are_kept_move_predictions() -> None:
    """Half of the invoices are promised for a day far off and then paid on it: the model sees the difference."""
    rows = made_invoices(1500, 20, days=600).drop(columns=["paperless", "disputed"])
    random = np.random.default_rng(1)
    chosen = random.random(len(rows)) < 0.5
    told = rows["due_on"] - pd.Timedelta(days=20)
    promised = rows["due_on"] + pd.Timedelta(days=40)
    rows["settled_on"] = rows["settled_on"].where(~chosen, promised)
    end = rows["issued_on"].max()
    actions = pd.DataFrame(
        {"invoice_ref": rows["invoice_ref"], "kind": "promise", "day": told, "promised_on": promised}
    )[chosen & (told <= end)]
    ledger = build_ledger(rows.assign(settled_on=rows["settled_on"].where(rows["settled_on"] <= end)), actions=actions)
    history, today = History.of(ledger), int(np.datetime64(end, "D").astype(int)) + 1
    model = train_payment(Training(history, today), ["hazard"])
    found = predict_payments(model, history, today)
    off = (found["p50"] - found["due_on"]).dt.days
    has = (
        found["invoice_ref"].isin(actions["invoice_ref"])
        & (found["due_on"] > end)
        & (found["due_on"] < end + pd.Timedelta(days=15))
    )
    hasnot = (
        ~found["invoice_ref"].isin(actions["invoice_ref"])
        & (found["due_on"] > end)
        & (found["due_on"] < end + pd.Timedelta(days=15))
    )
    assert off[has].median() > off[hasnot].median() + 15


def test_the_terms_of_an_invoice_stand_in_for_its_due_date() -> None:
    rows = invoice_rows(
        {"due_on": None, "terms_days": 10.0}, {"due_on": "2024-01-15", "terms_days": 99.0}, {"due_on": None}
    )
    customers = pd.DataFrame({"customer_code": ["A"], "payment_terms_days": [60.0]})
    found = build_ledger(rows, customers=customers).invoices
    assert found["terms"].tolist() == [10, 14, 60]
    assert found["due_from"].tolist() == ["invoice", "invoice", "customer's terms"]
    assert found["due_on"].iloc[0] == pd.Timestamp("2024-01-11")


@pytest.mark.parametrize("kind", ["reminder", "promise"])
def test_actions_of_unknown_invoices_are_left_out(kind: str) -> None:
    actions = pd.DataFrame([("X", kind, "2024-02-05", "2024-03-01")], columns=list(ACTIONS.columns))
    assert len(build_ledger(invoice_rows({}), payment_rows(), actions=actions).actions) == 0
