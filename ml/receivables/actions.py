"""What was done to collect an invoice before a day: reminders and calls, and the customer's latest promise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.receivables.history import Floats, History, Ints, day_number
from ml.receivables.running import RunningSums

OF_ACTIONS = ("reminded", "promised_in")
"""Features of actions; they are there where any action was known when the model learned."""


class Actions:
    """Actions of all invoices, for any invoices and days at once."""

    def __init__(self, history: History) -> None:
        place = pd.Series(np.arange(len(history.invoices)), index=history.invoices["position"])
        found = history.ledger.actions
        found = found.assign(row=found["invoice"].map(place)).dropna(subset=["row"]).sort_values("day", kind="stable")
        promised = found[(found["kind"] == "promise") & found["promised_on"].notna()]
        asked = found[found["kind"] != "promise"]
        self._asked = RunningSums(_rows(asked), day_number(asked["day"]), {})
        until = day_number(promised["promised_on"]).astype(float)
        self._promised = RunningSums(_rows(promised), day_number(promised["day"]), {"until": until})

    def of(self, rows: Ints, days: Ints) -> dict[str, Floats]:
        """`reminded` (m,): how often by then; `promised_in` (m,): days until the promised one, negative where it went
        by, NaN without a promise."""
        given = self._promised.count(rows, days) > 0
        until = self._promised.total("until", rows, days, 1)
        return {
            "reminded": self._asked.count(rows, days).astype(float),
            "promised_in": np.where(given, until - days, np.nan),
        }


def _rows(found: pd.DataFrame) -> Ints:
    return found["row"].to_numpy(dtype=np.int64)
