"""What a version forecasts of a table of sales: cleaned, forecast, reconciled, with bands at every stored level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.drivers import Event
from ml.db.results import ForecastRun, ModelVersion
from ml.etl.cleaning.clean import Cleaned, clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.extract import SalesTable
from ml.pipelines.factors import Issued
from ml.progress import Progress
from ml.quantiles import LEVELS, tail_name, tails
from ml.reconcile import Hierarchy, level_name
from ml.registry.artifacts import Bundle, load

QUANTILES = [tail_name(share) for share in tails(LEVELS)]


@dataclass(frozen=True)
class Made:
    """Forecasts of the stored levels that the table's partition holds (`frame`: `unique_id, ds, mean, *QUANTILES,
    model`), and what they come from."""

    bundle: Bundle
    cleaned: Cleaned
    reconciled: pd.DataFrame
    hierarchy: Hierarchy
    frame: pd.DataFrame

    @property
    def issued(self) -> Issued:
        """What the themes of the first period are taken from."""
        return Issued(self.bundle.forecaster, self.cleaned.panel, self.reconciled, self.hierarchy)


def as_planned(events: Sequence[Event]) -> Sequence[Event]:
    """The plan as it is."""
    return events


def make(
    session: Session, store: ArtifactStore, model: ModelVersion, table: SalesTable, steps: int, *,
    progress: Progress, planned: Callable[[Sequence[Event]], Sequence[Event]] = as_planned,
) -> Made:  # fmt: skip
    """What a version forecasts of the `steps` periods after `table`; raises ArtifactError.

    `planned` makes another plan of the calendar's events.

    Ends the transaction: no lock and no snapshot is held while the model runs.
    """
    progress("loading model")
    bundle = load(store, model)
    context = read_context(session, table)
    context = replace(context, plans=planned(context.plans))
    known = model.metrics.get("known", [])
    session.commit()
    progress("cleaning")
    cleaned = clean_panel(table, bundle.base, context, known)
    progress("forecasting")
    panel = cleaned.panel
    made = bundle.forecaster.update(panel).predict(steps, known=panel.future(panel.last, steps), levels=LEVELS)
    hierarchy = Hierarchy.over(cleaned.nodes, bundle.base, table.partition)
    progress("reconciling")
    reconciled = bundle.reconciler.reconcile(made, panel, hierarchy)
    return Made(bundle, cleaned, reconciled, hierarchy, all_levels(reconciled, bundle, hierarchy))


def all_levels(made: pd.DataFrame, bundle: Bundle, hierarchy: Hierarchy) -> pd.DataFrame:
    """The base forecasts and their sums at every level above: means add up exactly, bands are each level's own."""
    summed = add_up(made, hierarchy)
    parts = [made, with_bands(summed, bundle)] if len(summed) else [made]
    return pd.concat(parts, ignore_index=True)[["unique_id", "ds", "mean", *QUANTILES, "model"]]


def add_up(made: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
    """The means of base forecasts summed to the levels above: `unique_id, level, ds, step, mean`."""
    made = made.assign(step=made.groupby("unique_id").cumcount() + 1)
    parts = [
        hierarchy.add_up(made, level, ["mean"], ["ds", "step"]).assign(level=level_name(level))
        for level in hierarchy.upper()
    ]
    columns = ["unique_id", "level", "ds", "step", "mean"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def with_bands(summed: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """Sums as of `add_up` with the quantiles of their own levels."""
    bands = bundle.bands.apply(summed, group="level", levels=LEVELS)
    return summed.join(bands).assign(model="sum")


def columns_of(
    frame: pd.DataFrame, run: ForecastRun, ids: Mapping[str, int], model: ModelVersion
) -> dict[str, list[Any]]:
    """Forecasts as the columns of their table."""
    rows = frame.assign(
        run_id=run.id, grain=run.grain, as_of=run.as_of, series_id=frame["unique_id"].map(ids),
        period=frame["ds"].dt.date, model_version=f"{model.model_name}/{model.version}:" + frame["model"],
    )  # fmt: skip
    columns = ["run_id", "series_id", "grain", "period", "as_of", "model_version", "mean", *QUANTILES]
    return {name: rows[name].tolist() for name in columns}
