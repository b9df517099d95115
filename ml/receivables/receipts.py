"""How fast invoices turn into cash, measured on what was known: for sales that are not invoiced yet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.receivables.curves import Curves, Floats
from ml.receivables.history import NEVER, History
from ml.receivables.landmarks import lessons_at
from ml.receivables.ledger import Ledger
from ml.receivables.payment import PaymentModel
from ml.receivables.simulation import CORRELATION, customer_correlation

REACH = 365
"""Days after issue that are looked at."""
LATELY = 730
"""Days of issues before the day that count."""
LATEST = 4_000
"""Invoices, the latest settled ones, that correlation is measured on."""
SCALE = 10_000
"""Chances are kept as whole numbers of this many."""


def currencies(ledger: Ledger) -> list[str]:
    """Those that invoices are in, that of most invoices first: sales are taken to be in it."""
    counts = ledger.invoices.groupby("currency").size()
    return [str(name) for name in counts.sort_values(ascending=False, kind="stable").index]


def pays(history: History, day: int, currency: str) -> Floats:
    """Share of the value of an invoice in a currency in hand by the end of day 0, 1, … after its issue (366,), as known
    in the morning of `day`: one minus the product-limit estimate (Kaplan and Meier 1958), weighted by amount."""
    own = (history.invoices["currency"] == currency).to_numpy()
    rows = np.flatnonzero(own & (history.issued < day) & (history.issued >= day - LATELY))
    seen = history.settled[rows] < day
    waited = np.minimum(np.where(seen, history.settled[rows], day - 1) - history.issued[rows], REACH + 1)
    amount = history.invoices["amount"].to_numpy()[rows]
    ended = np.bincount(waited[seen], amount[seen], minlength=REACH + 2)
    left = np.bincount(waited, amount, minlength=REACH + 2)
    at_risk = np.cumsum(left[::-1])[::-1]
    hazard = np.divide(ended, at_risk, out=np.zeros(REACH + 2), where=at_risk > 0)
    return np.asarray(1.0 - np.cumprod(1.0 - hazard)[: REACH + 1])


def measured_correlation(model: PaymentModel, history: History, day: int) -> float:
    """How strongly payments of a customer move together, on the latest invoices that were settled before a day."""
    rows = np.flatnonzero((history.settled < day) & (history.settled < NEVER))
    rows = rows[np.argsort(history.settled[rows], kind="stable")][-LATEST:]
    if not len(rows):
        return CORRELATION
    lessons = lessons_at(model.maker(history), rows, history.issued[rows])
    share = 1.0 - model.curves(lessons.table).at(lessons.delay - 0.5)
    return customer_correlation(share, history.customer[rows])


def encode_curves(curves: Curves, passed: Floats) -> list[list[int]]:
    """Curves as rows of whole numbers: chances of 10,000 to be unpaid past each edge, given that `passed` (n,) went by
    unpaid."""
    known = np.maximum(curves.at(passed), 1e-12)[:, None]
    rest = np.where(curves.edges[None, :] <= passed[:, None], 1.0, np.minimum(curves.unpaid / known, 1.0))
    rows: list[list[int]] = np.round(rest * SCALE).astype(int).tolist()
    return rows


def decode_curves(edges: list[float], rows: list[list[int]]) -> Curves:
    """What `encode_curves` wrote."""
    return Curves(
        np.asarray(edges, dtype=np.float64), np.asarray(rows, dtype=np.float64).reshape(-1, len(edges)) / SCALE
    )


def receipts_by_day(history: History, currency: str) -> pd.Series:
    """Money that came in by day in a currency, from the first payment to the last; days without any are 0."""
    ledger = history.ledger
    own = ledger.payments[ledger.invoices["currency"].reindex(ledger.payments["invoice"]).to_numpy() == currency]
    if not len(own):
        return pd.Series(dtype="float64")
    by = own.groupby("paid_on")["amount"].sum()
    days = pd.date_range(by.index.min(), by.index.max())
    return pd.Series(by.reindex(days, fill_value=0.0), days)
