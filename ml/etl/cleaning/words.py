"""Reasons of flags, in words with numbers."""

from __future__ import annotations

import pandas as pd

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def outlier(value: float, usual: float, score: float, when: str) -> str:
    """Why a value is an outlier, `when` naming what it is compared with: "4.1 times the usual 120 of a March; …"."""
    return f"{compared(value, usual)} the usual {amount(usual)} {when}; {abs(score):.1f} robust deviations"


def compared(value: float, usual: float) -> str:
    """How much a value is of what is usual."""
    if value == 0:
        return "nothing instead of"
    if value < 0 or usual <= 0:
        return f"{amount(value)} instead of"
    ratio = value / usual
    return f"{ratio:.1f} times" if ratio >= 1 else f"{ratio:.0%} of"


def season_of(period: pd.Timestamp, freq: str) -> str:
    """What a period is compared with: of a March, of week 12, of a Monday."""
    if freq == "MS":
        return f"of a {MONTHS[period.month - 1]}"
    return f"of week {period.isocalendar().week}" if freq.startswith("W") else f"of a {period:%A}"


def stockout(value: float, corrected: float | None, out: float, leaves: int) -> str:
    """Why demand counts as cut off."""
    share = "less than 1 %" if out < 0.01 else f"{out:.0%}".replace("%", " %")
    of = f"for {share} of what {leaves} places and products usually sell" if leaves > 1 else f"on {share} of the days"
    if corrected is None:
        return f"no stock {of}: what was sold, {amount(value)}, says nothing of demand"
    return f"no stock {of}; {amount(value)} was sold, with stock it were about {amount(corrected)}"


def amount(value: float) -> str:
    """A number with as many digits as a reader needs."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
