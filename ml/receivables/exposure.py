"""What a customer owes on a day: open and overdue invoices, payments so far."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.receivables.history import NEVER, Floats, History, Ints, day_number
from ml.receivables.running import RunningSums


class Exposure:
    """Counts and sums over the invoices of each customer, for any invoices and days at once."""

    def __init__(self, history: History) -> None:
        self.history = history
        customer, amount = history.customer, history.invoices["amount"].to_numpy()
        paid = np.flatnonzero(history.settled < NEVER)
        due, settled = history.due.astype(float), history.settled[paid]
        cleared = np.maximum(history.due[paid], settled)
        self._issued = RunningSums(customer, history.issued, {"amount": amount})
        self._settled = RunningSums(customer[paid], settled, {"amount": amount[paid], "day": settled.astype(float)})
        self._fallen = RunningSums(customer, history.due, {"due": due})
        self._cleared = RunningSums(customer[paid], cleared, {"due": due[paid]})
        self._payments = _payments(history)
        self._first = pd.Series(history.issued).groupby(customer).transform("min").to_numpy()

    def of(self, rows: Ints, days: Ints) -> dict[str, Floats]:
        """Exposure features of invoices on days (m,); counts are of the customer's other invoices."""
        history, customer = self.history, self.history.customer[rows]
        issued, settled = self._issued.count(customer, days + 1), self._settled.count(customer, days)
        amount = self._issued.total("amount", customer, days + 1)
        open_amount = amount - self._settled.total("amount", customer, days)
        own = history.invoices["amount"].to_numpy()[rows]
        limit = history.invoices["credit_limit"].to_numpy(dtype=float)[rows]
        return {
            **self._overdue(rows, customer, days),
            "open_count": issued - settled - 1,
            "open_ratio": open_amount / np.maximum(amount / np.maximum(issued, 1), 0.01),
            "credit_use": open_amount / np.where(limit > 0, limit, np.nan),
            "since_settled": np.where(settled > 0, days - self._settled.total("day", customer, days, 1), np.nan),
            "tenure": (days - self._first[rows]).astype(float),
            "paid_share": self._payments.total("amount", rows, days) / own,
        }

    def _overdue(self, rows: Ints, customer: Ints, days: Ints) -> dict[str, Floats]:
        """How many other invoices are overdue on the day, and by how many days in the mean."""
        own = (self.history.due[rows] < days) & (self.history.settled[rows] >= days)
        count = self._fallen.count(customer, days) - self._cleared.count(customer, days) - own
        due = self._fallen.total("due", customer, days) - self._cleared.total("due", customer, days)
        due -= own * self.history.due[rows]
        return {
            "overdue_count": count,
            "overdue_days": np.where(count > 0, days - due / np.maximum(count, 1), 0.0),
        }


def _payments(history: History) -> RunningSums:
    """Payments of each invoice, by its position in `history.invoices`."""
    place = pd.Series(np.arange(len(history.invoices)), index=history.invoices["position"])
    payments = history.ledger.payments
    row = place.reindex(payments["invoice"]).to_numpy(dtype=float)
    kept = ~np.isnan(row)
    amount = payments["amount"].to_numpy(dtype=float)[kept]
    return RunningSums(row[kept].astype(np.int64), day_number(payments["paid_on"])[kept], {"amount": amount})
