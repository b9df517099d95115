"""Reads of cash: the stored forecast, or one simulated now, for a scenario or for what a limited caller sees of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.receivables import CashForecast, CashItem, CashPosition, CollectRun, PaymentPrediction
from ml.errors import NotFoundError
from ml.grains import MONTHLY
from webapp.errors import NoForecastError
from webapp.queries.collect_runs import NO_RUN, find_run
from webapp.queries.forecasts import outlook
from webapp.queries.nodes import Node
from webapp.queries.scope import current_scope

if TYPE_CHECKING:  # it needs NumPy, which the web loads when a scenario is asked for and not before
    from ml.receivables.outlook import CashInputs, CashOutlook

SIMULATIONS, FEWEST, MOST_DRAWS = 2_000, 200, 20_000_000
"""Of what is simulated while somebody waits: fewer where many invoices are open. The stored forecast has 10,000."""
STORED_SIMULATIONS = 10_000
WHOLE_WEEK = timedelta(days=6)
"""From the first day of a week to its last."""


@dataclass(frozen=True)
class CashQuestion:
    """What is asked: customers (by id) who pay so many days later, and sales and planned items times a factor."""

    later: Mapping[int, float]
    sales: float = 1.0
    items: float = 1.0

    @property
    def is_plain(self) -> bool:
        """Whether it changes nothing."""
        return not any(self.later.values()) and self.sales == self.items == 1.0


@dataclass(frozen=True)
class CashView:
    """The cash of a currency by week or month. `stored` is the forecast of the last run; `asked` the scenario, or what
    the caller may see of it. Drivers are (invoice, customer id, due, amount, missing) of the first shortfall."""

    currency: str
    frequency: str
    as_of: date
    periods: Sequence[Any]
    base: Sequence[Any]
    shortfall: Any | None
    drivers: Sequence[Any]
    opening: float
    minimum: float
    simulations: int

    @property
    def is_checked(self) -> bool:
        """Whether Prophet on the total stands beside it: beside the stored forecast of the whole company alone."""
        return any(getattr(period, "prophet", None) is not None for period in self.periods)


def cash_currencies(session: Session) -> list[str]:
    """Those that invoices are in, that of most of them first: sales are in it."""
    run = find_run(session)
    return list(run.invoiced or {}) if run else []


def cash_view(session: Session, currency: str, frequency: str, question: CashQuestion) -> CashView:
    """The outlook of a currency; raises NoForecastError before the first run, NotFoundError for another currency."""
    run = find_run(session)
    if run is None or run.as_of is None or run.payment_model_id is None:
        raise NoForecastError(NO_RUN)
    if currency not in (run.invoiced or {}):
        raise NotFoundError(f"no invoice is in {currency!r}; expected one of {', '.join(cash_currencies(session))}.")
    base: Sequence[Any] = stored(session, run, currency, frequency) if current_scope() is None else []
    position = cash_position(session, currency)
    minimum = float(position.minimum) if position else 0.0
    opening = opening_of(session, run, currency) if position else 0.0
    if base and question.is_plain and first_short(base, minimum) is None:
        return CashView(currency, frequency, run.as_of, base, base, None, [], opening, minimum, STORED_SIMULATIONS)
    inputs = read_inputs(session, run, currency, opening, minimum)
    found = simulate(inputs, frequency, question)
    if base and question.is_plain:
        periods, simulations = base, STORED_SIMULATIONS
    else:  # beside a scenario, the same draws without it: what differs is the scenario's doing
        base = found.periods if question.is_plain else simulate(inputs, frequency, CashQuestion({})).periods
        periods, simulations = found.periods, found.simulations
    short = first_short(periods, minimum)
    drivers = found.drivers if short else []
    return CashView(currency, frequency, run.as_of, periods, base, short, drivers, opening, minimum, simulations)


def first_short(periods: Sequence[Any], minimum: float) -> Any | None:
    """The first period whose P10 balance is below the minimum."""
    return next((period for period in periods if period.balance_p10 < minimum), None)


def simulate(inputs: CashInputs, frequency: str, question: CashQuestion) -> CashOutlook:
    """The outlook under a scenario."""
    from ml.receivables.outlook import WhatIf, cash_outlook  # noqa: PLC0415 - see above

    simulations = max(FEWEST, min(SIMULATIONS, MOST_DRAWS // max(len(inputs.invoices), 1)))
    what_if = WhatIf(dict(question.later), question.sales, question.items)
    return cash_outlook(inputs, frequency, what_if, simulations=simulations)


def stored(session: Session, run: CollectRun, currency: str, frequency: str) -> Sequence[CashForecast]:
    """The periods of the published forecast."""
    mine = CashForecast
    query = sa.select(mine).where(mine.run_id == run.id, mine.currency == currency, mine.frequency == frequency)
    return session.scalars(query.order_by(mine.first_day)).all()


def read_inputs(session: Session, run: CollectRun, currency: str, opening: float, minimum: float) -> CashInputs:
    """What the cash of a currency is simulated from, as far as the caller sees it."""
    from ml.receivables.outlook import CashInputs, OpenInvoice, SalesToCome  # noqa: PLC0415 - see above

    mine, day = PaymentPrediction, run.as_of or date.min
    query = sa.select(mine.invoice_ref, mine.customer_id, mine.due_on, mine.open_amount, mine.curve)
    rows = session.execute(query.where(mine.run_id == run.id, mine.currency == currency).order_by(mine.id)).all()
    main = cash_currencies(session)[0]
    points = outlook(session, Node()).forecast if currency == main else []
    return CashInputs(
        day,
        run.edges or [],
        [OpenInvoice(row.invoice_ref, row.customer_id, row.due_on, float(row.open_amount), row.curve) for row in rows],
        opening=opening,
        minimum=minimum,
        items=[(item.day, float(item.amount)) for item in items_from(session, currency, day)],
        sales=[
            SalesToCome(point.period, MONTHLY.last_day(point.period), point.mean, point.p10, point.p90)
            for point in points
        ],
        invoiced=(run.invoiced or {}).get(currency, 1.0),
        pays=run.pays or [1.0],
        correlation=run.correlation or 0.0,
    )


def opening_of(session: Session, run: CollectRun, currency: str) -> float:
    """The balance in the morning of the forecast, as the run has counted it: its first balance less what moves in that
    period."""
    first = next(iter(stored(session, run, currency, "weekly")), None)
    if first is None:
        return 0.0
    return float(first.balance_mean - first.items - first.invoices_mean - first.sales_mean)


def cash_position(session: Session, currency: str) -> CashPosition | None:
    """What was in the bank, as somebody said."""
    return session.scalars(sa.select(CashPosition).where(CashPosition.currency == currency)).one_or_none()


def items_from(session: Session, currency: str, day: date, limit: int | None = None) -> Sequence[CashItem]:
    """Planned cash of a currency from a day on."""
    query = sa.select(CashItem).where(CashItem.currency == currency, CashItem.day >= day)
    query = query.order_by(CashItem.day, CashItem.id)
    return session.scalars(query if limit is None else query.limit(limit)).all()


def received(session: Session, currency: str, limit: int = 8) -> list[tuple[CashForecast, float]]:
    """Weeks that are over: the last forecast that was made of each before it began, and what came in.

    Runs later in a week forecast the rest of it alone.
    """
    mine, since = CashForecast, timedelta(days=7 * limit)
    newest = session.scalar(sa.select(sa.func.max(mine.last_day)).where(mine.received.is_not(None)))
    if newest is None:
        return []
    query = sa.select(mine).where(
        mine.currency == currency,
        mine.frequency == "weekly",
        mine.received.is_not(None),
        mine.first_day > newest - since,
    )
    last: dict[date, CashForecast] = {}
    for row in session.scalars(query.order_by(mine.run_id)):
        if row.last_day - row.first_day == WHOLE_WEEK:
            last[row.last_day] = row
    return [(row, float(row.received or 0.0)) for _, row in sorted(last.items())]
