"""The end of a run: what its partitions handed over, added up, and the profiles and scores of all of its series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.bulk import insert_rows
from ml.db.results import ForecastPartition, ForecastResult, ForecastRun, ModelVersion
from ml.etl.extract import Level
from ml.etl.nodes import read_ids
from ml.grains import MONTHLY, get_grain
from ml.pipelines.actuals import fill_in
from ml.pipelines.factors import store_units
from ml.pipelines.issued import errors_by_series, store_cells
from ml.pipelines.making import columns_of, with_bands
from ml.pipelines.parts import HandOver, Plan, fetch, open_above
from ml.pipelines.profiles import Leaves, store_profiles
from ml.progress import Progress
from ml.registry.artifacts import load


@dataclass(frozen=True)
class Written:
    """How many series a run forecasts, and how many rows that took."""

    series: int
    rows: int


def add_partitions(session: Session, store: ArtifactStore, run: ForecastRun, progress: Progress) -> Written:
    """Write what no partition holds wholly, and the profiles and cells of all; the caller commits and publishes.

    Run again, it begins anew. Raises ArtifactError.
    """
    query = sa.select(ForecastPartition).where(ForecastPartition.run_id == run.id)
    partitions = session.scalars(query.order_by(ForecastPartition.number)).all()
    handed = [found for one in partitions if (found := fetch(store, one)) is not None]
    series, rows = sum(one.series_count for one in partitions), sum(one.rows_count for one in partitions)
    if any(len(one.means) for one in handed):
        progress("adding up")
        above = store_above(session, store, run, handed)
        series, rows = series + above.series, rows + above.rows
    progress("summing up")
    grain = get_grain(run.grain)
    store_cells(session, grain, run.as_of)
    if grain is MONTHLY:
        leaves = Leaves.together([one.leaves for one in handed if one.leaves is not None])
        store_profiles(session, leaves, run.as_of, errors_by_series(session, grain, run.as_of))
    return Written(series, rows)


def store_above(session: Session, store: ArtifactStore, run: ForecastRun, handed: Sequence[HandOver]) -> Written:
    """The forecasts of nodes that no partition holds wholly, their themes and actuals: what each adds to them."""
    model = session.get_one(ModelVersion, run.model_id)
    means = pd.concat([one.means for one in handed], ignore_index=True)
    means = means.groupby(["unique_id", "level", "ds", "step"], as_index=False, sort=True).agg({"mean": "sum"})
    levels = [Level(*name.split("/")) for name in means["level"].unique()]
    found = {key: number for level in levels for key, number in read_ids(session, level).items()}
    ids = {key: found[key] for key in means["unique_id"].unique()}
    insert_rows(session, ForecastResult, columns_of(with_bands(means, load(store, model)), run, ids, model))
    units = pd.concat([one.units for one in handed], ignore_index=True)
    store_units(session, run, units.groupby(["unique_id", "theme"], as_index=False).agg({"units": "sum"}), ids)
    sold: defaultdict[tuple[int, date], float] = defaultdict(float)
    for one in handed:
        for key, amount in one.sold.items():
            sold[key] += amount
    first = Plan.of(run).coverage.first_complete or run.as_of
    nodes = set(ids.values())
    asked = {key for key in open_above(session, run, first, levels) if key[0] in nodes}
    fill_in(session, run.grain, asked, sold)
    return Written(len(ids), len(means))
