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
from ml.reconcile import Hierarchy

MOST_SERIES = 1_000
"""Base series that are taken apart, the largest first: the trees of a combination cost about 10 ms a series."""
NOTHING = 1e-6
"""Units below which a theme is not stored."""
NONE = pd.DataFrame({"unique_id": [], "theme": [], "units": []})


@dataclass(frozen=True)
class Issued:
    """What was forecast: the model at the end of `panel`, and the reconciled base forecasts `unique_id, ds, mean`."""

    forecaster: CombinedForecaster
    panel: Panel
    base: pd.DataFrame
    hierarchy: Hierarchy


def theme_units(issued: Issued, most: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`unique_id, theme, units` of the forecasts of the run's first period: of the `most` largest base series and the
    nodes above, and what they add to nodes of crossing levels. Models without trees have none."""
    frame = base_factors(issued, most)
    if frame is None:
        return NONE, NONE
    hierarchy = issued.hierarchy
    held = all_level_factors(frame, hierarchy)
    above = hierarchy.above
    crossing = [long_units(above.add_up(frame, level, themes_of(frame), [])) for level in above.levels]
    return held, pd.concat(crossing, ignore_index=True) if crossing else NONE


def store_units(session: Session, run: ForecastRun, rows: pd.DataFrame, ids: Mapping[str, int]) -> None:
    """Insert units as of `theme_units`; those next to nothing are left out."""
    rows = rows[rows["units"].abs() > NOTHING]
    columns = {"series_id": rows["unique_id"].map(ids).tolist(), "theme": rows["theme"].tolist()}
    units = rows["units"].tolist()
    insert_rows(session, ForecastFactor, {"run_id": [run.id] * len(rows), **columns, "units": units})


def delete_factors(session: Session, run: ForecastRun) -> None:
    """Remove those of all runs of the grain but the published one: nobody asks why of a forecast that was replaced."""
    old = sa.select(ForecastRun.id).where(ForecastRun.grain == run.grain, ForecastRun.slot.is_(None))
    session.execute(sa.delete(ForecastFactor).where(ForecastFactor.run_id.in_(old)))


def base_factors(issued: Issued, most: int) -> pd.DataFrame | None:
    """A row per base series, `unique_id` and themes; beyond the `most` largest all but BASE is OTHERS, so that the base
    of a sum is the mean of all of its last season. None without trees."""
    base = issued.base
    first = base[base["ds"] == base["ds"].min()].set_index("unique_id")["mean"].reindex(issued.panel.ids)
    means = first.to_numpy(dtype=np.float64)
    largest = np.argsort(-means, kind="stable")[:most]
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
    themes = themes_of(frame)
    apart = [name for name in themes if name != OTHERS]
    found = frame[[name for name in apart if name != BASE]].ne(0).any(axis=1)
    parts = [frame.loc[found, ["unique_id", *apart]]]
    parts += [hierarchy.add_up(frame, level, themes, []) for level in hierarchy.upper()]
    return long_units(pd.concat(parts, ignore_index=True))


def themes_of(frame: pd.DataFrame) -> list[str]:
    """The themes that a frame has columns of."""
    return [str(name) for name in frame.columns if name != "unique_id"]


def long_units(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of themes as rows `unique_id, theme, units`."""
    return frame.melt("unique_id", var_name="theme", value_name="units")
