"""Members of a combination tried on origins inside a panel's own past."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.budget import Budget
from ml.evaluation.origins import plan_trials, steps_after
from ml.evaluation.weights import member_errors
from ml.features.closures import closed
from ml.models.base import FittedPoints, PointModel, Thinnable
from ml.models.facts import SeriesFacts, facts_of, known_matrices
from ml.models.univariate import FITS
from ml.panel import Panel
from ml.periods import following
from ml.progress import Progress, silent

Floats = NDArray[np.float64]

REFIT_BELOW = 50_000
"""Values in a panel up to which members learn anew at each origin, and from all of it."""
EVERY = 2
"""In larger ones they learn anew at every second origin of a run, and are carried on to the next: what was learned
ages."""
SHARE = 0.5
"""There, trials learn from at most this share of the rows that a forecast learns from: they cost no more than it."""
HOPELESS = 1.4
"""A member that errs so many times as much as the best on the first origin is not tried on the others: it would count
for less than a fifteenth of that one's weight."""

SAMPLE = 150
"""Series that a model of single series is first tried on, where there are many."""
CLOSE = 1.2
"""There, it has to come so close to the best: fitted to all of them it takes longer than all global models."""


@dataclass(frozen=True)
class Trial:
    """Rows `unique_id, ds, cutoff, step, y, scale, volume` of the origins, and what each member forecast for them.

    `fitted` are the members as they were at the last origin, `seconds` what each of them took there; those that were
    not tried everywhere are left out.
    """

    rows: pd.DataFrame
    made: dict[str, Floats]
    fitted: dict[str, FittedPoints]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Origin:
    """A place in the past to forecast from: what is known there, and what came of it.

    `facts` has a row for each (series, period) that a member forecasts, `shut` says in which of them nothing could be
    sold, `told` which of them tell of errors: those are the `rows` of a trial.
    """

    past: Panel
    periods: int
    known: dict[str, Floats]
    facts: pd.DataFrame
    shut: NDArray[np.bool_]
    told: NDArray[np.intp]

    @property
    def rows(self) -> pd.DataFrame:
        """The facts that tell of errors."""
        return self.facts.iloc[self.told]

    @classmethod
    def at(cls, cutoff: pd.Timestamp, panel: Panel, periods: int, edges: Floats, closures: tuple[str, ...]) -> Self:
        """Cut `panel` after `cutoff`; what is closed or unknown later tells of no error and is left out."""
        past = panel.until(cutoff)
        series = SeriesFacts.of(past, edges, closures)
        dates = following(cutoff, periods, panel.freq)
        known = known_matrices(series, dates, panel.future(cutoff, len(dates)))
        shut = closed(closures, known, (len(series.ids), len(dates))).ravel()
        rows = facts_of(series, dates).assign(cutoff=cutoff)
        rows = rows.merge(panel.frame[["unique_id", "ds", "y"]], on=["unique_id", "ds"], how="left")
        told = np.flatnonzero(rows["y"].notna().to_numpy() & ~shut)
        return cls(past, len(dates), known, rows, shut, told)


@dataclass
class _Tries:
    """What was found so far; members that are given up are forgotten."""

    members: dict[str, PointModel]
    fitted: dict[str, FittedPoints] = field(default_factory=dict)
    rows: list[pd.DataFrame] = field(default_factory=list)
    made: dict[str, list[Floats]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def try_member(self, name: str, origin: Origin, place: int) -> None:
        """Let a member forecast from an origin, at this place of its run, and take its time."""
        began = time.monotonic()
        self.fitted[name] = try_out(self.members[name], self.fitted.get(name), origin.past, place)
        mean = self.fitted[name].predict(origin.periods, origin.known).mean
        self.made.setdefault(name, []).append(mean.ravel()[origin.told])
        self.seconds[name] = time.monotonic() - began

    def keep(self, names: list[str]) -> None:
        """Go on with these members only."""
        for found in (self.members, self.fitted, self.made, self.seconds):
            for name in [name for name in found if name not in names]:
                del found[name]

    def worth_trying(self, further: int, budget: Budget) -> list[str]:
        """The members that may come to count, best first, as far as `further` more fits of each are affordable."""
        if not len(self.rows[-1]):
            return list(self.made)
        errors = _errors(self.rows[-1], {name: made[-1] for name, made in self.made.items()})
        names: list[str] = []
        left = budget.left
        for name in sorted(errors, key=lambda name: errors[name]):
            left -= further * self.seconds[name]
            if errors[name] <= HOPELESS and (left >= 0 or not names):
                names.append(name)
        return [name for name in self.made if name in names]


def run_trial(  # noqa: PLR0917 - what is tried on what
    members: Mapping[str, PointModel],
    panel: Panel,
    horizon: int,
    windows: int,
    edges: Floats,
    closures: tuple[str, ...],
    progress: Progress = silent,
    budget: Budget | None = None,
) -> Trial:
    """What members would have forecast from earlier origins, beside what was sold.

    `windows` and `horizon` plan the origins (see `plan_trials`); `edges` are those of the classes of volume. All
    members are tried on the first origin, in their order, as long as `budget` allows for as much time at each other
    origin and for a last fit; after it, those go on that may come to count. At least one member is tried on at least
    one origin.
    """
    budget = budget or Budget()
    cutoffs = [placed for run in plan_trials(panel, horizon, windows) for placed in enumerate(run)]
    tries = _Tries(dict(members))
    for done, (place, cutoff) in enumerate(cutoffs):
        if done and budget.left < sum(tries.seconds.values()):
            break
        origin = Origin.at(cutoff, panel, steps_after(panel, cutoff, horizon), edges, closures)
        tries.rows.append(origin.rows)
        for tried, name in enumerate(list(tries.members)):
            if done == 0 and tried and budget.left < len(cutoffs) * sum(tries.seconds.values()):
                break
            progress("trying models", done * len(tries.members) + tried, len(cutoffs) * len(tries.members))
            if done or keeps_up(tries.members[name], origin, {other: made[-1] for other, made in tries.made.items()}):
                tries.try_member(name, origin, place)
        if done == 0:
            tries.keep(tries.worth_trying(len(cutoffs), budget))
    made = {name: np.concatenate(parts) for name, parts in tries.made.items()}
    return Trial(pd.concat(tries.rows, ignore_index=True), made, tries.fitted, tries.seconds)


def keeps_up(member: PointModel, origin: Origin, made: Mapping[str, Floats]) -> bool:
    """Whether a model of single series, tried on some of them, keeps up with what the members tried before it `made`
    of the origin's rows, (rows,) each."""
    count = len(origin.past.ids)
    if member.name not in FITS or not made or count < 2 * SAMPLE:
        return True
    chosen = np.arange(0, count, count // SAMPLE)
    known = {column: values[chosen] for column, values in origin.known.items()}
    whole = np.full((count, origin.periods), np.nan)
    whole[chosen] = member.fit(origin.past.only(chosen)).predict(origin.periods, known).mean
    found = whole.ravel()[origin.told]
    told = np.isfinite(found)
    rows = origin.rows[told]
    tried = {member.name: found[told], **{other: values[told] for other, values in made.items()}}
    return not len(rows) or _errors(rows, tried)[member.name] <= CLOSE


def _errors(rows: pd.DataFrame, made: Mapping[str, Floats]) -> dict[str, float]:
    y, scale = (rows[name].to_numpy(dtype=np.float64) for name in ("y", "scale"))
    return member_errors(y, scale, made)


def try_out(member: PointModel, earlier: FittedPoints | None, past: Panel, place: int) -> FittedPoints:
    """The member as it is tried at the end of `past`, the origin at this place of its run: see REFIT_BELOW."""
    if past.wide.y.size <= REFIT_BELOW:
        return learn(member, earlier, past, anew=True)
    tried = member.thinned(SHARE) if isinstance(member, Thinnable) else member
    return learn(tried, earlier, past, anew=place % EVERY == 0)


def learn(member: PointModel, earlier: FittedPoints | None, panel: Panel, *, anew: bool) -> FittedPoints:
    """The member at the end of `panel`: carried on from an earlier fit, unless it shall learn `anew`.

    Models of single series are always carried on: they are fitted to the newer data then, and keep the form that was
    chosen for them.
    """
    if earlier is not None and (member.name in FITS or not anew):
        return earlier.update(panel)
    return member.fit(panel)
