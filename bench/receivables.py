"""Payment and next-order predictions on real data, out of time, and how long training, scoring and simulation take.

Needs `../shared/data`; the cases of a file that is not there are left out. Warm-up, not timed: a small training.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from bench.cases import Case, run
from ml.customers.baskets import category_shares, expected_amount, last_main_category, next_main_category
from ml.customers.features import features_at
from ml.customers.next_order import train_next_order, wait_of
from ml.customers.orders import Orders, build_orders
from ml.customers.outlook import median_gap_wait
from ml.receivables.cashflow import CashPlan, forecast_cash
from ml.receivables.history import History
from ml.receivables.landmarks import Lessons, lessons_at
from ml.receivables.ledger import Ledger, build_ledger
from ml.receivables.payment import PaymentModel, Training, train_payment
from ml.receivables.predictions import curves_of, predict_payments
from ml.receivables.scores import auc, score, summary
from ml.receivables.simulation import OpenInvoices

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CUTOFF = "2013-07-01"
LAST = "2011-10-31"
WINDOW = 39
"""Days from 2011-10-31 to the end of the data."""
ROUNDS = 3
BENCH = "receivables"


def main(arguments: Sequence[str]) -> int:
    """Measure all cases, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.receivables", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    return run(case for name in chosen.cases or CASES for case in CASES[name](chosen.threads))


def payments(threads: int) -> Iterator[Case]:
    """Invoices issued from 2013-07-01 on, each predicted on its day of issue and half-way to its due date, from a model
    that learned from invoices issued and settled before. No dispute of the invoice itself is known."""
    path = DATA / "accounts_receivable.csv"
    if not path.is_file():
        return _note(path)
    history = History.of(real_ledger(path))
    model = train_payment(Training(history, day_of(CUTOFF), open_ones=False, threads=threads))
    print(model.backtest.round(4).to_string(index=False), file=sys.stderr)
    for case, lessons in _windows(model, history, day_of(CUTOFF)).items():
        yield from _payment_cases(case, model, lessons)


def _payment_cases(case: str, model: PaymentModel, lessons: Lessons) -> Iterator[Case]:
    found = summary(score(model.curves(lessons.table), lessons))
    late = (lessons.delay > 0).astype(float)
    rate, average = (lessons.table[name].to_numpy() for name in ("own_late", "own_delay"))
    own_rate = float(((rate - late) ** 2).mean())
    own_average, due = (float(np.abs(guess - lessons.delay).mean()) for guess in (average, np.zeros(len(late))))
    at_issue = case == "issue"
    unit = f"of {len(late)} invoices, {model.name}"
    yield Case(BENCH, f"{case}-auc-late", found["auc"], unit, (0.857 if at_issue else None, None))
    bar = (None, 0.91) if at_issue else (None, 1.0)
    yield Case(BENCH, f"{case}-brier", found["brier"], unit, bar, own_rate, "customer's own late rate")
    if at_issue:
        yield Case(BENCH, "issue-mae", found["mae"], "days to settle", (None, 5.78))
    yield Case(BENCH, f"{case}-mae", found["mae"], "days to settle", (None, 1.0), own_average, "customer's average")
    yield Case(BENCH, f"{case}-mae", found["mae"], "days to settle", (None, 1.0), due, "due date")
    yield Case(BENCH, f"{case}-cover80", found["coverage"], "share", (0.75, 0.85))


def _windows(model: PaymentModel, history: History, cutoff: int) -> dict[str, Lessons]:
    rows = np.flatnonzero(history.issued >= cutoff)
    half = history.issued[rows] + (history.due[rows] - history.issued[rows]) // 2
    still = history.settled[rows] >= half
    maker = model.maker(history)
    return {
        "issue": lessons_at(maker, rows, history.issued[rows]),
        "half-way": lessons_at(maker, rows[still], half[still]),
    }


def disputed(threads: int) -> Iterator[Case]:
    """The same with the dispute of each invoice known on its day of issue: an upper reference, not a bar."""
    path = DATA / "accounts_receivable.csv"
    if not path.is_file():
        return _note(path)
    history = History.of(real_ledger(path, told=True))
    model = train_payment(Training(history, day_of(CUTOFF), open_ones=False, threads=threads))
    lessons = _windows(model, history, day_of(CUTOFF))["issue"]
    found = summary(score(model.curves(lessons.table), lessons))
    for name in ("auc", "brier", "mae", "coverage"):
        yield Case(BENCH, f"told-dispute-{name}", found[name], f"upper reference, {model.name}", (None, None))


def orders(threads: int) -> Iterator[Case]:
    """Customers who had ordered by the end of 2011-10-31: who orders within 30 days, when, and of what."""
    path = DATA / "online_retail.csv.gz"
    if not path.is_file():
        return _note(path)
    known, day = real_orders(path), day_of(LAST)
    model = train_next_order(known, day, threads)
    table = features_at(known, day)
    customers, none = table.index.to_numpy(), np.zeros(len(table))
    waited, seen = wait_of(known, customers, day, day + WINDOW)
    curves = model.curves(table)
    within = (seen & (waited <= 30)).astype(float)
    chance = 1.0 - curves.at(none + 30.0)
    unit = f"of {len(table)} customers, {within.mean():.1%} order"
    yield Case(BENCH, "orders-30-days-auc", auc(chance, within), unit, (0.75, None))
    yield Case(BENCH, "orders-30-days-auc-frequency", auc(table["orders"].to_numpy(), within), unit, (None, None))
    guess, usual = curves.band_day(0.5, none).astype(float), median_gap_wait(table)
    soon = np.ceil(curves.quantile(0.5 * (1.0 - curves.at(none + WINDOW)), none))
    yield from _date_cases(guess, soon, usual, waited, seen)
    yield from _basket_cases(known, day, table, seen)


def _date_cases(
    guess: np.ndarray, soon: np.ndarray, usual: np.ndarray, waited: np.ndarray, seen: np.ndarray
) -> Iterator[Case]:
    """Expected dates of all customers, days beyond the window counting as its end; then of those who did order in it,
    as they are, and (`soon`) as they are expected of who orders in the window."""
    every = [
        float(np.abs(np.minimum(days, WINDOW) - waited).mean()) for days in (guess, usual, np.full(len(seen), WINDOW))
    ]
    yield Case(BENCH, "next-date-mae", every[0], f"days, up to {WINDOW}", (None, 0.9), every[1], "median gap")
    yield Case(BENCH, "next-date-mae", every[0], f"days, up to {WINDOW}", (None, 1.0), every[2], "not in the window")
    ordered = [float(np.abs(days - waited)[seen].mean()) for days in (guess, usual, soon, np.minimum(usual, WINDOW))]
    open_bar = (None, None)
    yield Case(BENCH, "next-date-mae-who-ordered", ordered[0], "days", open_bar, ordered[1], "median gap")
    yield Case(
        BENCH, "next-date-mae-who-ordered-soon", ordered[2], "days", open_bar, ordered[3], "median gap in window"
    )


def _basket_cases(known: Orders, day: int, table: pd.DataFrame, seen: np.ndarray) -> Iterator[Case]:
    actual = next_main_category(known, day).reindex(table.index[seen])
    shares = category_shares(known, day, actual.index.to_numpy())
    ours = float((shares.argmax(axis=1) == actual.to_numpy()).mean())
    last = float((last_main_category(known, day).reindex(actual.index) == actual).mean())
    yield Case(BENCH, "next-category-top1", ours, f"share of {len(actual)}", (1.0001, None), last, "last category")
    later = known.orders[known.orders["day"] > day].groupby("customer")["amount"].first().reindex(table.index)
    guesses = (expected_amount(table), np.exp(table["amount_last"].to_numpy()))
    errors = [float(np.abs(guess - later)[seen].mean()) for guess in guesses]
    yield Case(BENCH, "next-amount-mae", errors[0], "GBP", (None, 1.0), errors[1], "last amount")


def speed(threads: int) -> Iterator[Case]:
    """Training on 10,000 made invoices, scoring 100,000 open ones, a month's cash of 2,000 in 10,000 simulations."""
    small = History.of(made_ledger(600, 40))
    train_payment(Training(small, int(small.issued.max()) - 30, threads=threads))
    history = History.of(made_ledger(10_000, 500))
    cutoff = int(history.issued.max()) + 1
    models: list[PaymentModel] = []
    trained = _seconds(lambda: models.append(train_payment(Training(history, cutoff, threads=threads))))
    yield Case(BENCH, "train-10000", trained, f"s, {models[-1].name}", (None, 60))
    many = History.of(made_ledger(200_000, 5_000))
    day = int(many.issued.max()) + 1
    rows = np.flatnonzero(many.issued >= np.sort(many.issued)[-100_000])[:100_000]
    opened = History.of(_reopened(many.ledger, rows))
    for name in ("habit", "hazard"):
        training = Training(history, cutoff, threads=threads)
        model = PaymentModel(
            name, training.habits, training.fit(name), training.fit_on_time(), models[-1].backtest, cutoff
        )
        scored = _seconds(lambda model=model: predict_payments(model, opened, day, rows))  # type: ignore[misc]
        yield Case(BENCH, f"score-100000-{name}", scored, "s", (None, 10))
    few = rows[:2_000]
    curves, passed = curves_of(models[-1], opened, day, few)
    amount = opened.invoices["amount"].to_numpy()[few]
    invoices = OpenInvoices(curves, passed, opened.due[few], opened.customer[few], amount)
    cash = _seconds(lambda: forecast_cash(invoices, CashPlan(0.0), day, 1, "monthly", simulations=10_000))
    yield Case(BENCH, "cash-month-10000", cash, "s, 2,000 invoices", (None, 1))


def _seconds(work: Callable[[], object]) -> float:
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return median(found)


def _reopened(ledger: Ledger, rows: np.ndarray) -> Ledger:
    """The ledger with some invoices unpaid."""
    unpaid = ledger.invoices.index[rows]
    invoices = ledger.invoices.copy()
    invoices.loc[unpaid, "settled_on"] = pd.NaT
    payments = ledger.payments[~ledger.payments["invoice"].isin(unpaid)].reset_index(drop=True)
    return Ledger(invoices, payments, ledger.notes)


def made_ledger(count: int, customers: int, seed: int = 0) -> Ledger:
    """Made invoices of two years: customers of different habits and terms, some paid in two parts."""
    random = np.random.default_rng(seed)
    customer = random.integers(0, customers, count)
    terms = np.array([14, 30, 60])[random.integers(0, 3, customers)][customer]
    issued = np.sort(random.integers(0, 730, count))
    late = random.normal(0, 8, customers)[customer] + random.gamma(2.0, 4.0, count) - 8
    taken = np.maximum(np.round(terms + late), 0)
    frame = pd.DataFrame(
        {
            "invoice_ref": [f"I{number:07d}" for number in range(count)],
            "customer_code": [f"C{number:05d}" for number in customer],
            "issued_on": pd.Timestamp("2023-01-01") + pd.to_timedelta(issued, unit="D"),
            "amount": np.round(np.exp(random.normal(6, 1, count)), 2) + 1,
            "paperless": random.integers(0, 2, count),
            "disputed": (random.random(count) < 0.1).astype(int),
        }
    )
    frame["due_on"] = frame["issued_on"] + pd.to_timedelta(terms, unit="D")
    frame["settled_on"] = frame["issued_on"] + pd.to_timedelta(taken, unit="D")
    end = frame["issued_on"].max()
    return build_ledger(frame.assign(settled_on=frame["settled_on"].where(frame["settled_on"] <= end)))


def real_ledger(path: Path, told: bool = False) -> Ledger:
    """The file as a ledger; with `told`, disputes are known from the day of issue on."""
    rows = pd.read_csv(path, dtype={"invoiceNumber": str})
    days = {name: pd.to_datetime(rows[name], format="%m/%d/%Y") for name in ("InvoiceDate", "DueDate", "SettledDate")}
    disputed = rows["Disputed"] == "Yes"
    frame = pd.DataFrame(
        {
            "invoice_ref": rows["invoiceNumber"],
            "customer_code": rows["customerID"],
            "issued_on": days["InvoiceDate"],
            "due_on": days["DueDate"],
            "settled_on": days["SettledDate"],
            "amount": rows["InvoiceAmount"],
            "region": rows["countryCode"].astype(str),
            "disputed": disputed.astype(float),
            "paperless": (rows["PaperlessBill"] == "Electronic").astype(float),
        }
    )
    if told:
        frame["disputed_on"] = (days["InvoiceDate"] - pd.Timedelta(days=1)).where(disputed)
    return build_ledger(frame)


def real_orders(path: Path) -> Orders:
    """The file as orders: value of a row is quantity times price, its category the first two characters of the code."""
    rows = pd.read_csv(path, dtype={"InvoiceNo": str, "StockCode": str, "CustomerID": str})
    return build_orders(
        pd.DataFrame(
            {
                "customer_code": rows["CustomerID"],
                "sale_date": pd.to_datetime(rows["InvoiceDate"]),
                "sales_amount": rows["Quantity"] * rows["UnitPrice"],
                "category": rows["StockCode"].str[:2],
            }
        )
    )


def day_of(text: str) -> int:
    """A date as the days since 1970."""
    return int(np.datetime64(text, "D").astype(np.int64))


def _note(path: Path) -> None:
    print(f"{path} is not here: its cases are left out", file=sys.stderr)


CASES = {"payments": payments, "disputed": disputed, "orders": orders, "speed": speed}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
