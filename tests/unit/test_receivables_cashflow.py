"""Cash: sums hold, customers move together, sales and items come in when they should, shortfalls are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receivables_factory import day

from ml.errors import DataError
from ml.receivables.cashflow import CashPlan, Scenario, forecast_cash, period_days, planned_items
from ml.receivables.curves import Curves, falling
from ml.receivables.simulation import CORRELATION, OpenInvoices, customer_correlation, simulate_receipts

EDGES = np.array([-31.0, -10, 0, 5, 30, 90, 365])
TODAY = day("2024-03-06")  # a Wednesday


def invoices(count: int, customers: int = 4, seed: int = 0, amount: float | None = None) -> OpenInvoices:
    random = np.random.default_rng(seed)
    rows = falling(np.sort(random.random((count, len(EDGES))), axis=1)[:, ::-1])
    rows[:, 0], rows[:, -1] = 1.0, 0.0
    due = TODAY + random.integers(-20, 30, count)
    money = np.full(count, amount) if amount else np.round(random.uniform(0.01, 9999, count), 2)
    return OpenInvoices(Curves(EDGES, rows), (TODAY - due - 1).astype(float), due, np.arange(count) % customers, money)


@settings(max_examples=25)
@given(st.integers(1, 600), st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_simulated_cash_adds_up_to_the_invoices(count: int, customers: int, periods: int, seed: int) -> None:
    made = invoices(count, customers, seed)
    ends = TODAY + 7 * np.arange(1, periods + 1)
    cash = simulate_receipts(made, ends, simulations=100, seed=seed)
    assert cash.shape == (100, periods + 1)
    np.testing.assert_allclose(cash.sum(axis=1), made.amount.sum(), rtol=1e-12)
    assert (cash >= -1e-6).all()


def test_means_of_the_simulation_are_those_of_the_curves() -> None:
    made = invoices(300)
    end = TODAY + 20
    cash = simulate_receipts(made, np.array([end]), simulations=20_000)
    assert cash[:, 0].mean() == pytest.approx((made.paid_by(end) * made.amount).sum(), rel=0.005)


def test_invoices_of_one_customer_move_together_across_blocks() -> None:
    together, apart = invoices(600, 1, amount=1.0), invoices(600, 600, amount=1.0)
    wide, narrow = (
        simulate_receipts(made, np.array([TODAY + 20]), simulations=4000, correlation=0.3)[:, 0].std()
        for made in (together, apart)
    )
    assert wide > 5 * narrow
    factor = simulate_receipts(together, np.array([TODAY + 20]), simulations=4000, correlation=0.9)[:, 0]
    assert factor.std() > wide


def test_the_correlation_is_measured_within_customers() -> None:
    from scipy.stats import norm  # noqa: PLC0415

    random = np.random.default_rng(0)
    customer = np.repeat(np.arange(400), 10)
    score = np.sqrt(0.4) * random.normal(size=400)[customer] + np.sqrt(0.6) * random.normal(size=4000)
    assert customer_correlation(norm.cdf(score), customer) == pytest.approx(0.4, abs=0.05)
    assert customer_correlation(np.full(3, 0.5), np.arange(3)) == CORRELATION


def test_periods_are_calendar_weeks_and_months() -> None:
    starts, ends = period_days(TODAY, 3, "weekly")
    assert starts.tolist() == [TODAY, day("2024-03-11"), day("2024-03-18")]
    assert ends.tolist() == [day("2024-03-10"), day("2024-03-17"), day("2024-03-24")]
    assert period_days(TODAY, 2, "monthly")[1].tolist() == [day("2024-03-31"), day("2024-04-30")]
    with pytest.raises(DataError, match="expected one of weekly, monthly"):
        period_days(TODAY, 1, "hourly")


def test_planned_items_fall_on_their_period_and_overdue_ones_on_the_first() -> None:
    starts, ends = period_days(TODAY, 2, "weekly")
    items = pd.DataFrame({"day": [TODAY - 40, TODAY, day("2024-03-17"), day("2024-06-01")], "amount": [-5, -1, 7, 99]})
    assert planned_items(items, starts, ends).tolist() == [-6, 7]


def test_sales_to_come_are_paid_as_customers_pay() -> None:
    """Sold evenly in ten days from today on, paid half at once and half 10 days later."""
    sales = pd.DataFrame({"first": [TODAY], "last": [TODAY + 9], "mean": [1000.0], "p10": [1000.0], "p90": [1000.0]})
    pays = np.array([0.5] * 10 + [1.0])
    plan = CashPlan(0.0, sales=sales, pays=pays)
    table = forecast_cash(invoices(1, amount=1e-6), plan, TODAY, 4, simulations=100).periods
    assert table["sales_mean"].tolist() == pytest.approx([250, 350, 350, 50])
    half = forecast_cash(
        invoices(1, amount=1e-6), plan, TODAY, 4, simulations=100, scenario=Scenario(sales=0.9)
    ).periods
    assert half["sales_mean"].sum() == pytest.approx(900)


def test_the_first_shortfall_names_the_invoices_that_drive_it() -> None:
    rows = np.array([[1.0, 0.98, 0.9, 0.5, 0.1, 0.05, 0.0], [1.0, 0.98, 0.9, 0.5, 0.1, 0.05, 0.0]])
    made = OpenInvoices(
        Curves(EDGES, rows), np.full(2, -11.0), np.full(2, TODAY + 10), np.arange(2), np.array([10.0, 900.0])
    )
    plan = CashPlan(500.0, 100.0, pd.DataFrame({"day": [day("2024-03-20")], "amount": [-600.0]}))
    found = forecast_cash(made, plan, TODAY, 6)
    assert found.shortfall == 2
    assert found.drivers["row"].tolist() == [1, 0]
    assert found.periods["short"].iloc[1] == 0
    assert found.periods["short"].iloc[2] > 0.3
    assert forecast_cash(made, CashPlan(5000.0), TODAY, 6).shortfall is None


def test_a_customer_who_pays_later_moves_cash_back() -> None:
    made = invoices(100, 2, amount=10.0)
    usual, late = (
        forecast_cash(made, CashPlan(0.0), TODAY, 12, scenario=scenario, seed=1).periods
        for scenario in (None, Scenario(later={0: 30.0}))
    )
    assert late["balance_mean"].iloc[2] < usual["balance_mean"].iloc[2] - 20
    assert (late["balance_mean"] <= usual["balance_mean"] + 1e-9).all()
    bands = usual[["balance_p10", "balance_p50", "balance_p90"]].to_numpy()
    assert (np.diff(bands, axis=1) >= 0).all()
