"""Forecast: the champion's forecasts for every stored level, published at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, cast

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml import registry
from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.bulk import insert_rows
from ml.db.drivers import Event
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.errors import ConflictError
from ml.etl.cleaning.clean import Cleaned, clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.cleaning.flags import store_flags
from ml.etl.extract import SalesTable, read_sales
from ml.etl.nodes import ensure_series
from ml.grains import MONTHLY, get_grain
from ml.overrides import reapply, settle
from ml.pipelines.actuals import record_actuals
from ml.pipelines.factors import Issued, store_factors
from ml.pipelines.issued import errors_by_series, store_cells
from ml.pipelines.profiles import store_profiles
from ml.progress import Progress, silent
from ml.quantiles import LEVELS, tail_name, tails
from ml.reconcile import Hierarchy
from ml.registry.artifacts import Bundle, load

QUANTILES = [tail_name(share) for share in tails(LEVELS)]
CHUNK = 20_000


@dataclass(frozen=True)
class ForecastRunResult:
    """The run that readers now see."""

    run_id: int
    grain: str
    as_of: date
    horizon: int
    series: int
    rows: int
    model: str

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}


def forecast(
    session: Session,
    store: ArtifactStore,
    grain: str = "monthly",
    horizon: int | None = None,
    progress: Progress = silent,
) -> ForecastRunResult:
    """Forecast all stored levels from the last complete period on.

    Rows are committed in chunks under a run that nobody reads yet; publishing it is left to the
    caller's commit. Raises NoChampionError, ArtifactError, NotEnoughHistoryError.
    """
    spec = get_grain(grain)
    steps = horizon or spec.horizon
    model = registry.champion(session, grain)
    table = read_sales(session, spec)
    made = make(session, store, model, table, steps, progress=progress)
    hierarchy, frame, as_of = made.hierarchy, made.frame, made.cleaned.panel.last.date()
    run = start_run(session, model, as_of, steps)
    ids = ensure_series(session, hierarchy)
    progress("recording actuals")
    store_flags(session, made.cleaned, ids, grain)
    record_actuals(session, made.cleaned.sold, hierarchy, ids, grain)
    store_rows(session, columns_of(frame, run, ids, model), progress)
    store_factors(session, run, made.issued, ids, progress)
    progress("summing up")
    store_cells(session, spec, as_of)
    if spec is MONTHLY:
        base = frame[frame["unique_id"].isin(hierarchy.nodes["unique_id"])]
        store_profiles(session, table, made.bundle.base, base, errors_by_series(session, spec, as_of))
    progress("applying overrides")
    settle(session, grain, as_of)
    reapply(session, run)
    publish(session, run, len(ids))
    return ForecastRunResult(run.id, grain, as_of, steps, len(ids), len(frame), model.model_type)


@dataclass(frozen=True)
class Made:
    """Forecasts of all stored levels (`frame`: `unique_id, ds, mean, *QUANTILES, model`), and what they come from."""

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
    """What a version forecasts of all stored levels for the `steps` periods after `table`; raises ArtifactError.

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
    hierarchy = Hierarchy.over(cleaned.nodes, bundle.base)
    progress("reconciling")
    reconciled = bundle.reconciler.reconcile(made, panel, hierarchy)
    return Made(bundle, cleaned, reconciled, hierarchy, all_levels(reconciled, bundle, hierarchy))


def all_levels(made: pd.DataFrame, bundle: Bundle, hierarchy: Hierarchy) -> pd.DataFrame:
    """The base forecasts and their sums at every level above: means add up exactly, bands are each level's own."""
    made = made.assign(step=made.groupby("unique_id").cumcount() + 1)
    parts = [made]
    for level in hierarchy.upper():
        summed = hierarchy.add_up(made, level, ["mean"], ["ds", "step"])
        summed["level"] = f"{level.location}/{level.product}"
        bands = bundle.bands.apply(summed, group="level", levels=LEVELS)
        parts.append(summed.join(bands).assign(model="sum"))
    return pd.concat(parts, ignore_index=True)[["unique_id", "ds", "mean", *QUANTILES, "model"]]


def start_run(session: Session, model: ModelVersion, as_of: date, horizon: int) -> ForecastRun:
    """A new run, committed as running; what earlier, broken runs of the grain left behind is removed."""
    broken = (ForecastRun.grain == model.grain) & (ForecastRun.state == "running")
    session.execute(sa.delete(ForecastResult).where(ForecastResult.run_id.in_(sa.select(ForecastRun.id).where(broken))))
    session.execute(sa.update(ForecastRun).where(broken).values(state="failed"))
    run = ForecastRun(
        grain=model.grain, model_id=model.id, as_of=as_of, horizon=horizon,
        location_level=model.location_level, product_level=model.product_level,
    )  # fmt: skip
    session.add(run)
    session.commit()
    return run


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


def store_rows(session: Session, columns: Mapping[str, list[Any]], progress: Progress) -> None:
    """Write the rows of an unpublished run, a chunk a transaction."""
    count = len(columns["period"])
    for start in range(0, count, CHUNK):
        insert_rows(session, ForecastResult, {name: values[start : start + CHUNK] for name, values in columns.items()})
        session.commit()
        progress("storing forecasts", min(start + CHUNK, count), count)


def publish(session: Session, run: ForecastRun, series: int) -> None:
    """Put `run` in the place of the one that readers see now.

    Raises ConflictError where a later run of the grain has begun and removed this one's rows.
    """
    served = sa.update(ForecastRun).where(ForecastRun.slot == run.grain)
    session.execute(served.values(slot=None, state="superseded"))
    mine = sa.update(ForecastRun).where(ForecastRun.id == run.id, ForecastRun.state == "running")
    values = {"slot": run.grain, "state": "published", "series_count": series, "published_at": utc_now()}
    if cast("sa.CursorResult[Any]", session.execute(mine.values(**values))).rowcount != 1:
        raise ConflictError(f"forecast run {run.id} was overtaken by a later one; its forecasts are being made there.")
