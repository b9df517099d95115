"""Risk classes of customers, and who moved between them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.receivables.features import FeatureMaker
from ml.receivables.history import Floats

CLASSES = ("prompt", "usual", "slow", "high risk", "no history")
"""From the one that pays best; customers without a settled invoice stand apart."""
LATE_SHARES = (0.15, 0.4, 0.75)
"""Share of late invoices up to which a customer is prompt, usual, slow."""
WORSE, LONG_OVERDUE, LARGE = 5.0, 30.0, 0.1
"""Days of delay more than before, days that open invoices are overdue, share of all that is owed."""


def risk_classes(maker: FeatureMaker, day: int) -> pd.DataFrame:
    """The class of each customer in the morning of a day (since 1970); the index is its code.

    Columns: `risk_class`, `late_rate`, `delay` and `trend` (days: the habit, and how much later the latest invoices
    were), `open`, `overdue` (amounts), `overdue_days` (mean of what is overdue), `why`. The share of late invoices sets
    the class; a worse trend, or invoices that are long overdue, sets it one worse; `why` names what did, and a large
    exposure.
    """
    history = maker.history
    known = np.flatnonzero(history.issued <= day)
    latest = pd.Series(known, index=history.customer[known]).groupby(level=0).last()
    rows = latest.to_numpy()
    table = maker.table(rows, np.full(len(rows), day))
    open_ = known[history.settled[known] >= day]
    amount = history.invoices["amount"].to_numpy()[open_]
    late = np.maximum(day - history.due[open_], 0)
    by = pd.DataFrame(
        {"open": amount, "overdue": amount * (late > 0), "days": np.where(late > 0, late, np.nan)},
        index=history.customer[open_],
    ).groupby(level=0)
    owed = by[["open", "overdue"]].sum().reindex(latest.index, fill_value=0.0)
    days = by["days"].mean().reindex(latest.index).fillna(0.0)
    found = pd.DataFrame(
        {
            "late_rate": table["late_rate"].to_numpy(),
            "delay": table["habit"].to_numpy(),
            "trend": (table["habit_latest"] - table["habit"]).to_numpy(),
            "open": owed["open"].to_numpy(),
            "overdue": owed["overdue"].to_numpy(),
            "overdue_days": days.to_numpy(),
        },
        index=pd.Index(history.invoices["customer_code"].to_numpy()[rows], name="customer_code"),
    )
    return _classified(found, table["settled"].to_numpy())


def movements(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Customers whose class changed between two results of `risk_classes`: `before`, `after`, and `direction` (better,
    worse, or new where one of them is without history)."""
    joined = pd.DataFrame({"before": before["risk_class"], "after": after["risk_class"]}).dropna()
    moved = joined[joined["before"] != joined["after"]]
    place = {name: number for number, name in enumerate(CLASSES)}
    step = moved["after"].map(place) - moved["before"].map(place)
    unknown = (moved == CLASSES[-1]).any(axis=1)
    return moved.assign(direction=np.where(unknown, "new", np.where(step > 0, "worse", "better")))


def _classified(found: pd.DataFrame, settled: Floats) -> pd.DataFrame:
    base = np.searchsorted(LATE_SHARES, found["late_rate"].to_numpy(), "left")
    worse = (found["trend"] > WORSE).to_numpy()
    long_overdue = (found["overdue_days"] > LONG_OVERDUE).to_numpy()
    large = (found["open"] > LARGE * max(float(found["open"].sum()), 0.01)).to_numpy()
    place = np.minimum(base + (worse | long_overdue), len(CLASSES) - 2)
    place = np.where(settled == 0, len(CLASSES) - 1, place)
    names = ("pays later than before", "long overdue", "large exposure")
    marks = np.column_stack([worse, long_overdue, large])
    why = ["; ".join(name for name, mark in zip(names, row, strict=True) if mark) for row in marks]
    return found.assign(risk_class=np.array(CLASSES)[place], why=why)
