"""What is left to simpler models: seasonal naive, and for series too young for it the profile of their kind.

A product that was launched last month has no season of its own yet. Others of its category have: the new one is
expected to follow their season, at a level between its own first sales and what launches of that category sold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features.scales import recent_level
from ml.models.naive import FittedSeasonalNaive, SeasonalNaive, carried
from ml.panel import Panel

Floats = NDArray[np.float64]

CATEGORY_PROFILE = "category_profile"
FEWEST_PERIODS = 3
"""A shorter series has no level worth the name."""
FEWEST_MATES = 3
"""Series with a whole season that a kind needs for a profile of its own."""
PLACES = ("area", "territory", "region")
"""Static columns that say where; what is sold shapes a season more."""
OWN_PERIODS = 1.0
"""So many periods of a series' own sales weigh as much as the level of its kind."""


def simpler_model(panel: Panel) -> FittedSeasonalNaive:
    """Seasonal naive; series under 3 periods follow the profile of their kind (`category_profile`) where it has one."""
    naive = SeasonalNaive().fit(panel)
    young = np.flatnonzero(panel.wide.lengths < FEWEST_PERIODS)
    if not len(young):
        return naive
    cycle, model = naive.cycle.copy(), naive.model.copy()
    kinds = Kinds.of(panel)
    for row in young.tolist():
        mates = kinds.mates(row)
        if len(mates):
            cycle[row], model[row] = kinds.forecast(row, mates), CATEGORY_PROFILE
    return replace(naive, cycle=cycle, model=model)


@dataclass(frozen=True)
class Kinds:
    """The grown series of a panel, by what they have in common with a young one.

    `y` is (series, periods); `shape` is the next season of each series in units of its own mean, (series, season), and
    only of sense where `grown`; `groups` are the static columns: what is sold before where, small groups first.
    """

    y: Floats
    lengths: NDArray[np.int64]
    shape: Floats
    level: Floats
    grown: NDArray[np.bool_]
    groups: pd.DataFrame

    @classmethod
    def of(cls, panel: Panel) -> Kinds:
        """Measure all series of `panel`."""
        wide, season = panel.wide, panel.season_length
        level = recent_level(wide, season)
        cycle = np.nan_to_num(carried(wide.y, season)[:, -season:])
        mean = cycle.mean(axis=1, keepdims=True)
        shape = np.divide(cycle, mean, out=np.zeros_like(cycle), where=mean > 0)
        grown = (wide.lengths >= max(season, FEWEST_PERIODS)) & (mean[:, 0] > 0)
        statics = panel.statics
        order = sorted(statics.columns, key=lambda name: (name in PLACES, -statics[name].nunique()))
        return cls(wide.y, wide.lengths, shape, level, grown, statics[order])

    def mates(self, row: int) -> NDArray[np.intp]:
        """The grown series of the smallest group around a series that has enough of them; empty where none has."""
        for name in self.groups:
            names = self.groups[name].to_numpy()
            mates = np.flatnonzero(self.grown & (names == names[row]))
            if len(mates) >= FEWEST_MATES:
                return mates
        return np.empty(0, dtype=np.intp)

    def forecast(self, row: int, mates: NDArray[np.intp]) -> Floats:
        """The next season of a young series, (season,): the mates' season, at its own level shrunk towards theirs."""
        season = self.shape.shape[1]
        shape = self.shape[mates].mean(axis=0)
        lived = int(min(self.lengths[row], self.y.shape[1]))
        sold = np.nan_to_num(self.y[row, -lived:])
        usual = shape[np.arange(season - lived, season) % season]
        own = float(sold.sum() / usual.sum()) if usual.sum() > 0 else float(sold.mean())
        weight = lived / (lived + OWN_PERIODS)
        return np.asarray(shape * (weight * own + (1 - weight) * self._launch_level(mates)), dtype=np.float64)

    def _launch_level(self, mates: NDArray[np.intp]) -> float:
        """What mates sold per period in their first season, seen from the start; else their level of today."""
        season = self.shape.shape[1]
        columns = self.y.shape[1]
        launched = [mate for mate in mates.tolist() if season <= self.lengths[mate] < columns]
        starts = [float(np.nanmean(self.y[m, columns - self.lengths[m] :][:season])) for m in launched]
        found = starts if len(starts) >= FEWEST_MATES else self.level[mates]
        return float(np.median(found))
