"""When open invoices will be paid: several models, of which a backtest out of time picks one.

Each model gives a curve an invoice (`ml.receivables.curves`). The probability of lateness may come from a classifier;
the curve is then bent to it, so that all figures of an invoice agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from ml.errors import NotEnoughHistoryError
from ml.receivables.curves import Curves, Floats, make_edges
from ml.receivables.delay import (
    customer_average,
    due_date,
    fit_boosted_delay,
    fit_plain,
    fit_pool_median,
)
from ml.receivables.features import FeatureMaker, Habits
from ml.receivables.habit_model import HabitModel, fit_habit
from ml.receivables.hazard import fit_hazard
from ml.receivables.history import History
from ml.receivables.landmarks import Lessons, lessons_at, lessons_before
from ml.receivables.on_time import OnTimeModel, fit_on_time
from ml.receivables.scores import SUMMARY, score, summary

BASELINES = ("due date", "customer average", "terms and segment")
LEARNED = ("habit", "boosted delay", "hazard")
MODELS = (*BASELINES, *LEARNED)
LEAST_SETTLED = 20
WINDOW = 91
"""Days of invoices that a backtest origin is scored on."""
ORIGINS = 2


class CurveModel(Protocol):
    """Curves (n, k) from features."""

    def curves(self, table: pd.DataFrame) -> Curves: ...


@dataclass(frozen=True)
class PaymentModel:
    """The model that is served, and what the choice rests on.

    `backtest` has one row a model: `model, pinball` (days, mean over deciles), `mae` (days), `brier, auc` (of
    lateness), `coverage` (of P10 to P90), `invoices`. `on_time` is None where the curve's own probability was better.
    """

    name: str
    habits: Habits
    model: CurveModel
    on_time: OnTimeModel | None
    backtest: pd.DataFrame
    cutoff: int

    def curves(self, table: pd.DataFrame) -> Curves:
        """Curves (n, k) of invoices from their features."""
        found = self.model.curves(table)
        if self.on_time is None:
            return found
        return found.bent(self.on_time.late(table), passed_of(table))

    def maker(self, history: History) -> FeatureMaker:
        """Features of a history as this model was taught to read them."""
        return FeatureMaker(history, self.habits)


def passed_of(table: pd.DataFrame) -> Floats:
    """The last delay (days after due) that went by unpaid, as of the morning of the day of the features."""
    return np.asarray(-table["to_due"].to_numpy(dtype=float) - 1.0)


@dataclass(frozen=True)
class Training:
    """What is learned from: all that was known of `history` in the morning of `cutoff` (days since 1970).

    Without `open_ones`, invoices that were still open then are left out; with them, they count as censored.
    """

    history: History
    cutoff: int
    open_ones: bool = True
    threads: int = 1
    seed: int = 0

    @cached_property
    def habits(self) -> Habits:
        return Habits.before(self.history, self.cutoff)

    @cached_property
    def maker(self) -> FeatureMaker:
        return FeatureMaker(self.history, self.habits)

    @cached_property
    def lessons(self) -> Lessons:
        return lessons_before(self.maker, self.cutoff, self.open_ones)

    @cached_property
    def start(self) -> HabitModel:
        first = self.lessons.at_issue
        edges = make_edges(first.table["terms"].to_numpy(), first.delay[first.seen > 0])
        return fit_habit(edges, first, self.habits.shifts.days["disputed"])

    def fit(self, name: str) -> CurveModel:
        """One of `MODELS`."""
        edges, first = self.start.edges, self.lessons.at_issue
        if name == "due date":
            return fit_plain(edges, due_date, first)
        if name == "customer average":
            return fit_plain(edges, customer_average, first)
        if name == "terms and segment":
            return fit_plain(edges, fit_pool_median(first), first)
        if name == "boosted delay":
            return fit_boosted_delay(edges, self.lessons, self.cutoff, self.threads, self.seed)
        return fit_hazard(self.start, self.lessons, self.threads, self.seed) if name == "hazard" else self.start

    def fit_on_time(self) -> OnTimeModel:
        """The classifier of lateness."""
        return fit_on_time(self.start, self.lessons, self.cutoff, self.threads, self.seed)


def train_payment(training: Training, models: Sequence[str] = MODELS) -> PaymentModel:
    """Pick by backtest among `models`, then learn from everything that was known at the cutoff.

    Without enough history for a backtest the first of `models` is served. Raises NotEnoughHistoryError below 20
    settled invoices.
    """
    settled = int((training.history.settled < training.cutoff).sum())
    if settled < LEAST_SETTLED:
        raise NotEnoughHistoryError(settled, LEAST_SETTLED, "settled invoices")
    found = backtest(training, models)
    plain = found[found["model"].isin(models)]
    name = str(plain.loc[plain["pinball"].idxmin(), "model"]) if len(plain) else models[0]
    brier = dict(zip(found["model"], found["brier"], strict=True))
    use = brier.get(bent_name(name), np.inf) < brier.get(name, np.inf)
    on_time = training.fit_on_time() if use else None
    return PaymentModel(name, training.habits, training.fit(name), on_time, found, training.cutoff)


def bent_name(name: str) -> str:
    """The row of the backtest in which a model's curve is bent to the classifier."""
    return f"{name}, classifier"


def backtest(training: Training, models: Sequence[str] = MODELS) -> pd.DataFrame:
    """Scores of each model at issue and half-way to the due date, for origins before the cutoff; the columns are those
    of `PaymentModel.backtest`. Empty where history is too short for it. Each learned model comes a second time, its
    curve bent to the classifier. Windows of which nothing is settled yet, or without an invoice, are left out."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for origin, until in _origins(training.history, training.cutoff):
        then = replace(training, cutoff=origin)
        judged = _judged(then.maker, origin, until, training.cutoff)
        if not judged.seen.any():
            continue
        late = then.fit_on_time().late(judged.table)
        for name in models:
            curves = then.fit(name).curves(judged.table)
            parts.setdefault(name, []).append(score(curves, judged))
            if name in LEARNED:
                parts.setdefault(bent_name(name), []).append(score(curves.bent(late, judged.passed), judged))
    rows = [{"model": name, **summary(pd.concat(scored))} for name, scored in parts.items()]
    return pd.DataFrame(rows, columns=["model", *SUMMARY])


def _origins(history: History, cutoff: int) -> list[tuple[int, int]]:
    """Windows of issue before the cutoff; the last ends early enough that nine of ten of its invoices are settled."""
    settled = np.flatnonzero(history.settled < cutoff)
    wait = int(np.quantile(history.settled[settled] - history.issued[settled], 0.9)) + 1
    ends = [cutoff - wait - WINDOW * back for back in range(ORIGINS)]
    known = [int((history.settled < end - WINDOW).sum()) for end in ends]
    return [(end - WINDOW, end) for end, count in zip(ends, known, strict=True) if count >= LEAST_SETTLED]


def _judged(maker: FeatureMaker, origin: int, until: int, cutoff: int) -> Lessons:
    """Invoices issued in a window, at issue and, if still unpaid, half-way."""
    history = maker.history
    rows = np.flatnonzero((history.issued >= origin) & (history.issued < until))
    half = history.issued[rows] + (history.due[rows] - history.issued[rows]) // 2
    later = (half > history.issued[rows]) & (history.settled[rows] >= half) & (half < cutoff)
    return lessons_at(
        maker, np.concatenate([rows, rows[later]]), np.concatenate([history.issued[rows], half[later]]), cutoff
    )
