"""The levels above the base as a panel of their own, and forecasts of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from ml.errors import DataError
from ml.evaluation.origins import steps_after
from ml.models.base import FittedPoints, PointModel
from ml.models.facts import SeriesFacts, known_matrices
from ml.models.naive import carried
from ml.models.trial import REFIT_BELOW, learn
from ml.panel import Panel
from ml.periods import following, period_dates
from ml.progress import Progress, silent
from ml.reconcile.levels import Hierarchy, level_name
from ml.reconcile.sums import Sums

DIRECT_NODES = 300
"""Levels with more nodes are sums alone: they are nearly as noisy as the base, and forecasting them costs as much."""
NO_EDGES = np.zeros(0)


def upper_panel(panel: Panel, hierarchy: Hierarchy, most: int = DIRECT_NODES) -> Panel:
    """The sums of a base panel at the levels above that have at most `most` nodes, one series per node.

    Static columns are `level` ("place/product") and the names of the base nodes, "" where a level does not name them;
    known columns are the mean over a node's series. Unknown values are added as a season before. Raises DataError
    where no level lies above the base.
    """
    sums = hierarchy.direct_sums(most)
    if not len(sums.nodes):
        base = level_name(hierarchy.base)
        raise DataError(f"there is no level above {base} to sum to; expected one. Take the base forecasts as they are.")
    wide = panel.wide
    order = sums.base.get_indexer(wide.ids)
    matrix = sums.matrix[:, order]
    begun = np.arange(len(wide.numbers)) >= wide.first[:, None]
    y = matrix @ np.where(begun, np.nan_to_num(carried(wide.y, panel.season_length)), 0.0)
    members = matrix @ begun.astype(np.float64)
    node, period = np.nonzero(members)
    rows = {"unique_id": sums.nodes.to_numpy()[node], "ds": period_dates(wide.numbers, panel.freq, panel.last)[period]}
    rows["y"] = y[node, period]
    for name, values in wide.known.items():
        rows[name] = (matrix @ np.where(begun, np.nan_to_num(values), 0.0))[node, period] / members[node, period]
    frame = pd.concat([pd.DataFrame(rows), *_planned(panel, sums)], ignore_index=True)
    names = [name for name in hierarchy.nodes.columns if name != "unique_id"]
    statics = node_names(hierarchy, sums, names)
    return Panel.from_frame(
        frame.merge(statics, on="unique_id"), panel.freq, panel.season_length, ["level", *names], panel.known
    )


def node_names(hierarchy: Hierarchy, sums: Sums, names: Sequence[str]) -> pd.DataFrame:
    """The nodes of `sums`: `unique_id`, `level` and `names`, "" where a level does not name them."""
    kept = set(sums.level)
    parts = [
        hierarchy.nodes_of(level).astype(str).assign(level=level_name(level))
        for level in hierarchy.upper()
        if level_name(level) in kept
    ]
    return pd.concat(parts, ignore_index=True).reindex(columns=["unique_id", "level", *names]).fillna("")


def _planned(panel: Panel, sums: Sums) -> list[pd.DataFrame]:
    """The known columns of periods after the last one with sales, if any, as means over a node's series."""
    later = panel.frame[panel.frame["ds"] > panel.last]
    known = list(panel.known)
    if later.empty or not known:
        return []
    node, base = sums.matrix.nonzero()
    members = pd.DataFrame({"node": sums.nodes.to_numpy()[node], "unique_id": sums.base.to_numpy()[base]})
    means = later.merge(members, on="unique_id").groupby(["node", "ds"], as_index=False)[known].mean()
    return [means.rename(columns={"node": "unique_id"})]


@dataclass
class UpperForecaster:
    """The plain mean of several models' forecasts: at levels with few series, no backtest can tell which is best."""

    models: dict[str, FittedPoints]

    @classmethod
    def fit(cls, panel: Panel, members: Mapping[str, PointModel]) -> Self:
        """Fit all of `members` on an upper panel."""
        return cls({name: member.fit(panel) for name, member in members.items()})

    def predict(self, panel: Panel, horizon: int) -> pd.DataFrame:
        """The `horizon` periods after `panel`, which may be newer than what was learned: `unique_id, ds, mean`."""
        return mean_after(panel, panel.last, horizon, [model.update(panel) for model in self.models.values()])


def backtest_upper(
    panel: Panel,
    members: Mapping[str, PointModel],
    cutoffs: Sequence[pd.Timestamp],
    horizon: int,
    progress: Progress = silent,
) -> pd.DataFrame:
    """What UpperForecaster would have forecast: `unique_id, cutoff, ds, mean`."""
    fitted: dict[str, FittedPoints] = {}
    parts = []
    for done, cutoff in enumerate(cutoffs):
        past = panel.until(cutoff)
        for place, (name, member) in enumerate(members.items()):
            progress("backtest of totals", done * len(members) + place, len(cutoffs) * len(members))
            fitted[name] = learn(member, fitted.get(name), past, anew=past.wide.y.size <= REFIT_BELOW)
        steps = steps_after(panel, cutoff, horizon)
        parts.append(mean_after(panel, cutoff, steps, list(fitted.values())).assign(cutoff=cutoff))
    return pd.concat(parts, ignore_index=True)


def mean_after(panel: Panel, cutoff: pd.Timestamp, steps: int, fitted: Sequence[FittedPoints]) -> pd.DataFrame:
    """The mean of what models fitted at `cutoff` forecast for the `steps` periods after it: `unique_id, ds, mean`."""
    series = SeriesFacts.of(panel.until(cutoff), NO_EDGES)
    dates = following(cutoff, steps, panel.freq)
    known = known_matrices(series, dates, panel.future(cutoff, steps))
    mean = np.mean([model.predict(steps, known).mean for model in fitted], axis=0)
    ids = np.repeat(series.ids.to_numpy(), steps)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(dates.to_numpy(), len(series.ids)), "mean": mean.ravel()})
