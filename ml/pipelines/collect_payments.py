"""Predictions of open invoices, customers' risk and the figures of collection, as rows of their tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists, insert_rows
from ml.db.receivables import CollectRun, CustomerRisk, PaymentPrediction, ReceivableFigure
from ml.pipelines.collect_data import Book
from ml.progress import Progress
from ml.receivables.ageing import BUCKETS, ageing, collection_figures
from ml.receivables.payment import PaymentModel
from ml.receivables.predictions import curves_of, open_rows, predict_payments
from ml.receivables.receipts import currencies, encode_curves, measured_correlation, pays
from ml.receivables.segments import movements, risk_classes

CHUNK = 20_000
MOVED_WITHIN = 30
"""Days over which customers' risk classes are compared."""
MONTHS = 12
TRAILING = 90
"""Days of the period that the figures of today are of."""


def store_payments(session: Session, run: CollectRun, book: Book, model: PaymentModel, progress: Progress) -> int:
    """Predict all open invoices and store that with their curves, a chunk a transaction; returns how many there are.

    The one with the least money expected to be late comes first: the newest rows are the head of the worklist.
    """
    history, day = book.history, book.number
    run.pays = [round(float(share), 5) for share in pays(history, day, currencies(history.ledger)[0])]
    run.correlation = measured_correlation(model, history, day)
    rows = open_rows(history, day)
    if not len(rows):
        return 0
    found = predict_payments(model, history, day, rows)
    curves, passed = curves_of(model, history, day, rows)
    run.edges = [float(edge) for edge in curves.edges]
    found = found.join(history.invoices["issued_on"]).assign(
        curve=pd.Series(encode_curves(curves, passed), found.index)
    )
    found = found.assign(late_amount=(found["open"] * (1.0 - found["on_time"])).round(2)).sort_values("late_amount")
    for start in range(0, len(found), CHUNK):
        part = found.iloc[start : start + CHUNK]
        insert_rows(session, PaymentPrediction, _columns(part, run, book))
        session.commit()
        progress("storing predictions", start + len(part), len(rows))
    return len(rows)


def _columns(found: pd.DataFrame, run: CollectRun, book: Book) -> dict[str, list[Any]]:
    days = {name: found[name].dt.date.tolist() for name in ("issued_on", "due_on", "expected_on", "p10", "p50", "p90")}
    plain = (
        "invoice_ref",
        "due_from",
        "currency",
        "on_time",
        "late",
        "very_late",
        "risk",
        "basis",
        "late_amount",
        "curve",
    )
    return {
        "run_id": [run.id] * len(found),
        "as_of": [book.day] * len(found),
        "invoice_key": [book.keys[name] for name in found["invoice_ref"]],
        "customer_id": [book.customers[code] for code in found["customer_code"]],
        **days,
        **{name: found[name].tolist() for name in plain},
        "open_amount": found["open"].round(2).tolist(),
        "unpaid_90": found["default"].tolist(),
        "reasons": [text.split("; ") if text else [] for text in found["reasons"]],
    }


def store_risks(session: Session, run: CollectRun, book: Book, model: PaymentModel) -> None:
    """The risk class of each customer, and how it moved within thirty days."""
    maker, day = model.maker(book.history), book.number
    now, before = risk_classes(maker, day), risk_classes(maker, day - MOVED_WITHIN)
    moved = movements(before, now)["direction"].reindex(now.index).fillna("")
    insert_rows(
        session,
        CustomerRisk,
        {
            "run_id": [run.id] * len(now),
            "as_of": [book.day] * len(now),
            "customer_id": [book.customers[str(code)] for code in now.index],
            "before": before["risk_class"].reindex(now.index).fillna("").tolist(),
            "direction": moved.tolist(),
            **{
                name: now[name].tolist()
                for name in ("risk_class", "late_rate", "delay", "trend", "overdue_days", "why")
            },
        },
    )


def store_figures(session: Session, run: CollectRun, book: Book) -> None:
    """Ageing and what DSO is made of, by customer: over the last 90 days, and by month over the last year."""
    ledger, last = book.history.ledger, pd.Timestamp(book.day) - pd.Timedelta(days=1)
    months = pd.period_range(end=(last + pd.Timedelta(days=1)).to_period("M") - 1, periods=MONTHS, freq="M")
    spans = [(month.start_time, month.end_time.normalize()) for month in months]
    for first, end in [(last - pd.Timedelta(days=TRAILING - 1), last), *spans]:
        figures = collection_figures(ledger, first, end, ["customer_code"])
        aged = ageing(ledger, end, ["customer_code"])
        _store_span(
            session, run, book, (first, end), figures.merge(aged, how="outer", on=["currency", "customer_code"])
        )


def _store_span(
    session: Session, run: CollectRun, book: Book, span: tuple[pd.Timestamp, pd.Timestamp], found: pd.DataFrame
) -> None:
    found = found.fillna(0.0)
    renamed = {"begin_amount": "begin", "end_amount": "receivables", "current_amount": "current"}
    plain = (*BUCKETS, "credits", "sales", "settled")
    insert_rows(
        session,
        ReceivableFigure,
        {
            "run_id": [run.id] * len(found),
            "customer_id": [book.customers[code] for code in found["customer_code"]],
            "currency": found["currency"].tolist(),
            "first_day": [span[0].date()] * len(found),
            "last_day": [span[1].date()] * len(found),
            **{name: found[name].round(2).tolist() for name in plain},
            **{name: found[column].round(2).tolist() for name, column in renamed.items()},
            "invoices": found["invoices"].astype(int).tolist(),
            "paid_days": (found["days_to_pay"] * found["settled"]).round(2).tolist(),
            "late_days": (found["days_late"] * found["settled"]).round(2).tolist(),
        },
    )


def _reopen(session: Session, book: Book) -> None:
    """Take back what was written down for invoices that were settled, and whose money went back."""
    ledger = book.history.ledger
    back = ledger.invoices.loc[ledger.payments.loc[ledger.payments["amount"] < 0, "invoice"].unique()]
    mine = PaymentPrediction
    for refs in in_lists(back.loc[back["settled_on"].isna(), "invoice_ref"].tolist()):
        wrong = sa.update(mine).where(mine.invoice_ref.in_(refs), mine.settled_on.is_not(None))
        session.execute(wrong.values(settled_on=None, missed_days=None))


def settle_predictions(session: Session, book: Book) -> int:
    """Write down what became of earlier predictions: the day of settlement, and how far P50 was from it. Returns how
    many were settled since the last time."""
    _reopen(session, book)
    rows = book.history.invoices
    settled = rows[rows["settled_on"].notna()]
    paid = dict(zip(settled["invoice_ref"], settled["settled_on"].dt.date, strict=True))
    waiting = session.execute(
        sa.select(PaymentPrediction.id, PaymentPrediction.invoice_ref, PaymentPrediction.p50).where(
            PaymentPrediction.settled_on.is_(None)
        )
    ).all()
    found = [
        {
            "id": row.id,
            "settled_on": paid[row.invoice_ref],
            "missed_days": float((row.p50 - paid[row.invoice_ref]).days),
        }
        for row in waiting
        if row.invoice_ref in paid
    ]
    for some in in_lists(found):
        session.execute(sa.update(PaymentPrediction), list(some))
    return len(found)
