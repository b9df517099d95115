"""What makes up the forecasts of a run for its next period, stored beside them for every level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows
from ml.db.results import ForecastFactor, ForecastRun
from ml.explain.factors import explained, factors
from ml.explain.themes import BASE, OTHERS
from ml.features.scales import recent_level
from ml.models.auto import CombinedForecaster
from ml.panel import Panel
from ml.progress import Progress, silent
from ml.reconcile import Hierarchy

MOST_SERIES = 1_000
"""Base series that are taken apart, the largest first: the trees of a combination cost about 10 ms a series."""
NOTHING = 1e-6
"""Units below which a theme is not stored."""
CHUNK = 20_000


@dataclass(frozen=True)
class Issued:
    """What was forecast: the model at the end of `panel`, and the reconciled base forecasts `unique_id, ds, mean`."""

    forecaster: CombinedForecaster
    panel: Panel
    base: pd.DataFrame
    hierarchy: Hierarchy


def store_factors(
    session: Session, run: ForecastRun, issued: Issued, ids: Mapping[str, int], progress: Progress = silent
) -> int:
    """Store what makes up each forecast of the run's first period; returns how many series have factors.

    Models without trees have none. Rows are committed in chunks: nobody reads the run yet.
    """
    progress("explaining")
    delete_factors(session, run)
    frame = base_factors(issued)
    if frame is None:
        session.commit()
        return 0
    rows = all_level_factors(frame, issued.hierarchy)
    rows = rows.assign(series_id=rows["unique_id"].map(ids))
    for start in range(0, len(rows), CHUNK):
        chunk = rows.iloc[start : start + CHUNK]
        columns = {name: chunk[name].tolist() for name in ("series_id", "theme", "units")}
        insert_rows(session, ForecastFactor, {"run_id": [run.id] * len(chunk), **columns})
        session.commit()
        progress("storing what makes up forecasts", min(start + CHUNK, len(rows)), len(rows))
    return int(rows["series_id"].nunique())


def delete_factors(session: Session, run: ForecastRun) -> None:
    """Remove those of all runs of the grain but the published one: nobody asks why of a forecast that was replaced."""
    old = sa.select(ForecastRun.id).where(ForecastRun.grain == run.grain, ForecastRun.slot.is_(None))
    session.execute(sa.delete(ForecastFactor).where(ForecastFactor.run_id.in_(old)))


def base_factors(issued: Issued) -> pd.DataFrame | None:
    """A row per base series, `unique_id` and themes; beyond MOST_SERIES all but BASE is OTHERS, so that the base of
    a sum is the mean of all of its last season. None without trees."""
    base = issued.base
    first = base[base["ds"] == base["ds"].min()].set_index("unique_id")["mean"].reindex(issued.panel.ids)
    means = first.to_numpy(dtype=np.float64)
    largest = np.argsort(-means, kind="stable")[:MOST_SERIES]
    of = explained(issued.forecaster, issued.panel, largest, base["ds"].nunique())
    if of is None:
        return None
    made = factors(of, means[largest])
    frame = made.set_axis(issued.panel.ids[largest]).reindex(issued.panel.ids)
    left = frame.isna().all(axis=1)
    if left.any():
        level = recent_level(issued.panel.wide, issued.panel.season_length)
        frame.loc[left, BASE] = level[left]
        frame[OTHERS] = np.where(left, means - level, 0.0)
    return frame.fillna(0.0).rename_axis("unique_id").reset_index()


def all_level_factors(frame: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
    """`unique_id, theme, units` of the base series that were taken apart, and of every node above: units add up."""
    themes = [str(name) for name in frame.columns if name != "unique_id"]
    apart = [name for name in themes if name != OTHERS]
    found = frame[[name for name in apart if name != BASE]].ne(0).any(axis=1)
    parts = [frame.loc[found, ["unique_id", *apart]]]
    parts += [hierarchy.add_up(frame, level, themes, []) for level in hierarchy.upper()]
    rows = pd.concat(parts, ignore_index=True).melt("unique_id", var_name="theme", value_name="units")
    return rows[rows["units"].abs() > NOTHING]
