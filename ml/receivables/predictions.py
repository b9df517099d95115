"""What is said of each open invoice: when it will be paid, how surely, and at what risk."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.receivables.curves import Curves, Floats
from ml.receivables.history import History, Ints
from ml.receivables.payment import PaymentModel, passed_of
from ml.receivables.risk import add_risk

PAST_DUE = {"late": 0.0, "very_late": 30.0, "default": 90.0}
"""Days past due beyond which an invoice is late, very late, in default."""
SHARES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
SHOWN = ("invoice_ref", "customer_code", "currency", "due_on", "due_from")
CHUNK = 20_000


def open_rows(history: History, day: int) -> Ints:
    """Positions of invoices that were issued by, and not settled before, the morning of a day (days since 1970)."""
    return np.flatnonzero((history.issued <= day) & (history.settled >= day))


def predict_payments(model: PaymentModel, history: History, day: int, rows: Ints | None = None) -> pd.DataFrame:
    """Predictions of open invoices (all, or `rows`) in the morning of a day; the index is their position in `history`.

    Columns: `invoice_ref, customer_code, currency, open` (what is still to come), `due_on, due_from`; `on_time, late`
    (1 to 30 days), `very_late` (more), which add to 1, and `default` (more than 90); `p10, p50, p90` and `expected_on`,
    the mean (days, never before `day`); `basis`, what the customer's part rests on; `risk` 0 to 100 and `reasons`.
    """
    chosen = open_rows(history, day) if rows is None else rows
    maker = model.maker(history)
    parts = [_predict(model, maker.table(part, np.full(len(part), day)), history, part) for part in _chunks(chosen)]
    return pd.concat(parts) if parts else pd.DataFrame()


def curves_of(model: PaymentModel, history: History, day: int, rows: Ints) -> tuple[Curves, Floats]:
    """Curves of invoices in the morning of a day, and the last delay of each that went by unpaid."""
    table = model.maker(history).table(rows, np.full(len(rows), day))
    return model.curves(table), passed_of(table)


def _chunks(rows: Ints) -> list[Ints]:
    return [rows[at : at + CHUNK] for at in range(0, max(len(rows), 1), CHUNK)]


def _predict(model: PaymentModel, table: pd.DataFrame, history: History, rows: Ints) -> pd.DataFrame:
    curves, passed = model.curves(table), passed_of(table)
    own = history.invoices.iloc[rows]
    beyond = {name: curves.exceeds(edge, passed) for name, edge in PAST_DUE.items()}
    found = pd.DataFrame(
        {
            **{name: own[name].to_numpy() for name in SHOWN},
            "open": np.maximum(own["amount"].to_numpy() * (1 - table["paid_share"].to_numpy()), 0.0),
            "on_time": 1.0 - beyond["late"],
            "late": beyond["late"] - beyond["very_late"],
            "very_late": beyond["very_late"],
            "default": beyond["default"],
        },
        index=pd.Index(rows, name="row"),
    )
    due = own["due_on"].to_numpy(dtype="datetime64[D]")
    for name, share in SHARES.items():
        found[name] = (due + curves.band_day(share, passed)).astype("datetime64[ns]")
    mean = np.round(np.maximum(curves.mean(passed), passed + 1)).astype(int)
    found["expected_on"] = (due + mean).astype("datetime64[ns]")
    found["basis"] = _basis(table)
    return add_risk(found, table)


def _basis(table: pd.DataFrame) -> NDArray[np.str_]:
    """What the prediction knows of the customer."""
    settled = table["settled"].to_numpy()
    late = table["own_late"].to_numpy()
    return np.select(
        [settled == 0, settled == 1, (settled > 1) & (late == 1.0)],
        ["no settled invoice: like customers of its terms and segment", "one settled invoice", "all paid late so far"],
        "own history",
    )
