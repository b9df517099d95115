"""Cash that comes in from open invoices, by simulation.

Each invoice is paid in one of the periods or after them; which one is drawn from its curve. Invoices of a customer move
together: a one-factor Gaussian copula (Vasicek 1987; Li 2000), the factor being the customer's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.receivables.curves import Curves, Floats, Ints

CORRELATION = 0.2
"""Within a customer, where there is too little to measure it."""
MOST_DRAWS = 100_000_000
"""Draws of invoices times simulations; beyond, fewer simulations are made."""
BLOCK = 256
LEAST_PAIRS = 50


@dataclass(frozen=True)
class OpenInvoices:
    """What is to be simulated: curves (n,), the last delay that went by unpaid, the due day (since 1970), the customer
    as a number, and what is open of each."""

    curves: Curves
    passed: Floats
    due: Ints
    customer: Ints
    amount: Floats

    def paid_by(self, day: int, later: Floats | None = None) -> Floats:
        """Probability (n,) of payment by the end of a day; `later` (n,) are days by which payment is put off."""
        delay = (day - self.due).astype(float) - (0.0 if later is None else later)
        known = np.maximum(self.curves.at(self.passed), 1e-12)
        chance = 1.0 - np.minimum(self.curves.at(np.maximum(delay, self.passed)) / known, 1.0)
        return np.where(delay <= self.passed, 0.0, chance)


def simulate_receipts(
    invoices: OpenInvoices,
    ends: Ints,
    *,
    simulations: int = 10_000,
    correlation: float = CORRELATION,
    later: Floats | None = None,
    seed: int = 0,
) -> Floats:
    """Receipts (simulations, periods + 1) in periods that end with the days `ends` (k,); the last column is what comes
    after them. Each row adds up to all that is open. Deterministic for a seed."""
    from scipy.special import ndtri  # noqa: PLC0415 - takes 0.2 s to load

    count = len(invoices.amount)
    simulations = max(100, min(simulations, MOST_DRAWS // max(count, 1)))
    limits = np.column_stack([ndtri(invoices.paid_by(int(end), later)) for end in ends]).astype(np.float32)
    random = np.random.default_rng(seed)
    order = np.argsort(invoices.customer, kind="stable")
    total = np.zeros((len(ends), simulations))
    own, common = np.float32(np.sqrt(1.0 - correlation)), np.float32(np.sqrt(correlation))
    factor, last = np.zeros(simulations, dtype=np.float32), -1
    for start in range(0, count, BLOCK):
        rows = order[start : start + BLOCK]
        customers, place = np.unique(invoices.customer[rows], return_inverse=True)
        factors = random.standard_normal((len(customers), simulations), dtype=np.float32)
        if customers[0] == last:  # a customer whose invoices lie in two blocks keeps its factor
            factors[0] = factor
        factor, last = factors[-1], int(customers[-1])
        drawn = random.standard_normal((len(rows), simulations), dtype=np.float32)
        drawn *= own
        drawn += common * factors[place]
        for number in range(len(ends)):
            paid = drawn < limits[rows, number, None]
            total[number] += invoices.amount[rows].astype(np.float64) @ paid
    cash = np.vstack([np.zeros(simulations), total, np.full(simulations, float(invoices.amount.sum()))])
    return np.asarray(np.diff(cash, axis=0).T)


def customer_correlation(share: Floats, customer: Ints) -> float:
    """Correlation within customers from the `share` (n,) of each curve at which payments came (the probability integral
    transform): the intraclass correlation of its normal scores, 0 to 0.9."""
    from scipy.special import ndtri  # noqa: PLC0415 - takes 0.2 s to load

    scores = pd.Series(ndtri(np.clip(share, 0.001, 0.999)))
    scores = scores - scores.mean()
    by = scores.groupby(customer)
    count = by.size()
    pairs = float((count * (count - 1)).sum())
    variance = float((scores**2).mean()) if len(scores) else 0.0
    if pairs < LEAST_PAIRS or variance <= 0:
        return CORRELATION
    products = float((by.sum() ** 2).sum() - (scores**2).sum())
    return float(np.clip(products / pairs / variance, 0.0, 0.9))
