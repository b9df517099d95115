"""The levels above the base as a panel of their own, and forecasts of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Self

import numpy as np
import pandas as pd

from ml.errors import DataError
from ml.evaluation.backtest import backtest
from ml.models.base import Forecaster
from ml.models.naive import carried
from ml.panel import KEYS, Panel
from ml.periods import period_dates
from ml.progress import Progress, silent
from ml.reconcile.levels import Hierarchy, level_name
from ml.reconcile.sums import Sums

DIRECT_NODES = 300
"""Levels with more nodes are sums alone: they are nearly as noisy as the base, and forecasting them costs as much."""
Makers = Mapping[str, Callable[[], Forecaster]]


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

    models: dict[str, Forecaster]

    @classmethod
    def fit(cls, panel: Panel, makers: Makers) -> Self:
        """Fit all of `makers` on an upper panel."""
        return cls({name: make().fit(panel) for name, make in makers.items()})

    def predict(self, panel: Panel, horizon: int) -> pd.DataFrame:
        """The `horizon` periods after `panel`, which may be newer than what was learned: `unique_id, ds, mean`."""
        known = panel.future(panel.last, horizon)
        made = [model.update(panel).predict(horizon, known, levels=()) for model in self.models.values()]
        return mean_of([frame[[*KEYS, "mean"]] for frame in made], KEYS)


def backtest_upper(
    panel: Panel, makers: Makers, cutoffs: Sequence[pd.Timestamp], horizon: int, progress: Progress = silent
) -> pd.DataFrame:
    """What UpperForecaster would have forecast: `unique_id, cutoff, ds, mean`."""
    keys = ["unique_id", "cutoff", "ds"]
    frames = [backtest(panel, make(), cutoffs, horizon, progress, levels=()) for make in makers.values()]
    return mean_of([frame[[*keys, "mean"]] for frame in frames], keys)


def mean_of(frames: Sequence[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """The mean of `mean` over tables with the same keys."""
    total = reduce(lambda left, right: left.add(right), (frame.set_index(keys)["mean"] for frame in frames))
    return (total / len(frames)).reset_index()
