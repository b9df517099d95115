"""Risk of an invoice from 0 to 100, with the reasons that weigh most."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.receivables.curves import Floats

WEIGHTS = {"late": 30.0, "very_late": 65.0, "default": 100.0}
"""Risk of an invoice that is surely late (up to 30 days), very late, in default (more than 90)."""
MOST_REASONS = 3


def add_risk(predicted: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """`predicted` with `risk`, the expected weight of how late the payment will be (0 to 100), and `reasons`, the names
    of up to three facts of `REASONS` that speak for risk, the strongest first, joined by '; '."""
    beyond = predicted["very_late"] - predicted["default"]
    parts = {"late": predicted["late"], "very_late": beyond, "default": predicted["default"]}
    risk = sum((WEIGHTS[name] * chance for name, chance in parts.items()), start=pd.Series(0.0, predicted.index))
    return predicted.assign(risk=np.round(risk.clip(0.0, 100.0), 1), reasons=_reasons(table))


def _reasons(table: pd.DataFrame) -> list[str]:
    strengths = {name: _strength(name, table) for name in REASONS}
    names = np.array([*strengths])
    matrix = np.column_stack([strengths[name] for name in names])
    order = np.argsort(-matrix, axis=1, kind="stable")[:, :MOST_REASONS]
    kept = np.take_along_axis(matrix, order, axis=1) > 0
    return ["; ".join(names[row][good]) for row, good in zip(order, kept, strict=True)]


REASONS = (
    "overdue",
    "disputed",
    "broke a promise to pay",
    "usually pays late",
    "paying later than before",
    "other invoices overdue",
    "over the credit limit",
    "larger than usual",
    "little history",
)
"""Facts that speak for risk."""


def _strength(name: str, table: pd.DataFrame) -> Floats:
    """How strongly a fact speaks, in days of delay that it stands for; 0: not at all."""
    days: dict[str, pd.Series] = {
        "overdue": -table["to_due"],
        "disputed": table["disputed"].fillna(0.0) * 15.0,
        "broke a promise to pay": _broken(table) * 10.0,
        "usually pays late": table["habit"].where(table["late_rate"] > 0.5, 0.0),
        "paying later than before": (table["habit_latest"] - table["habit"]).where(table["settled"] >= 3, 0.0) - 2.0,
        "other invoices overdue": table["overdue_days"].where(table["overdue_count"] > 0, 0.0) * 0.5,
        "over the credit limit": (table["credit_use"].fillna(0.0) > 1.0) * 10.0,
        "larger than usual": (table["amount_ratio"] - np.log(2.0)) * 5.0,
        "little history": (table["settled"] < 2) * 1.0,
    }
    return np.asarray(np.maximum(days[name].to_numpy(dtype=float), 0.0))


def _broken(table: pd.DataFrame) -> pd.Series:
    """1 where the day of the latest promise went by."""
    if "promised_in" not in table.columns:
        return pd.Series(0.0, table.index)
    return (table["promised_in"] < 0).astype(float)
