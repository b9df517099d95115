"""Drift: whether the model of the published forecast keeps what its backtest promised, on sales as it learned them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Series
from ml.db.insights import DriftReport
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.errors import NotFoundError
from ml.etl.cleaning.context import read_events
from ml.etl.extract import Level, base_panel, read_sales
from ml.etl.nodes import read_ids
from ml.evaluation.drift import Promise, conclude, judge_errors
from ml.evaluation.drift_inputs import compare_inputs, judge_inputs, new_share
from ml.grains import Grain, get_grain
from ml.panel import Panel
from ml.pipelines.anomalies import anomalies_of, level_panels, store_anomalies
from ml.progress import Progress, silent
from ml.reconcile import Hierarchy

ISSUED = ("published", "superseded")
SUMS = ["error", "over", "volume", "inside", "rows"]
ERROR_COLUMNS = ["location", "product", "ds", "as_of", *SUMS]


@dataclass(frozen=True)
class DriftResult:
    """The verdict on the model that serves, why, and how many anomalies there are in the sales now."""

    run_id: int
    model_id: int
    model: str
    grain: str
    as_of: date
    verdict: str
    reasons: tuple[str, ...]
    anomalies: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "as_of": self.as_of.isoformat(), "reasons": list(self.reasons)}


def check_drift(session: Session, grain: str = "monthly", progress: Progress = silent) -> DriftResult:
    """Judge the errors of the forecasts that the published run's model has issued, and the sales since it was trained;
    look for anomalies at every stored level. Report and anomalies replace earlier ones of the run; the caller commits.

    Raises NotFoundError where no forecast is published, NotEnoughHistoryError where sales were taken back since.
    """
    spec = get_grain(grain)
    progress("reading sales")
    run = published(session, grain)
    model = session.get_one(ModelVersion, run.model_id)
    table = read_sales(session, spec)
    base = Level(run.location_level, run.product_level)
    panel, nodes = base_panel(table, base)
    hierarchy = Hierarchy.over(nodes, base)
    as_of = panel.last.date()
    known_events = read_events(session, panel.periods[0].date(), spec.last_day(as_of))
    issued = issued_errors(session, model.id, spec, as_of)
    ids = {key: number for level in hierarchy.levels for key, number in read_ids(session, level).items()}
    run_id, learned, promises = run.id, pd.Timestamp(model.data_to), promises_of(model)
    session.commit()  # no lock and no snapshot is held while it computes
    progress("comparing")
    levels = judge_errors(with_naive(issued, panel, hierarchy, spec), promises)
    inputs, new = compare_inputs(panel, learned), new_share(panel, learned)
    found = conclude(levels, judge_inputs(inputs, new))
    progress("looking for anomalies")
    anomalies = anomalies_of(panel, hierarchy, spec, table.settings.threshold, known_events)
    progress("storing")
    stored = store_anomalies(session, anomalies, ids, spec)
    session.execute(sa.delete(DriftReport).where(DriftReport.run_id == run_id))
    session.add(
        DriftReport(
            run_id=run_id, model_id=model.id, grain=grain, as_of=as_of, verdict=found.verdict,
            reasons=list(found.reasons), levels=[level.as_dict() for level in levels],
            inputs=[one.as_dict() for one in inputs], new_share=new,
        )
    )  # fmt: skip
    name = f"{model.model_name}/{model.version}"
    return DriftResult(run_id, model.id, name, grain, as_of, found.verdict, found.reasons, stored)


def published(session: Session, grain: str) -> ForecastRun:
    """The run that readers see; raises NotFoundError where there is none."""
    run = session.scalar(sa.select(ForecastRun).where(ForecastRun.slot == grain))
    if run is None:
        raise NotFoundError(f"no {grain} forecast is published yet, so nothing can have drifted. Forecast first.")
    return run


def promises_of(model: ModelVersion) -> dict[str, Promise]:
    """What the backtest of a version promised, by level; {} of one that was registered without errors by level."""
    by_model: Mapping[str, Mapping[str, float | None]] = model.metrics.get("levels", {})
    naive = by_model.get(model.metrics.get("floor", ""), {})
    own = by_model.get(model.model_type, {})
    return {level: Promise(wape, naive.get(level)) for level, wape in own.items() if wape is not None}


def issued_errors(session: Session, model_id: int, grain: Grain, as_of: date) -> pd.DataFrame:
    """ERROR_COLUMNS: sums over the series of a level, by period and by when the forecast was made.

    Of the last half horizon's periods (three at least), whose actuals are known; of several runs as of the same period
    the last one counts.
    """
    since = grain.shift(as_of, 1 - max(3, grain.horizon // 2))
    runs = (
        sa.select(sa.func.max(ForecastRun.id))
        .where(ForecastRun.model_id == model_id, ForecastRun.state.in_(ISSUED))
        .group_by(ForecastRun.as_of)
    )
    result, missed = ForecastResult, ForecastResult.mean - ForecastResult.actual
    keys = [Series.location_level, Series.product_level, result.period, result.as_of]
    within = sa.case((result.actual.between(result.p10, result.p90), 1), else_=0)
    query = (
        sa.select(
            *keys, sa.func.sum(sa.func.abs(missed)), sa.func.sum(missed), sa.func.sum(sa.func.abs(result.actual)),
            sa.func.sum(within), sa.func.count(),
        )
        .join(Series, Series.id == result.series_id)
        .where(result.actual.is_not(None), result.period.between(since, as_of), result.run_id.in_(runs))
        .group_by(*keys)
    )  # fmt: skip
    rows: Sequence[Any] = session.execute(query).all()
    frame = pd.DataFrame(rows, columns=ERROR_COLUMNS).astype(dict.fromkeys(SUMS, float))
    return frame.assign(level=frame["location"] + "/" + frame["product"], ds=pd.to_datetime(frame["ds"]))


def with_naive(issued: pd.DataFrame, panel: Panel, hierarchy: Hierarchy, grain: Grain) -> pd.DataFrame:
    """The errors by level and period as `judge_errors` takes them, with those of seasonal naive, once per forecast."""
    wanted = set(issued["level"])
    lag = grain.season_length * -(-grain.horizon // grain.season_length)
    parts = [
        naive_errors(series, lag).assign(level=f"{level.location}/{level.product}")
        for level, series in level_panels(panel, hierarchy)
        if f"{level.location}/{level.product}" in wanted
    ]
    if not parts:
        return issued.assign(naive=np.nan)
    joined = issued.merge(pd.concat(parts), on=["level", "ds"], how="left")
    return joined.groupby(["level", "ds"], as_index=False)[[*SUMS, "naive"]].sum(min_count=1)


def naive_errors(panel: Panel, lag: int) -> pd.DataFrame:
    """What a forecast that repeats the value `lag` periods before missed in each period, summed over the series:
    `ds, naive`; NaN where no series is old enough."""
    missed = np.full(panel.wide.y.shape, np.nan)
    missed[:, lag:] = np.abs(panel.wide.y[:, lag:] - panel.wide.y[:, :-lag])
    known = np.isfinite(missed).any(axis=0)
    return pd.DataFrame({"ds": panel.periods, "naive": np.where(known, np.nansum(missed, axis=0), np.nan)})
