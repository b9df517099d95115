"""Train: race the models on the sales as they stand, and let the better one serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from sqlalchemy.orm import Session

from ml import models, registry
from ml.artifacts import ArtifactStore
from ml.etl.cleaning.clean import Cleaned, clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.extract import Level, choose_base_level, read_sales
from ml.evaluation.backtest import backtest, plan_cutoffs
from ml.evaluation.intervals import ConformalBands
from ml.evaluation.metrics import score
from ml.evaluation.selection import Choice, choose
from ml.grains import Grain, get_grain
from ml.panel import Panel
from ml.progress import Progress, silent
from ml.reconcile import Hierarchy

CANDIDATES = ("seasonal_naive", "lightgbm")
"""The models that race unless asked otherwise; the first is the floor."""


@dataclass(frozen=True)
class TrainResult:
    """The version that now serves, and why."""

    model_id: int
    model: str
    version: int
    grain: str
    base_level: str
    series: int
    reason: str
    scores: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def train(
    session: Session,
    store: ArtifactStore,
    grain: str = "monthly",
    progress: Progress = silent,
    *,
    candidates: Sequence[str] | None = None,
    threads: int = 1,
) -> TrainResult:
    """Backtest each candidate, fit the best on all sales, register it as champion; the caller commits.

    Raises NotEnoughHistoryError below 3 complete periods, DataError for an unknown grain or model.
    """
    spec = get_grain(grain)
    progress("reading sales")
    table = read_sales(session, spec)
    context = read_context(session, table)
    session.commit()  # no lock and no snapshot is held while the models run
    base = choose_base_level(table)
    cleaned = clean_panel(table, base, context)
    panel = cleaned.panel
    hierarchy = Hierarchy.over(cleaned.nodes, base)
    names = race_names(candidates)
    backtests = {name: run_backtest(name, cleaned, spec, progress, threads) for name in names}
    choice = choose({name: score(frame) for name, frame in backtests.items()})
    progress("fitting", 0, 1)
    forecaster = models.create(choice.name, threads=threads).fit(panel)
    progress("fitting", 1, 1)
    bundle = registry.Bundle(forecaster, base, level_bands(backtests[choice.name], hierarchy))
    columns = describe(choice, bundle, panel, spec)
    columns["metrics"]["levels"] = {name: level_errors(frame, hierarchy) for name, frame in backtests.items()}
    row = registry.register(session, store, bundle, **columns)
    registry.promote(session, row)
    return TrainResult(
        row.id, choice.name, row.version, grain, f"{base.location}/{base.product}",
        len(panel.ids), choice.reason, row.metrics["scores"],
    )  # fmt: skip


def race_names(candidates: Sequence[str] | None) -> list[str]:
    """The models to race; the floor is always among them."""
    return list(dict.fromkeys((CANDIDATES[0], *(candidates or CANDIDATES))))


def run_backtest(name: str, cleaned: Cleaned, grain: Grain, progress: Progress, threads: int) -> pd.DataFrame:
    """Rolling-origin forecasts of one model, learned from cleaned sales, with the actuals that they are scored by."""
    panel = cleaned.panel

    def report(phase: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG001 - Progress names its arguments
        progress(f"backtest of {name}", done, total)

    cutoffs = plan_cutoffs(panel, grain.horizon)
    frame = backtest(panel, models.create(name, threads=threads), cutoffs, grain.horizon, progress=report)
    return cleaned.score_against_actual(frame)


def level_bands(frame: pd.DataFrame, hierarchy: Hierarchy) -> ConformalBands:
    """Bands of the levels above the base, from the winner's errors at each of them."""
    frame = with_all_actuals(frame)
    keys = ["cutoff", "ds", "step"]
    parts = [
        hierarchy.add_up(frame, level, ["y", "mean"], keys).assign(level=f"{level.location}/{level.product}")
        for level in hierarchy.levels
    ]
    return ConformalBands.fit(pd.concat(parts, ignore_index=True), group="level")


def with_all_actuals(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows to be added up, in which an unknown actual is taken for forecast rightly: left out, it would count as 0."""
    return frame.assign(y=frame["y"].fillna(frame["mean"]))


def level_errors(frame: pd.DataFrame, hierarchy: Hierarchy) -> dict[str, float | None]:
    """WAPE of the mean at each stored level, by "place/product": errors shrink where series are added up."""
    frame = with_all_actuals(frame)
    errors = {}
    for level in hierarchy.levels:
        summed = hierarchy.add_up(frame, level, ["y", "mean"], ["cutoff", "ds"])
        volume = float(summed["y"].abs().sum())
        off = float((summed["y"] - summed["mean"]).abs().sum())
        errors[f"{level.location}/{level.product}"] = off / volume if volume > 0 else None
    return errors


def describe(choice: Choice, bundle: registry.Bundle, panel: Panel, grain: Grain) -> dict[str, Any]:
    """The registry's columns for the version to be."""
    base: Level = bundle.base
    return {
        "model_name": f"sales-{grain.name}",
        "model_type": choice.name,
        "grain": grain.name,
        "location_level": base.location,
        "product_level": base.product,
        "metrics": {"scores": choice.scores, "floor": CANDIDATES[0]},
        "reason": choice.reason,
        "parameters": bundle.forecaster.parameters,
        "features": bundle.forecaster.features,
        "data_from": panel.periods[0].date(),
        "data_to": panel.last.date(),
        "series_count": len(panel.ids),
    }
