"""Invoices and payments as the receivables code needs them: one row an invoice, with what became of it.

Nothing is repaired silently: what had to be assumed is a column (`due_from`) or a count in `Ledger.notes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ml.errors import DataError

TOLERANCE = 0.005
"""An invoice is settled when no more than this share of it (or a cent) is missing: bank charges, rounding."""
USUAL_TERMS = 30
"""Days that are taken where neither the invoice, its customer nor any other invoice says when it is due."""
NEEDED = ("invoice_ref", "customer_code", "issued_on", "amount")
TEXTS = ("currency", "region", "category", "segment")
FLAGS = ("paperless", "disputed")
DAYS = ("issued_on", "due_on", "disputed_on")
ACTION_COLUMNS = ("invoice", "kind", "day", "promised_on")


@dataclass(frozen=True)
class Ledger:
    """All invoices and payments.

    `invoices`, in order of issue: `invoice_ref, customer_code, issued_on, due_on, due_from, terms` (days), `amount`
    (negative: a credit note), `currency, region, category, segment, paperless, disputed` (0, 1, NaN: unknown),
    `disputed_on, settled_on` (NaT: not yet), `paid, overpaid, credit_limit`.
    `payments`, in order of their days: `invoice` (position in `invoices`), `paid_on, amount`.
    `notes` counts what was unusual, by what it is. `actions` is what was done to collect: `invoice` (position), `kind`
    (reminder, call or promise), `day`, and `promised_on` of promises.
    """

    invoices: pd.DataFrame
    payments: pd.DataFrame
    notes: dict[str, int]
    actions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(ACTION_COLUMNS)))

    def open_at(self, day: pd.Timestamp) -> pd.DataFrame:
        """Documents issued by the end of `day` and what is open of them then: `open` (never negative for an invoice),
        `overpaid`, and all columns of `invoices`."""
        paid_by = self.payments[self.payments["paid_on"] <= day]
        came = paid_by.groupby("invoice")["amount"].sum()
        paid, whole = (part.reindex(self.invoices.index) for part in (came, _is_enough(self.invoices["amount"], came)))
        found = self.invoices.assign(paid=paid.fillna(0.0))[self.invoices["issued_on"] <= day].copy()
        settled = whole.reindex(found.index) == 1
        rest = found["amount"] - found["paid"]
        credit = found["amount"] < 0
        found["overpaid"] = (-rest).where(~credit & (rest < 0), 0.0)
        found["open"] = rest.where(credit, rest.clip(lower=0)).where(~settled, 0.0)
        return found

    @property
    def collectable(self) -> pd.DataFrame:
        """Invoices proper: neither credit notes nor invoices of nothing."""
        return self.invoices[self.invoices["amount"] > 0]


def build_ledger(
    invoices: pd.DataFrame,
    payments: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    actions: pd.DataFrame | None = None,
) -> Ledger:
    """Bring rows of the data sets `invoices`, `payments` and `customers` (`docs/data-sets.md`) into a `Ledger`.

    Columns have the names of the data sets; of invoices `invoice_ref, customer_code, issued_on` and `amount` are
    needed, `terms_days` may stand in for `due_on`, and `disputed_on` may say since when a dispute is known. Without
    `payments`, `settled_on` of the invoices counts as payment in full. Customers give `segment`, `payment_terms_days`
    and `credit_limit`, `actions` have `invoice_ref, kind, day, promised_on`.
    Raises DataError for a missing column or an invoice number that comes twice.
    """
    found = _checked(invoices)
    if customers is not None:
        found = _with_customers(found, customers)
    found = _with_due_days(found)
    taken, strays = _payments(found, payments)
    found = _with_settlement(found, taken)
    notes = {
        "credit notes": int((found["amount"] < 0).sum()),
        "invoices of nothing": int((found["amount"] == 0).sum()),
        "invoices without a due date": int((found["due_from"] != "invoice").sum()),
        "overpaid invoices": int((found["overpaid"] > 0).sum()),
        "payments without an invoice": strays,
        "currencies": int(found["currency"].nunique()),
    }
    return Ledger(found, taken, notes, _actions(found, actions))


def convert(ledger: Ledger, rates: dict[str, float], currency: str) -> Ledger:
    """All amounts in one currency; `rates` says what a unit of each other currency is worth in it.

    Raises DataError for a currency without a rate: amounts of two currencies are never added as if they were one.
    """
    known = {**rates, currency: 1.0}
    missing = sorted(set(ledger.invoices["currency"]) - set(known))
    if missing:
        raise DataError(
            f"no rate for {', '.join(repr(name) for name in missing)}; expected one to {currency!r} for each currency "
            f"of the invoices. Add the rate, or ask for figures by currency."
        )
    rate = ledger.invoices["currency"].map(known)
    money = {name: ledger.invoices[name] * rate for name in ("amount", "paid", "overpaid")}
    paid = ledger.payments["amount"] * rate.reindex(ledger.payments["invoice"]).to_numpy()
    invoices = ledger.invoices.assign(currency=currency, **money)
    return replace(ledger, invoices=invoices, payments=ledger.payments.assign(amount=paid))


def _checked(invoices: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in NEEDED if name not in invoices.columns]
    if missing:
        raise DataError(
            f"invoices have no column {', '.join(missing)}; expected at least {', '.join(NEEDED)}, found "
            f"{', '.join(map(str, invoices.columns))}."
        )
    twice = invoices["invoice_ref"][invoices["invoice_ref"].duplicated()]
    if len(twice):
        raise DataError(f"invoice {twice.iloc[0]!r} comes twice; expected one row an invoice.")
    found = invoices.copy()
    for name in DAYS:
        found[name] = pd.to_datetime(found[name]) if name in found.columns else pd.NaT
        found[name] = found[name].astype("datetime64[ns]")
    for name in TEXTS:
        found[name] = found[name].fillna("").astype(str) if name in found.columns else ""
    for name in FLAGS:
        found[name] = found[name].astype("float64") if name in found.columns else np.nan
    if found["issued_on"].isna().any():
        raise DataError("an invoice has no issue date; expected one for each. Leave such rows out.")
    found["amount"] = found["amount"].astype("float64")
    return found.sort_values(["issued_on", "invoice_ref"], ignore_index=True)


def _with_customers(found: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    own = [name for name in ("segment", "payment_terms_days", "credit_limit") if name in customers.columns]
    facts = customers.drop_duplicates("customer_code").set_index("customer_code")[own]
    joined = found.drop(columns=[name for name in own if name in found.columns]).join(facts, on="customer_code")
    if "segment" in own:
        joined["segment"] = joined["segment"].fillna("").astype(str)
    return joined


def _with_due_days(found: pd.DataFrame) -> pd.DataFrame:
    """`due_on`, `terms` and where they come from: the invoice (its due date, else its terms), the customer's terms, the
    customer's latest invoice that says, the median of all earlier ones. Later ones are not looked at: they were not
    known then."""
    stated = (found["due_on"] - found["issued_on"]).dt.days.clip(lower=0)
    agreed = found["payment_terms_days"] if "payment_terms_days" in found.columns else np.nan
    printed = found["terms_days"] if "terms_days" in found.columns else np.nan
    stated = stated.fillna(pd.Series(printed, index=found.index, dtype="float64"))
    sources = {
        "invoice": stated,
        "customer's terms": pd.Series(agreed, index=found.index, dtype="float64"),
        "customer's latest invoice": stated.groupby(found["customer_code"]).ffill(),
        "earlier invoices": stated.expanding().median().ffill(),
        "default": pd.Series(float(USUAL_TERMS), index=found.index),
    }
    terms = pd.Series(np.nan, index=found.index)
    origin = pd.Series("", index=found.index)
    for name, days in sources.items():
        fill = terms.isna() & days.notna()
        terms, origin = terms.where(~fill, days), origin.where(~fill, name)
    terms = terms.round()
    due = found["issued_on"] + pd.to_timedelta(terms, unit="D")
    return found.assign(due_on=due.astype("datetime64[ns]"), terms=terms, due_from=origin)


def _payments(found: pd.DataFrame, payments: pd.DataFrame | None) -> tuple[pd.DataFrame, int]:
    if payments is None:
        days = pd.to_datetime(found["settled_on"]) if "settled_on" in found.columns else pd.Series(pd.NaT, found.index)
        made = pd.DataFrame({"invoice": found.index, "paid_on": days, "amount": found["amount"]})
        taken, strays = made.dropna(subset=["paid_on"]), 0
    else:
        position = pd.Series(found.index, index=found["invoice_ref"])
        joined = payments["invoice_ref"].map(position)
        taken = pd.DataFrame(
            {"invoice": joined, "paid_on": pd.to_datetime(payments["paid_on"]), "amount": payments["amount"]}
        )
        strays = int(joined.isna().sum())
        taken = taken.dropna(subset=["invoice", "paid_on"]).astype({"invoice": "int64", "amount": "float64"})
    taken = taken.astype({"paid_on": "datetime64[ns]"})
    return taken.sort_values(["paid_on", "invoice"], ignore_index=True), strays


def _actions(found: pd.DataFrame, actions: pd.DataFrame | None) -> pd.DataFrame:
    """What was done for invoices that are known, with their positions."""
    if actions is None:
        return pd.DataFrame(columns=list(ACTION_COLUMNS))
    position = pd.Series(found.index, index=found["invoice_ref"])
    days = {name: pd.to_datetime(actions[name]).astype("datetime64[ns]") for name in ("day", "promised_on")}
    taken = actions.assign(invoice=actions["invoice_ref"].map(position), **days)
    return taken.dropna(subset=["invoice"]).astype({"invoice": "int64"})[list(ACTION_COLUMNS)]


def _with_settlement(found: pd.DataFrame, payments: pd.DataFrame) -> pd.DataFrame:
    """`settled_on`: the first day from which on all but the tolerance is paid; money that goes back opens it again."""
    amount = found["amount"]
    sums = payments.groupby(["invoice", "paid_on"])["amount"].sum().groupby(level="invoice").cumsum()
    enough = _is_enough(amount, sums.droplevel("paid_on")).to_numpy()
    days = sums.index.to_frame(index=False).assign(enough=enough)
    stays = days["enough"][::-1].groupby(days["invoice"][::-1]).cummin() == 1
    settled = days[stays.sort_index()].groupby("invoice")["paid_on"].first().reindex(found.index)
    paid = payments.groupby("invoice")["amount"].sum().reindex(found.index, fill_value=0.0)
    excess = (paid - amount).where(amount > 0, 0.0)
    limit = found["credit_limit"].astype("float64") if "credit_limit" in found.columns else np.nan
    return found.assign(
        settled_on=settled, paid=paid, overpaid=excess.where(excess > _slack(amount), 0.0), credit_limit=limit
    ).drop(columns=["payment_terms_days", "terms_days"], errors="ignore")


def _slack(amount: pd.Series) -> pd.Series:
    """What may be missing of invoices that count as settled."""
    return (amount.abs() * TOLERANCE).clip(lower=0.01)


def _is_enough(amount: pd.Series, paid: pd.Series) -> pd.Series:
    """1 where `paid`, by position of the invoice, settles its amount, else 0."""
    whole = amount.reindex(paid.index)
    enough = np.where(whole >= 0, paid >= whole - _slack(whole), paid <= whole + _slack(whole))
    return pd.Series(enough.astype(int), paid.index)
