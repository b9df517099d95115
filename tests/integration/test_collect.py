"""Payments, cash and next orders predicted from the tables, published at once, and scored when the truth arrives."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from factories import Sale, load_sales
from receivables_factory import made_invoices, made_sales
from record_helpers import load_rows
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Customer
from ml.db.receivables import (
    CashForecast,
    CashItem,
    CashPosition,
    CollectModel,
    CollectRun,
    CustomerRisk,
    Invoice,
    NextOrder,
    Payment,
    PaymentPrediction,
    ReceivableFigure,
)
from ml.pipelines.collect import CollectResult, collect
from ml.pipelines.collect_cash import invoiced_shares, opening_balance
from ml.pipelines.collect_data import read_book

LAST = date(2024, 3, 15)
"""The day up to which payments are known at first."""


def rows_of(frame: pd.DataFrame) -> list[dict[str, object]]:
    return frame.astype(object).where(frame.notna(), "").to_dict("records")


def known_by(day: date) -> pd.DataFrame:
    """Made invoices issued by a day, with what was settled by it."""
    made = made_invoices(400, 20)
    made = made[made["issued_on"] <= pd.Timestamp(day)]
    settled = made["settled_on"].where(made["settled_on"] <= pd.Timestamp(day))
    dates = {name: made[name].dt.strftime("%Y-%m-%d") for name in ("issued_on", "due_on")}
    return made.drop(columns=["paperless", "disputed"]).assign(
        **dates, settled_on=settled.dt.strftime("%Y-%m-%d"), currency="EUR"
    )


@pytest.fixture
def loaded(session: Session, store: ArtifactStore) -> Session:
    load_rows(session, store, "invoices", rows_of(known_by(LAST)))
    return session


def run(session: Session, store: ArtifactStore, **options: bool) -> CollectResult:
    found = collect(session, store, **options)
    session.commit()
    assert found is not None
    return found


def count(session: Session, entity: type, *conditions: sa.ColumnElement[bool]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(entity).where(*conditions)) or 0


def test_nothing_is_made_of_nothing(session: Session, store: ArtifactStore) -> None:
    assert collect(session, store) is None
    assert count(session, CollectRun) == 0


def test_open_invoices_are_predicted_and_published(loaded: Session, store: ArtifactStore) -> None:
    result = run(loaded, store)
    assert result.invoices > 10
    assert result.skipped == []
    published = loaded.scalars(sa.select(CollectRun).where(CollectRun.slot == "published")).one()
    assert published.id == result.run_id
    found = loaded.scalars(sa.select(PaymentPrediction)).all()
    assert len(found) == result.invoices
    for row in found:
        assert published.as_of is not None
        assert published.as_of <= row.p10 <= row.p50 <= row.p90
        assert row.on_time + row.late + row.very_late == pytest.approx(1.0)
        assert row.late_amount == pytest.approx(row.open_amount * (1 - row.on_time), abs=0.01)
        assert len(row.curve or []) == len(published.edges or [])
    assert count(loaded, CustomerRisk) == 20
    assert count(loaded, ReceivableFigure) > 20
    assert count(loaded, CashForecast, CashForecast.frequency == "weekly") == 13


def test_cash_of_the_weeks_is_no_more_than_what_is_open(loaded: Session, store: ArtifactStore) -> None:
    run(loaded, store)
    owed = loaded.scalar(sa.select(sa.func.sum(PaymentPrediction.open_amount))) or 0.0
    weekly = loaded.scalars(sa.select(CashForecast).where(CashForecast.frequency == "weekly")).all()
    came = sum(row.invoices_mean for row in weekly)
    assert 0.8 * owed < came <= owed * 1.0001
    assert all(row.balance_p10 <= row.balance_p50 <= row.balance_p90 for row in weekly)


def test_predictions_are_scored_when_the_payments_arrive(loaded: Session, store: ArtifactStore) -> None:
    first = run(loaded, store)
    assert count(loaded, PaymentPrediction, PaymentPrediction.settled_on.is_not(None)) == 0
    later = LAST + timedelta(days=60)
    load_rows(loaded, store, "invoices", rows_of(known_by(later)))
    second = run(loaded, store)
    assert second.run_id != first.run_id
    assert second.settled == first.invoices or second.settled > 0.8 * first.invoices
    scored = loaded.scalars(sa.select(PaymentPrediction).where(PaymentPrediction.run_id == first.run_id)).all()
    settled = [row for row in scored if row.settled_on is not None]
    assert all(row.missed_days == (row.p50 - row.settled_on).days for row in settled if row.settled_on)
    inside = sum(row.p10 <= row.settled_on <= row.p90 for row in settled if row.settled_on) / len(settled)
    assert inside > 0.6
    assert all(row.curve is None for row in scored), "curves are kept of the published run alone"
    assert count(loaded, ReceivableFigure, ReceivableFigure.run_id == first.run_id) == 0
    past = loaded.scalars(sa.select(CashForecast).where(CashForecast.run_id == first.run_id)).all()
    assert any(row.received is not None for row in past)


def test_an_invoice_whose_payment_went_back_is_predicted_again(loaded: Session, store: ArtifactStore) -> None:
    first = run(loaded, store)
    later = LAST + timedelta(days=60)
    load_rows(loaded, store, "invoices", rows_of(known_by(later)))
    run(loaded, store)
    mine = PaymentPrediction
    settled = loaded.scalars(sa.select(mine).where(mine.run_id == first.run_id, mine.settled_on.is_not(None))).first()
    assert settled is not None
    amount = loaded.scalar(sa.select(Invoice.amount).where(Invoice.invoice_ref == settled.invoice_ref))
    back = Payment(key=b"b" * 16, invoice_ref=settled.invoice_ref, paid_on=later, amount=-float(amount or 0.0))
    loaded.add(back)
    loaded.commit()
    third = run(loaded, store)
    loaded.refresh(settled)
    assert (settled.settled_on, settled.missed_days) == (None, None)
    assert count(loaded, mine, mine.run_id == third.run_id, mine.invoice_ref == settled.invoice_ref) == 1


def test_a_second_run_of_the_same_day_replaces_the_first_and_keeps_the_model(
    loaded: Session, store: ArtifactStore
) -> None:
    first, second = run(loaded, store), run(loaded, store)
    assert first.as_of == second.as_of
    assert loaded.scalars(sa.select(CollectRun.id)).all() == [second.run_id]
    assert count(loaded, CollectModel, CollectModel.kind == "payment") == 1
    run(loaded, store, retrain=True)
    assert count(loaded, CollectModel, CollectModel.kind == "payment") == 2
    assert count(loaded, CollectModel, CollectModel.slot == "payment") == 1


def test_a_model_that_cannot_be_loaded_is_trained_anew(loaded: Session, store: ArtifactStore) -> None:
    run(loaded, store)
    row = loaded.scalars(sa.select(CollectModel).where(CollectModel.slot == "payment")).one()
    (Path(store.url) / row.path).write_bytes(b"damaged")
    run(loaded, store)
    assert count(loaded, CollectModel, CollectModel.kind == "payment") == 2


def test_too_few_settled_invoices_are_named_and_ageing_is_shown_all_the_same(
    session: Session, store: ArtifactStore
) -> None:
    load_rows(session, store, "invoices", rows_of(known_by(date(2023, 1, 10))))
    result = run(session, store)
    assert result.invoices == 0
    assert "settled invoices" in result.skipped[0]
    assert count(session, ReceivableFigure) > 0


def test_planned_items_and_the_balance_of_the_bank_are_counted(loaded: Session, store: ArtifactStore) -> None:
    book = read_book(loaded)
    assert book is not None
    item = CashItem(key=b"i" * 16, item_ref="W-1", day=book.day + timedelta(days=1), amount=-500.0, currency="EUR")
    loaded.add_all([item, CashPosition(currency="EUR", day=book.day, balance=1_000.0, minimum=900.0)])
    loaded.commit()
    run(loaded, store)
    first = loaded.scalars(
        sa.select(CashForecast).where(CashForecast.frequency == "weekly").order_by(CashForecast.first_day)
    ).first()
    assert first is not None
    assert first.items == -500.0
    assert first.balance_mean == pytest.approx(1_000 - 500 + first.invoices_mean + first.sales_mean, abs=0.05)
    assert 0.0 <= first.short <= 1.0
    position = CashPosition(currency="EUR", day=book.day - timedelta(days=10), balance=100.0)
    came = float(book.history.ledger.payments.query("paid_on >= @position.day")["amount"].sum())
    assert opening_balance(position, book, [(position.day, -5.0), (book.day, -7.0)]) == pytest.approx(95.0 + came)


def test_what_is_invoiced_of_sales_is_of_the_same_months_and_the_main_currency_that_of_most_invoices(
    session: Session, store: ArtifactStore
) -> None:
    """1,000 a month are sold on its first and last day, all of it invoiced on its 15th; two invoices in yen are larger.
    The last month is not over yet."""
    months = pd.date_range("2023-01-01", periods=16, freq="MS")
    days = [(month.date(), month.days_in_month) for month in months]
    load_sales(session, [Sale(start, 500.0) for start, _ in days] + [
        Sale(start.replace(day=length), 500.0) for start, length in days[:-1]
    ])  # fmt: skip
    rows = [{"issued_on": f"{month:%Y-%m}-15", "amount": 1_000.0, "currency": "EUR"} for month in months]
    rows += [{"issued_on": "2024-01-01", "amount": 1e6, "currency": "JPY"}] * 2
    invoices = [{"invoice_ref": f"I{at}", "customer_code": "C", **row} for at, row in enumerate(rows)]
    load_rows(session, store, "invoices", invoices)
    book = read_book(session)
    assert book is not None
    assert list(invoiced_shares(session, book).items()) == [("EUR", 1.0), ("JPY", pytest.approx(2e6 / 12e3))]


def test_next_orders_are_predicted_from_sales_and_scored_later(session: Session, store: ArtifactStore) -> None:
    sales = made_sales(40, 300)
    rows = sales.assign(
        sale_date=sales["sale_date"].dt.strftime("%Y-%m-%d"), product_code=sales["category"], region="North"
    )[["sale_date", "customer_code", "product_code", "category", "region", "sales_amount"]]
    early = rows[rows["sale_date"] <= "2023-08-31"]
    load_rows(session, store, "sales", rows_of(early))
    first = run(session, store)
    assert first.as_of is None
    assert first.customers == early["customer_code"].nunique()
    found = session.scalars(sa.select(NextOrder)).all()
    assert all(row.as_of < row.p10 <= row.p50 <= row.p90 for row in found)
    assert all(abs(sum(part["chance"] for part in row.categories) - 1) < 0.01 for row in found)
    load_rows(session, store, "sales", rows_of(rows))
    assert run(session, store).ordered > 10
    came = session.scalars(sa.select(NextOrder).where(NextOrder.ordered_on.is_not(None))).all()
    assert all(row.ordered_on > row.as_of for row in came if row.ordered_on)
    assert count(session, Customer) == 40
