"""How fast invoices turn into cash, curves as tables keep them, and the outlook that is made of both."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receivables_factory import day, invoice_rows, made_ledger, payment_rows

from ml.receivables.curves import Curves, falling
from ml.receivables.history import History
from ml.receivables.ledger import build_ledger
from ml.receivables.outlook import CashInputs, OpenInvoice, SalesToCome, WhatIf, cash_outlook, cash_plan, day_of
from ml.receivables.receipts import decode_curves, encode_curves, pays, receipts_by_day

EDGES = [-31.0, -10.0, 0.0, 30.0, 90.0]
TODAY = date(2024, 3, 6)
FALLING = [10_000, 9_000, 6_000, 1_000, 0]


def inputs(*due: int, amount: float = 100.0, **options: object) -> CashInputs:
    """Invoices due so many days from today, each of another customer."""
    made = [
        OpenInvoice(f"I{number}", number, TODAY + timedelta(days=days), amount, FALLING)
        for number, days in enumerate(due)
    ]
    return CashInputs(TODAY, EDGES, made, **options)  # type: ignore[arg-type]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(-30, 60))
def test_stored_curves_say_what_they_said(seed: int, passed: int) -> None:
    random = np.random.default_rng(seed)
    unpaid = falling(np.sort(random.random((5, 5)), axis=1)[:, ::-1])
    unpaid[:, 0] = 1.0
    curves, gone = Curves(np.array(EDGES), unpaid), np.full(5, float(passed))
    rows = encode_curves(curves, gone)
    back = decode_curves(EDGES, rows)
    assert all(0 <= value <= 10_000 for row in rows for value in row)
    for edge in EDGES:
        expected = curves.exceeds(edge, gone)
        np.testing.assert_allclose(back.at(np.full(5, edge)), expected, atol=6e-5)


def test_cash_in_hand_counts_open_invoices_as_what_they_are() -> None:
    """100 paid after 10 days, 300 after 20; 200 open for 15 days: seen up to there, and not beyond."""
    rows = invoice_rows(
        {"amount": 100.0}, {"amount": 300.0}, {"amount": 200.0, "issued_on": "2024-02-15", "due_on": "2024-03-15"},
        {"amount": 90_000.0, "currency": "JPY"},
    )  # fmt: skip
    ledger = build_ledger(rows, payment_rows(("I0", "2024-01-11", 100.0), ("I1", "2024-01-21", 300.0)))
    found = pays(History.of(ledger), day("2024-03-01"), "EUR")
    assert len(found) == 366
    assert found[9] == 0
    assert found[10] == pytest.approx(1 / 6)
    assert found[20] == pytest.approx(1.0)
    assert (np.diff(found) >= 0).all()


def test_receipts_of_a_currency_by_day() -> None:
    rows = invoice_rows({}, {"currency": "USD"})
    ledger = build_ledger(
        rows, payment_rows(("I0", "2024-02-01", 60.0), ("I0", "2024-02-03", 40.0), ("I1", "2024-02-02", 9))
    )
    assert receipts_by_day(History.of(ledger), "EUR").tolist() == [60, 0, 40]
    assert receipts_by_day(History.of(ledger), "GBP").empty


def test_the_outlook_adds_up_and_answers_what_if() -> None:
    base = cash_outlook(inputs(-5, 0, 10, opening=50.0), "weekly", periods=20)
    assert base.periods[0].first_day == TODAY
    assert sum(period.invoices_mean for period in base.periods) == pytest.approx(300.0, abs=1e-6)
    assert base.periods[-1].balance_mean == pytest.approx(350.0)
    late = cash_outlook(inputs(-5, 0, 10, opening=50.0), "weekly", WhatIf({2: 30.0}), periods=20)
    assert late.periods[2].balance_mean < base.periods[2].balance_mean
    assert late.periods[-1].balance_mean == pytest.approx(350.0)


def test_a_shortfall_names_its_invoices() -> None:
    made = inputs(0, 5, opening=100.0, minimum=50.0, items=[(TODAY + timedelta(days=9), -190.0)])
    found = cash_outlook(made, "weekly", periods=4)
    assert found.shortfall == 1
    assert {driver.invoice_ref for driver in found.drivers} == {"I0", "I1"}
    assert found.drivers[0].missing <= 100.0


def test_of_a_period_that_has_begun_the_rest_is_still_to_come() -> None:
    sales = [SalesToCome(date(2024, 3, 1), date(2024, 3, 10), 1000.0, 800.0, 1200.0),
             SalesToCome(date(2024, 2, 1), date(2024, 2, 29), 999.0, 9.0, 9.0)]  # fmt: skip
    plan = cash_plan(inputs(0, sales=sales, invoiced=0.5))
    assert plan.sales[["mean", "p10", "p90"]].to_numpy().tolist() == [[250.0, 200.0, 300.0]]
    assert plan.sales["first"].tolist() == [day_of(TODAY)]


def test_without_invoices_there_is_an_outlook_all_the_same() -> None:
    found = cash_outlook(CashInputs(TODAY, [], [], opening=10.0, items=[(TODAY, -3.0)]), "monthly")
    assert [period.balance_mean for period in found.periods] == [7.0] * 6


def test_made_history_pays_nearly_all_within_a_year() -> None:
    history = History.of(made_ledger())
    found = pays(history, int(history.settled[history.settled < 1 << 21].max()) + 1, "")
    assert found[0] < 0.1
    assert found[120] > 0.9
    assert pd.Series(found).is_monotonic_increasing
