"""Cash forecasts by week and month for each currency: what they start from, and as rows of their table."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows
from ml.db.catalog import Series
from ml.db.receivables import FREQUENCIES, CashForecast, CashItem, CashPosition, CollectRun, PaymentPrediction
from ml.db.results import ForecastResult, ForecastRun
from ml.db.sales import SalesMonthly
from ml.errors import ForecastleError
from ml.grains import MONTHLY, newest_sale
from ml.models.prophet_series import ProphetSeries
from ml.panel import Panel
from ml.pipelines.collect_data import Book
from ml.progress import Progress
from ml.receivables.outlook import CashInputs, CashPeriod, OpenInvoice, SalesToCome, cash_outlook
from ml.receivables.receipts import currencies, receipts_by_day

LEAST_PERIODS = {"weekly": 26, "monthly": 24}
"""Complete periods of receipts below which Prophet is not asked for its opinion."""
FREQ = {"weekly": ("W", 52), "monthly": ("MS", 12)}
MONTHS = 12
"""Of invoices and sales that tell how much of sales is invoiced."""


def store_cash(session: Session, run: CollectRun, book: Book, progress: Progress) -> None:
    """Forecast the cash of each currency of the open invoices, weekly and monthly, and store it."""
    run.invoiced = invoiced_shares(session, book)
    for place, currency in enumerate(run.invoiced):
        inputs = read_inputs(session, run, book, currency, with_sales=place == 0)
        for frequency in FREQUENCIES:
            progress(f"forecasting cash by {'week' if frequency == 'weekly' else 'month'}")
            found = cash_outlook(inputs, frequency)
            checks = prophet_check(receipts_by_day(book.history, currency), frequency, found.periods)
            _store(session, run, (currency, frequency), found.periods, checks)


def invoiced_shares(session: Session, book: Book) -> dict[str, float]:
    """By currency, that of most invoices first, what was invoiced as a share of the sales of the same twelve months:
    the last ones of which both are known to the end. 1 without sales."""
    rows, last_sale = book.history.ledger.invoices, newest_sale(session)
    known_until = book.day if last_sale is None else min(book.day, last_sale + timedelta(days=1))
    end = MONTHLY.start(known_until)
    start = MONTHLY.shift(end, -MONTHS)
    issued = rows["issued_on"]
    lately = rows[(issued >= pd.Timestamp(start)) & (issued < pd.Timestamp(end))].groupby("currency")["amount"].sum()
    month = SalesMonthly.yearmonth
    within = sa.and_(month >= f"{start:%Y-%m}", month < f"{end:%Y-%m}")
    sold = float(session.scalar(sa.select(sa.func.sum(SalesMonthly.total_sales)).where(within)) or 0.0)
    found = currencies(book.history.ledger)
    return {name: float(lately.get(name, 0.0)) / sold if sold > 0 else 1.0 for name in found}


def read_inputs(session: Session, run: CollectRun, book: Book, currency: str, *, with_sales: bool) -> CashInputs:
    """All that the cash of a currency is forecast from, as it stands in the tables."""
    position = session.scalars(sa.select(CashPosition).where(CashPosition.currency == currency)).one_or_none()
    items = [
        (row.day, float(row.amount))
        for row in session.execute(sa.select(CashItem.day, CashItem.amount).where(CashItem.currency == currency))
    ]
    return CashInputs(
        book.day,
        run.edges or [],
        read_open(session, run, currency),
        opening=opening_balance(position, book, items) if position else 0.0,
        minimum=float(position.minimum) if position else 0.0,
        items=[item for item in items if item[0] >= book.day],
        sales=sales_to_come(session) if with_sales else [],
        invoiced=(run.invoiced or {}).get(currency, 1.0),
        pays=run.pays or [1.0],
        correlation=run.correlation or 0.0,
    )


def read_open(session: Session, run: CollectRun, currency: str) -> list[OpenInvoice]:
    """Open invoices of a run with their curves."""
    mine = PaymentPrediction
    query = sa.select(mine.invoice_ref, mine.customer_id, mine.due_on, mine.open_amount, mine.curve).where(
        mine.run_id == run.id, mine.currency == currency
    )
    rows = session.execute(query.order_by(mine.id)).all()
    return [
        OpenInvoice(row.invoice_ref, row.customer_id, row.due_on, float(row.open_amount), row.curve) for row in rows
    ]


def opening_balance(position: CashPosition, book: Book, items: list[tuple[date, float]]) -> float:
    """The balance of the morning of `book.day`: that of its day, and all that has moved since."""
    came = receipts_by_day(book.history, position.currency)
    since = came[(came.index >= pd.Timestamp(position.day)) & (came.index < pd.Timestamp(book.day))]
    moved = sum(amount for day, amount in items if position.day <= day < book.day)
    return float(position.balance) + float(since.sum()) + moved


def sales_to_come(session: Session) -> list[SalesToCome]:
    """The published monthly forecast of all sales; empty where there is none."""
    query = (
        sa.select(ForecastResult.period, ForecastResult.mean, ForecastResult.p10, ForecastResult.p90)
        .join(ForecastRun, ForecastRun.id == ForecastResult.run_id)
        .join(Series, Series.id == ForecastResult.series_id)
        .where(ForecastRun.slot == MONTHLY.name, Series.location_level == "total", Series.product_level == "total")
    )
    rows = session.execute(query.order_by(ForecastResult.period)).all()
    return [SalesToCome(row.period, MONTHLY.last_day(row.period), row.mean, row.p10, row.p90) for row in rows]


def prophet_check(came: pd.Series, frequency: str, periods: list[CashPeriod]) -> list[float | None]:
    """Receipts of each period by Prophet (Taylor and Letham 2018), fitted on their total alone: another opinion, which
    knows no invoice. None where history is too short, and of a first period that has begun already."""
    nothing: list[float | None] = [None] * len(periods)
    freq, season = FREQ[frequency]
    known = came[came.index < pd.Timestamp(periods[0].first_day)]
    by = known.resample("W-MON" if freq == "W" else "MS", label="left", closed="left").sum()
    start = pd.Timestamp(periods[1].first_day) if len(periods) > 1 else None
    if start is None:
        return nothing
    current = start - pd.Timedelta(weeks=1) if freq == "W" else start - pd.DateOffset(months=1)
    by = by[by.index < current].iloc[1:]  # the first period may have begun before the data
    if len(by) < LEAST_PERIODS[frequency]:
        return nothing
    frame = pd.DataFrame({"unique_id": "receipts", "ds": by.index, "y": by.to_numpy(dtype=float)})
    gap = int(np.round((current - by.index[-1]) / pd.Timedelta(days=7))) if freq == "W" else 1
    try:
        made = ProphetSeries().fit(Panel.from_frame(frame, freq, season)).predict(len(periods) + gap - 1, {})
    except ForecastleError:
        return nothing
    means: list[float | None] = [float(value) for value in made.mean[0, gap - 1 :]]
    whole = pd.Timestamp(periods[0].first_day) == current
    return means if whole else [None, *means[1:]]


def _store(
    session: Session,
    run: CollectRun,
    names: tuple[str, str],
    periods: list[CashPeriod],
    checks: list[float | None],
) -> None:
    columns: dict[str, list[Any]] = {
        name: [getattr(period, name) for period in periods] for name in CashPeriod.__dataclass_fields__
    }
    insert_rows(
        session,
        CashForecast,
        {
            "run_id": [run.id] * len(periods),
            "currency": [names[0]] * len(periods),
            "frequency": [names[1]] * len(periods),
            "prophet": checks,
            **columns,
        },
    )


def settle_cash(session: Session, book: Book) -> int:
    """Write down what came in for earlier forecasts whose period is over; returns for how many."""
    waiting = session.scalars(
        sa.select(CashForecast).where(CashForecast.received.is_(None), CashForecast.last_day < book.day)
    ).all()
    came = {currency: receipts_by_day(book.history, currency) for currency in {row.currency for row in waiting}}
    for row in waiting:
        own = came[row.currency]
        inside = (own.index >= pd.Timestamp(row.first_day)) & (own.index <= pd.Timestamp(row.last_day))
        row.received = float(own[inside].sum())
    return len(waiting)
