"""Rolling-origin backtests of several forecasters at once: what they share is learned once.

`ml.evaluation.backtest` fits a whole forecaster anew at each cutoff, which tries its members on origins of its own to
learn weights and bands: sixteen fits for three cutoffs. Here each member forecasts once from each cutoff and from some
origins before the first one. What it said of periods that were over at a cutoff, from the last few origins before,
calibrates the forecasts made there: nothing that was not known then has a part in them, and six fits are enough.
At the cutoffs members learn as they do for a forecast, before them as in trials (see `ml.models.trial`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError
from ml.evaluation.backtest import error_scales
from ml.evaluation.origins import plan_trials, steps_after
from ml.evaluation.weights import member_errors
from ml.features.closures import find_closures
from ml.features.scales import recent_level, volume_class, volume_edges
from ml.models.auto import CombinedForecaster
from ml.models.base import FittedPoints, PointModel, Points
from ml.models.calibration import Calibration
from ml.models.trial import HOPELESS, Origin, keeps_up, learn, try_out
from ml.panel import Panel
from ml.progress import Progress, silent

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heat:
    """One origin: its facts (see `Origin`), and what each member forecast from there, (series, steps)."""

    cutoff: pd.Timestamp
    facts: pd.DataFrame
    shut: NDArray[np.bool_]
    made: dict[str, Points]


@dataclass
class JointBacktest:
    """Backtests of `forecasters` at `cutoffs`; `run` them, then ask for a `frame` and for the fitted winner.

    Steps that no series can be scored on yet are left out, unless `whole` asks for all of the horizon.
    """

    forecasters: Mapping[str, CombinedForecaster]
    panel: Panel
    cutoffs: Sequence[pd.Timestamp]
    horizon: int
    whole: bool = False
    members: dict[str, PointModel] = field(default_factory=dict, init=False, repr=False)
    year_before: list[list[pd.Timestamp]] = field(default_factory=list, init=False, repr=False)
    heats: list[Heat] = field(default_factory=list, init=False, repr=False)
    fitted: dict[str, FittedPoints] = field(default_factory=dict, init=False, repr=False)

    def run(self, progress: Progress = silent) -> Self:
        """Let all members forecast from all origins. Raises DataError without cutoffs and for a horizon below 1,
        NotEnoughHistoryError where nothing lies before the first one."""
        if self.horizon < 1:
            raise DataError(f"the horizon is {self.horizon}; expected at least 1 period.")
        if not self.cutoffs:
            raise DataError("no cutoff to forecast from; expected at least one. Give a longer panel.")
        before = self.panel.until(self.cutoffs[0])
        *self.year_before, latest = plan_trials(before, self.horizon)
        origins = [placed for run in (*self.year_before, latest, self.cutoffs) for placed in enumerate(run)]
        closures = find_closures(before.wide)
        edges = self._edges(self.cutoffs[0])
        for one in self.forecasters.values():
            self.members |= self._keyed(one)
        for done, (place, cutoff) in enumerate(origins):
            if cutoff == self.cutoffs[0]:
                self.fitted = {}  # what was learned, and which forms were chosen, before there were two seasons, ends
            origin = Origin.at(cutoff, self.panel, self._steps(cutoff), edges, closures)
            made: dict[str, Points] = {}
            for tried, key in enumerate(self.members):
                progress("backtest", done * len(self.members) + tried, len(origins) * len(self.members))
                if done or self._keeps_up(key, origin, made):
                    made[key] = self._forecast(key, origin, place if cutoff < self.cutoffs[0] else None)
            self.heats.append(Heat(cutoff, origin.facts, origin.shut, made))
            if done == 0:
                self._give_up(origin.told)
        progress("backtest", len(origins) * len(self.members), len(origins) * len(self.members))
        return self

    def _steps(self, cutoff: pd.Timestamp) -> int:
        return self.horizon if self.whole else max(1, steps_after(self.panel, cutoff, self.horizon))

    def _forecast(self, key: str, origin: Origin, trial: int | None) -> Points:
        """What a member says from an origin; `trial` is its place in a run of trials, None for one that is scored."""
        member, earlier = self.members[key], self.fitted.get(key)
        if trial is None:
            self.fitted[key] = learn(member, earlier, origin.past, anew=True)
        else:
            self.fitted[key] = try_out(member, earlier, origin.past, trial)
        return self.fitted[key].predict(origin.periods, origin.known)

    def _keeps_up(self, key: str, origin: Origin, made: Mapping[str, Points]) -> bool:
        told = {other: points.mean.ravel()[origin.told] for other, points in made.items()}
        return key in self._asked or keeps_up(self.members[key], origin, told)

    @property
    def _asked(self) -> set[str]:
        """The members that are forecasters of their own: they are tried to the end."""
        alone = [self._keyed(one) for one in self.forecasters.values()]
        return {key for members in alone if len(members) == 1 for key in members}

    def _give_up(self, told: NDArray[np.intp]) -> None:
        """Leave out members of combinations that will not come to count (see `HOPELESS`), to save their time."""
        heat = self.heats[0]
        kept, rows = set(heat.made), heat.facts.iloc[told]
        if len(rows):
            y, scale = (rows[name].to_numpy(dtype=np.float64) for name in ("y", "scale"))
            errors = member_errors(y, scale, {key: points.mean.ravel()[told] for key, points in heat.made.items()})
            kept = {key for key, error in errors.items() if error <= HOPELESS} | self._asked
        self.members = {key: one for key, one in self.members.items() if key in kept}

    def frame(self, name: str) -> pd.DataFrame:
        """The backtest of a forecaster: rows as of `ml.evaluation.backtest.backtest`."""
        parts = []
        for heat in self.heats:
            if heat.cutoff in self.cutoffs:
                facts = _classed(heat.facts, self._edges(heat.cutoff))
                rows = self.calibration(name, heat.cutoff).apply(facts, self._own(name, heat), heat.shut)
                rows = rows.assign(cutoff=heat.cutoff, step=facts["step"], y=facts["y"])
                parts.append(rows.join(error_scales(self.panel.until(heat.cutoff)), on="unique_id"))
        return pd.concat(parts, ignore_index=True)

    def calibration(self, name: str, now: pd.Timestamp) -> Calibration:
        """What is learned of a forecaster from its last origins before `now`, and from those of a year before, where
        there are any (see `plan_trials`): of periods that are over by then."""
        one = self.forecasters[name]
        first = sum(len(run) for run in self.year_before)
        latest = [heat for heat in self.heats[first:] if heat.cutoff < now][-one.windows :]
        earlier = [*self.heats[:first], *latest]
        rows, made = [], []
        for heat in earlier:
            told = (heat.facts["y"].notna() & (heat.facts["ds"] <= now)).to_numpy() & ~heat.shut
            rows.append(heat.facts[told])
            made.append({member: points.mean.ravel()[told] for member, points in self._own(name, heat).items()})
        joined = {member: np.concatenate([part[member] for part in made]) for member in made[0]}
        learned = _classed(pd.concat(rows, ignore_index=True), self._edges(now))
        return Calibration.of(learned, joined, correct_bias=one.correct_bias)

    def fit(self, name: str, progress: Progress = silent) -> CombinedForecaster:
        """The forecaster, calibrated on the cutoffs and fitted on all of the panel: what its own `fit` would give,
        without trying its members again."""
        one = self.forecasters[name]
        earlier = {member.name: self.fitted[key] for key, member in self._keyed(one).items() if key in self.fitted}
        one.progress = progress
        fitted = one.settle(self.panel, self.calibration(name, self.panel.last), earlier)
        one.progress = silent
        return fitted

    def _keyed(self, one: CombinedForecaster) -> dict[str, PointModel]:
        """Its members by what makes them: those of two forecasters that are the same have the same key."""
        members = one.members(self.panel, one.steps(self.panel))
        return {f"{name} {member.parameters}": member for name, member in members.items()}

    def _own(self, name: str, heat: Heat) -> dict[str, Points]:
        own = self._keyed(self.forecasters[name]).items()
        return {member.name: heat.made[key] for key, member in own if key in self.members}

    def _edges(self, cutoff: pd.Timestamp) -> Floats:
        past = self.panel.until(cutoff)
        return volume_edges(recent_level(past.wide, past.season_length))


def _classed(facts: pd.DataFrame, edges: Floats) -> pd.DataFrame:
    """The facts with their classes of volume cut at other edges."""
    return facts.assign(volume=volume_class(facts["level"].to_numpy(dtype=np.float64), edges))
