"""How old receivables are, and the usual figures of collection. Pure functions on a `Ledger`.

All figures are by currency: amounts of two currencies are never added. `ml.receivables.ledger.convert` brings a ledger
into one currency first, where rates are known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.errors import DataError
from ml.receivables.ledger import Ledger

BUCKETS = ("not_due", "days_1_30", "days_31_60", "days_61_90", "over_90")
"""Open invoices by days past due at the end of a day."""
LIMITS = (0, 30, 60, 90)
GROUPS = ("customer_code", "segment", "region", "category")


def ageing(ledger: Ledger, day: pd.Timestamp, by: Sequence[str] = ()) -> pd.DataFrame:
    """Open amounts at the end of a day by `BUCKETS`, one row a currency and group (`by`, of `GROUPS`).

    `credits` (negative) are open credit notes and overpayments, which no bucket holds; `total` is all of it;
    `invoices` counts open ones, `assumed_due` those of them whose due date had to be assumed, `overdue_share` is the
    overdue part of what is owed. Raises DataError for an unknown group.
    """
    keys = _keys(by)
    found = ledger.open_at(day)
    owed = found["open"].where(found["amount"] > 0, 0.0)
    late = (day - found["due_on"]).dt.days
    place = np.searchsorted(LIMITS, late.to_numpy(), "left")
    columns = {name: owed.where(place == number, 0.0) for number, name in enumerate(BUCKETS)}
    columns["credits"] = found["open"].where(found["amount"] < 0, 0.0) - found["overpaid"]
    columns["invoices"] = (owed > 0).astype(int)
    columns["assumed_due"] = ((owed > 0) & (found["due_from"] != "invoice")).astype(int)
    table = pd.DataFrame({**{key: found[key] for key in keys}, **columns}).groupby(keys).sum()
    owed_sum = table[list(BUCKETS)].sum(axis=1)
    table.insert(len(BUCKETS) + 1, "total", owed_sum + table["credits"])
    return table.assign(overdue_share=_ratio(owed_sum - table["not_due"], owed_sum)).reset_index()


def collection_figures(ledger: Ledger, first: pd.Timestamp, last: pd.Timestamp, by: Sequence[str] = ()) -> pd.DataFrame:
    """Figures of the days `first` to `last`, one row a currency and group; NaN where there is nothing to divide by.

    With sales on credit S of the period, its days D, receivables at its beginning B and end E, of which C not yet due:

    - `dso`, days sales outstanding: E / S · D;
    - `best_possible_dso`: C / S · D, what it were if nobody were late;
    - `average_days_delinquent`: their difference;
    - `collection_effectiveness` in percent: (B + S - E) / (B + S - C) · 100
      (all four as the Credit Research Foundation defines them);
    - `days_to_pay`, `days_late`: means over invoices settled in the period, by amount (`settled`); paid early counts
      as early.

    Credit notes issued in the period lessen its sales; overpayments lessen no receivable. Raises DataError for an
    unknown group or an empty period.
    """
    if last < first:
        raise DataError(f"the period ends on {last:%Y-%m-%d}, before its beginning on {first:%Y-%m-%d}.")
    keys, days = _keys(by), (last - first).days + 1
    begin, end = (_receivables(ledger, day, keys) for day in (first - pd.Timedelta(days=1), last))
    rows = ledger.invoices
    sales = rows[(rows["issued_on"] >= first) & (rows["issued_on"] <= last)].groupby(keys)["amount"].sum()
    table = pd.DataFrame(
        {"sales": sales, "begin": begin["open"], "receivables": end["open"], "current": end["current"]}
    )
    table = table.fillna(0.0).join(_settled(ledger, first, last, keys))
    sold = table["sales"].where(table["sales"] > 0)
    table["dso"] = table["receivables"] / sold * days
    table["best_possible_dso"] = table["current"] / sold * days
    table["average_days_delinquent"] = table["dso"] - table["best_possible_dso"]
    asked = table["begin"] + table["sales"]
    collected = asked - table["receivables"]
    table["collection_effectiveness"] = _ratio(collected, asked - table["current"]) * 100
    return table.rename_axis(keys).reset_index()


def _keys(by: Sequence[str]) -> list[str]:
    unknown = [name for name in by if name not in GROUPS]
    if unknown:
        raise DataError(f"receivables cannot be grouped by {', '.join(unknown)}; expected some of {', '.join(GROUPS)}.")
    return ["currency", *by]


def _receivables(ledger: Ledger, day: pd.Timestamp, keys: list[str]) -> pd.DataFrame:
    """What is owed at the end of a day, and the part of it that is not yet due; open credit notes lessen both."""
    found = ledger.open_at(day)
    current = found["open"].where((found["due_on"] >= day) | (found["amount"] < 0), 0.0)
    return found.assign(current=current).groupby(keys)[["open", "current"]].sum()


def _settled(ledger: Ledger, first: pd.Timestamp, last: pd.Timestamp, keys: list[str]) -> pd.DataFrame:
    paid = ledger.collectable
    paid = paid[(paid["settled_on"] >= first) & (paid["settled_on"] <= last)]
    taken = (paid["settled_on"] - paid["issued_on"]).dt.days * paid["amount"]
    late = (paid["settled_on"] - paid["due_on"]).dt.days * paid["amount"]
    sums = paid.assign(days_to_pay=taken, days_late=late).groupby(keys)[["days_to_pay", "days_late", "amount"]].sum()
    means = sums[["days_to_pay", "days_late"]].div(sums["amount"], axis=0)
    return means.assign(settled=sums["amount"])


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole.abs() > 1e-9)
