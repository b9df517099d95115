"""Which past periods a model looks at, and what of time, chosen per grain and never beyond what the panel has."""

from __future__ import annotations

from dataclasses import dataclass

from ml.features.calendar import TimePlan
from ml.features.lags import LagSpec


@dataclass(frozen=True)
class FeaturePlan:
    """Lags and windows in periods; `level_window` is over how many a series' current level is measured."""

    lags: LagSpec
    level_window: int
    time: TimePlan

    @property
    def reach(self) -> int:
        """How many past periods have to be kept to forecast the next one."""
        return max(self.lags.reach, self.level_window)


def plan_features(freq: str, season_length: int, periods: int) -> FeaturePlan:
    """The plan for a grain, thinned out to lags and windows of at most two thirds of `periods`."""
    season = season_length
    if freq == "D":
        lags = [1, 2, 3, season - 1, season, season + 1, 2 * season, 3 * season, 4 * season]
        means, deviations, seasonal = [season, 4 * season, 13 * season], [4 * season], [(season, 4), (season, 8)]
        level = 4 * season
    elif freq == "W":
        lags = [1, 2, 3, 4, 8, 13, season - 1, season, season + 1]
        means, deviations, seasonal, level = [4, 13, season], [13], [], 13
    else:
        lags = [1, 2, 3, season // 2, season - 1, season, season + 1, 2 * season]
        means, deviations, seasonal, level = [3, season // 2, season, 2 * season], [season], [], season
    most = max(periods * 2 // 3, 1)
    spec = LagSpec(
        lags=tuple(sorted({lag for lag in lags if 1 <= lag <= most})),
        means=tuple(sorted({window for window in means if 2 <= window <= most})),
        deviations=tuple(window for window in deviations if 3 <= window <= most),
        seasonal_means=tuple((lag, times) for lag, times in seasonal if lag * times <= most),
    )
    return FeaturePlan(spec, min(level, most), TimePlan.of(freq, periods))
