"""Why a combination forecasts what it does for the next period: units of sales by theme, for many series at once.

The base is the mean of the last season, whatever the member. Trees are taken apart by feature; what they expect of a
series of its size before they look at anything goes with what they know of its place and product, since both hold for
the series at any time. A model without features is one contribution, the way from the base to its forecast, named after
what it rests on. Members count as they do in the combination.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.explain.themes import BASE, CORRECTION, PLACE, theme_of, theme_of_model
from ml.features.scales import recent_level
from ml.models.auto import CombinedForecaster
from ml.models.base import FittedPoints
from ml.models.shares import Explainable, Shares
from ml.panel import Panel

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Part = tuple[str, Rows, Floats]
"""A theme, places among the rows that are explained, and units for them."""


@dataclass(frozen=True)
class Explained:
    """What explaining reads of the panel that `forecaster` was updated with: the series at `rows`, in its order."""

    forecaster: CombinedForecaster
    panel: Panel
    rows: Rows
    plans: Mapping[str, Floats]

    def trees(self) -> dict[str, Explainable]:
        """The members that can be taken apart by feature."""
        found = self.forecaster.fitted_members.items()
        return {name: member for name, member in found if isinstance(member, Explainable) and member.features}

    def theme(self, feature: str) -> str:
        """The theme of a feature."""
        return theme_of(feature, self.panel.season_length, self.panel.known)


def explained(forecaster: CombinedForecaster, panel: Panel, rows: Rows, horizon: int) -> Explained | None:
    """The series at `rows`, ready to be explained; None where no member of the model has trees.

    `forecaster` stands at the end of `panel`, which knows its plans for `horizon` periods more.
    """
    plans = forecaster.plans(horizon, panel.future(panel.last, horizon))
    found = Explained(forecaster, panel, rows, plans)
    return found if found.trees() else None


def factors(of: Explained, issued: Floats) -> pd.DataFrame:
    """What makes up the forecasts of the next period: a row per series, a column per theme, units of sales.

    `issued`, (rows,), are the forecasts that were published; each row adds up to its one, what the model's own
    forecast differs from it being the theme `correction`.
    """
    units: dict[str, Floats] = defaultdict(lambda: np.zeros(len(of.rows)))
    trees, level = of.trees(), recent_level(of.panel.wide, of.panel.season_length)[of.rows]
    weights = of.forecaster.series_weights()
    for name, member in of.forecaster.fitted_members.items():
        weight = weights[name][of.rows]
        for theme, at, amounts in _parts(of, member, trees.get(name), level):
            units[theme][at] += weight[at] * amounts
    frame = pd.DataFrame(units)
    return frame.assign(**{CORRECTION: issued - frame.sum(axis=1).to_numpy()})


def _parts(of: Explained, member: FittedPoints, trees: Explainable | None, level: Floats) -> Iterator[Part]:
    """What makes up the forecasts of one member, base and themes."""
    able = trees.able[of.rows] if trees is not None else np.zeros(len(of.rows), dtype=bool)
    by_trees, alone = np.flatnonzero(able), np.flatnonzero(~able)
    shares = trees.shares(1, of.rows[by_trees], of.plans) if trees is not None and len(by_trees) else None
    if shares is not None:
        yield BASE, by_trees, level[by_trees]
        yield PLACE, by_trees, shares.base - level[by_trees]
        for theme, amounts in by_theme(of, shares, shares.units).items():
            yield theme, by_trees, amounts
    if len(alone):
        points = member.predict(1, {name: matrix[:, :1] for name, matrix in of.plans.items()})
        made, labels = points.mean[of.rows[alone], 0], points.model[of.rows[alone]]
        yield BASE, alone, level[alone]
        for label in sorted(set(labels)):
            here = labels == label
            yield theme_of_model(label, of.panel.season_length), alone[here], (made - level[alone])[here]


def by_theme(of: Explained, shares: Shares, values: Floats) -> dict[str, Floats]:
    """Sums of a (rows, features) matrix by theme, (rows,) each."""
    found: dict[str, Floats] = {}
    for at, name in enumerate(shares.names):
        theme = of.theme(name)
        found[theme] = found.get(theme, 0.0) + values[:, at]
    return found
