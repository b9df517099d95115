"""What was known of an invoice on a day: of itself, of its customer's payments until then, of the calendar.

A prediction on a day is made in its morning: payments booked before the day are known, and invoices issued on it or
before. The dispute of an invoice is known from the day it began (`disputed_on`), or once the invoice is settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.receivables.actions import OF_ACTIONS, Actions
from ml.receivables.credibility import credibility, within_variance
from ml.receivables.exposure import Exposure
from ml.receivables.history import NEVER, Floats, History, Ints, day_number
from ml.receivables.running import RunningSums
from ml.receivables.shifts import MARKS, Shifts, fit_shifts

SPREAD_PRIOR = 5.0
"""The variance of all customers counts as so many invoices of the customer's own."""
POOL_PRIOR = 20.0
"""The mean of all invoices counts as so many of a pool of like customers."""
LATEST = 5
HABITS = ("rest", "late", "disputed")
"""Figures of a customer's settled invoices whose means are habits."""
HOLIDAY_REACH = 3
FEATURES = (
    "expected", "undisputed", "habit", "habit_latest", "spread", "late_rate", "dispute_rate", "shift", "settled",
    "log_amount", "amount_ratio", "terms", "paperless", "disputed", "to_due", "age", "paid_share", "open_count",
    "open_ratio", "credit_use", "overdue_count", "overdue_days", "since_settled", "tenure", "due_weekday",
    "due_month_day", "season_sin", "season_cos", "holidays",
)  # fmt: skip
"""Names of the features, in the order of the columns."""
REFERENCES = ("own_delay", "own_late", "pool")
"""What the simplest predictions need: the customer's mean delay and share of late invoices, as they are (everybody's
without a settled invoice), and the name of the pool."""


@dataclass(frozen=True)
class Habits:
    """What was learned of all customers before a cutoff: shifts by marks, the variance (days²) around a customer's
    habit, and how many invoices the prior counts as (see `ml.receivables.credibility`), by figure; and whether any
    action to collect was known, so that there is something to learn of them."""

    shifts: Shifts
    variance: float
    priors: dict[str, float]
    actions: bool = False

    @classmethod
    def before(cls, history: History, cutoff: int) -> Habits:
        """Learn from invoices that were settled before a day."""
        known = np.flatnonzero(history.settled < cutoff)
        own, customer = history.invoices.iloc[known], history.customer[known]
        delay = (history.settled - history.due)[known].astype(float)
        shifts = fit_shifts(own[list(MARKS)], delay, customer)
        figures = _figures(own, delay, shifts)
        priors = {name: credibility(figures[name], customer) for name in HABITS}
        actions = bool((day_number(history.ledger.actions["day"]) < cutoff).any())
        return cls(shifts, within_variance(figures["rest"], customer), priors, actions)


def inputs_of(table: pd.DataFrame, names: Sequence[str] = FEATURES) -> NDArray[np.float32]:
    """Some features (m, names) as models take them, and those of actions where the table has them."""
    done = [name for name in OF_ACTIONS if name in table.columns]
    return table[[*names, *done]].to_numpy(dtype=np.float32)


class FeatureMaker:
    """Features of a history, with habits that were learned before training."""

    def __init__(self, history: History, habits: Habits) -> None:
        self.history, self.habits, self.shifts = history, habits, habits.shifts
        self._settlements = _settlements(history, self.shifts, history.customer)
        self._pools = _settlements(history, self.shifts, history.pool)
        self._all = _settlements(history, self.shifts, np.zeros_like(history.pool))
        self._exposure = Exposure(history)
        self._actions = Actions(history) if habits.actions else None

    def table(self, rows: Ints, days: Ints) -> pd.DataFrame:
        """(m, features) for invoices `rows` (m,), positions in `history.invoices`, each on its day (m,)."""
        own = self.history.invoices.iloc[rows].reset_index(drop=True)
        found = {**self._habits(own, rows, days), **self._exposure.of(rows, days), **self._calendar(rows)}
        found["log_amount"] = own["log_amount"].to_numpy()
        found["terms"] = own["terms"].to_numpy()
        found["paperless"] = own["paperless"].to_numpy()
        found["disputed"] = self._known_dispute(rows, days)
        found["to_due"] = (self.history.due[rows] - days).astype(float)
        found["age"] = (days - self.history.issued[rows]).astype(float)
        found |= self._references(rows, days)
        done = self._actions.of(rows, days) if self._actions else {}
        return pd.DataFrame({**found, **done})[[*FEATURES, *done, *REFERENCES]]

    def _known_dispute(self, rows: Ints, days: Ints) -> Floats:
        """1 from the day a dispute began; 0 before it where such days are told at all, else unknown."""
        told = (self.history.disputed_from != NEVER).any()
        return np.where(self.history.disputed_from[rows] < days, 1.0, 0.0 if told else np.nan)

    def _habits(self, own: pd.DataFrame, rows: Ints, days: Ints) -> dict[str, Floats]:
        customer = self.history.customer[rows]
        usual = self._usual(rows, days)
        settled = self._settlements.count(customer, days)
        prior, latest = self.habits.priors["rest"], np.minimum(settled, LATEST)
        near = self._settlements.total("rest", customer, days, LATEST)
        marks = own.assign(disputed=self._known_dispute(rows, days))
        undisputed = self.shifts.of(marks.assign(disputed=0.0))
        shift = self.shifts.of(marks.assign(disputed=marks["disputed"].fillna(pd.Series(usual["disputed"]))))
        amounts = self._settlements.total("log_amount", customer, days)
        mean_amount = np.where(settled > 0, amounts / np.maximum(settled, 1), own["log_amount"])
        return {
            "expected": usual["rest"] + shift,
            "undisputed": usual["rest"] + undisputed,
            "habit": usual["rest"],
            "habit_latest": (near + prior * usual["rest"]) / (latest + prior),
            "spread": self._spread(customer, days),
            "late_rate": usual["late"],
            "dispute_rate": usual["disputed"],
            "shift": shift,
            "settled": settled,
            "amount_ratio": own["log_amount"].to_numpy() - mean_amount,
        }

    def _references(self, rows: Ints, days: Ints) -> dict[str, Any]:
        customer, everyone = self.history.customer[rows], np.zeros(len(rows), dtype=np.int64)
        own, every = self._settlements.count(customer, days), np.maximum(self._all.count(everyone, days), 1)
        found: dict[str, Any] = {"pool": self.history.pool_name.to_numpy()[rows]}
        for column, name in (("own_delay", "delay"), ("own_late", "late")):
            usual = self._all.total(name, everyone, days) / every
            total = self._settlements.total(name, customer, days)
            found[column] = np.where(own > 0, total / np.maximum(own, 1), usual)
        return found

    def _usual(self, rows: Ints, days: Ints) -> dict[str, Floats]:
        """Means of each habit: everybody's, towards it those of the pool, towards these the customer's own."""
        everyone = np.zeros(len(rows), dtype=np.int64)
        count = np.maximum(self._all.count(everyone, days), 1)
        usual = {name: self._all.total(name, everyone, days) / count for name in HABITS}
        for sums, group, own_prior in (
            (self._pools, self.history.pool[rows], None),
            (self._settlements, self.history.customer[rows], self.habits.priors),
        ):
            count = sums.count(group, days)
            for name in HABITS:
                prior = POOL_PRIOR if own_prior is None else own_prior[name]
                usual[name] = (sums.total(name, group, days) + prior * usual[name]) / (count + prior)
        return usual

    def _spread(self, customer: Ints, days: Ints) -> Floats:
        """Standard deviation (days) of the next delay: that around the customer's own mean, drawn towards that of all
        customers, and that of the habit itself, which is known the better the more invoices were settled."""
        count = self._settlements.count(customer, days)
        rest, square = (self._settlements.total(name, customer, days) for name in ("rest", "square"))
        inner = np.maximum(square - rest**2 / np.maximum(count, 1), 0.0)
        variance = (inner + SPREAD_PRIOR * self.habits.variance) / (np.maximum(count - 1, 0) + SPREAD_PRIOR)
        unsure = 1.0 + 1.0 / (count + self.habits.priors["rest"])
        return np.sqrt(np.maximum(variance * unsure, 1.0))

    def _calendar(self, rows: Ints) -> dict[str, Floats]:
        due = self.history.invoices["due_on"].iloc[rows]
        turn = 2 * np.pi * due.dt.dayofyear.to_numpy() / 365.25
        days = self.history.due[rows]
        held = self.history.holidays
        near = np.searchsorted(held, days + HOLIDAY_REACH, "right") - np.searchsorted(held, days - HOLIDAY_REACH)
        return {
            "due_weekday": due.dt.dayofweek.to_numpy(dtype=float),
            "due_month_day": due.dt.day.to_numpy(dtype=float),
            "season_sin": np.sin(turn),
            "season_cos": np.cos(turn),
            "holidays": near.astype(float),
        }


def _figures(own: pd.DataFrame, delay: Floats, shifts: Shifts) -> dict[str, Floats]:
    """Of settled invoices: delay cleaned of shifts, lateness, dispute."""
    rest = delay - shifts.of(own)
    return {
        "rest": rest,
        "delay": delay,
        "square": rest**2,
        "late": (delay > 0).astype(float),
        "disputed": own["disputed"].fillna(0.0).to_numpy(),
        "log_amount": own["log_amount"].to_numpy(),
    }


def _settlements(history: History, shifts: Shifts, group: Ints) -> RunningSums:
    """Settled invoices of groups, each on its day of settlement."""
    paid = np.flatnonzero(history.settled < NEVER)
    delay = (history.settled - history.due)[paid].astype(float)
    return RunningSums(group[paid], history.settled[paid], _figures(history.invoices.iloc[paid], delay, shifts))
