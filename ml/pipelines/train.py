"""Train: race the models on the sales as they stand, and let the winner serve if it beats the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml import registry
from ml.artifacts import ArtifactStore
from ml.db.bulk import lock_for_writing
from ml.db.insights import DriftReport
from ml.db.results import ModelVersion
from ml.etl.cleaning.clean import clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.extract import choose_base_level, learned_coverage, read_sales
from ml.etl.sample import sample
from ml.evaluation.intervals import ConformalBands
from ml.explain.factors import explained
from ml.explain.importance import importance
from ml.features.scales import recent_level
from ml.grains import Grain, get_grain
from ml.models.auto import CombinedForecaster
from ml.models.base import PointModel
from ml.models.naive import SEASONAL_NAIVE, SeasonalNaive
from ml.panel import Panel
from ml.pipelines.contest import Verdict, contest, overtaken
from ml.pipelines.race import Field, Race, run_race
from ml.progress import Progress, silent
from ml.reconcile import Hierarchy, fit_reconciler
from ml.registry.artifacts import Bundle, register
from ml.settings import ModelRules

CANDIDATES = ("seasonal_naive", "lightgbm", "combination")
"""The models that race unless asked otherwise; the first is the floor."""

LONGEST_REASON = LONGEST_VERDICT = 500
IMPORTANCE_SERIES, IMPORTANCE_STEPS = 100, 4
"""Forecasts that are taken apart to tell what moves them: those of the largest series, a few steps ahead."""
RETRAIN = "retrain"
"""The verdict on drift that lets an equal version replace the champion."""


@dataclass(frozen=True)
class TrainResult:
    """The version that was trained, whether it serves now, and why."""

    model_id: int
    model: str
    version: int
    serves: bool
    grain: str
    base_level: str
    series: int
    reason: str
    verdict: str
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
    rules: ModelRules | None = None,
) -> TrainResult:
    """Backtest each candidate, fit the best on all sales, register it; the caller commits.

    It becomes the champion where it beats the one that serves under `rules`, and else the challenger.
    Raises NotEnoughHistoryError below 3 complete periods, DataError for an unknown grain or model.
    """
    rules = rules or ModelRules()
    spec = get_grain(grain)
    progress("reading sales")
    coverage = learned_coverage(session, spec)
    with sample(session, spec, coverage, rules.most_series) as learned:
        table = read_sales(session, spec, coverage, learned)
        context = read_context(session, table)
    serving = registry.find_champion(session, grain)
    drifted = serving is not None and has_drifted(session, serving)
    session.commit()  # no lock and no snapshot is held while the models run
    base = choose_base_level(table)
    cleaned = clean_panel(table, base, context)
    hierarchy = Hierarchy.over(cleaned.nodes, base)
    race = run_race(race_names(candidates), Field.of(cleaned, base, spec, rules.choose_by), progress, threads)
    verdict = contest(serving, race, store, rules, progress, drifted=drifted)
    progress("fitting", 0, 1)
    forecaster = race.fit(progress)
    progress("fitting", 1, 1)
    name, members = race.choice.name, upper_members(threads)
    reconciler, made = fit_reconciler(
        race.backtests[name], cleaned.panel, hierarchy, members, spec.horizon, progress=progress
    )
    bundle = Bundle(forecaster, base, level_bands(made, hierarchy), reconciler)
    columns = describe(race, bundle)
    columns["metrics"] |= errors_of({**race.backtests, name: made}, hierarchy)
    columns["metrics"] |= {} if learned.whole else {"sampled": learned.leaves}
    columns["metrics"] |= importance_of(forecaster, cleaned.panel, spec)
    row, verdict = settle(session, store, bundle, columns, verdict)
    return TrainResult(
        row.id, race.choice.name, row.version, verdict.promoted, grain, f"{base.location}/{base.product}",
        len(cleaned.panel.ids), row.reason, row.verdict, row.metrics["scores"],
    )  # fmt: skip


def upper_members(threads: int) -> dict[str, PointModel]:
    """The models whose mean forecasts the totals."""
    from ml.models.boosting import LightGBM  # noqa: PLC0415 - loading the library costs 2 s and 100 MB

    return {SEASONAL_NAIVE: SeasonalNaive(), "lightgbm": LightGBM(threads=threads)}


def has_drifted(session: Session, serving: ModelVersion) -> bool:
    """Whether the last report on the champion's issued forecasts calls for another training."""
    query = sa.select(DriftReport.verdict).where(DriftReport.model_id == serving.id).order_by(DriftReport.id.desc())
    return session.scalar(query.limit(1)) == RETRAIN


def race_names(candidates: Sequence[str] | None) -> list[str]:
    """The models to race; the floor is always among them."""
    return list(dict.fromkeys((CANDIDATES[0], *(candidates or CANDIDATES))))


def settle(
    session: Session, store: ArtifactStore, bundle: Bundle, columns: dict[str, Any], verdict: Verdict
) -> tuple[ModelVersion, Verdict]:
    """Register the version and carry out the verdict, unless another champion is in charge by now than was judged."""
    lock_for_writing(session, ModelVersion)
    now = registry.find_champion(session, columns["grain"])
    if verdict.promoted and now is not verdict.serving:
        verdict = overtaken(now)
    if verdict.rival is not None and verdict.serving is not None:
        held = verdict.serving
        rival = {"version": held.version, "model_type": held.model_type, "scores": verdict.rival}
        columns["metrics"]["champion"] = rival
    row = register(session, store, bundle, **columns, verdict=verdict.reason[:LONGEST_VERDICT])
    if verdict.promoted:
        registry.promote(session, row, row.verdict)
    else:
        registry.challenge(session, row)
    return row, verdict


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


def errors_of(frames: Mapping[str, pd.DataFrame], hierarchy: Hierarchy) -> dict[str, dict[str, Any]]:
    """WAPE of the mean by model, at each level and at each step ahead."""
    return {
        "levels": {name: level_errors(frame, hierarchy) for name, frame in frames.items()},
        "steps": {name: step_errors(frame) for name, frame in frames.items()},
    }


def step_errors(frame: pd.DataFrame) -> list[float | None]:
    """WAPE of the mean of base series at each step ahead, the first one first; None where nothing was sold."""
    known = frame[frame["y"].notna()]
    sums = pd.DataFrame({"off": (known["y"] - known["mean"]).abs(), "volume": known["y"].abs()})
    sums = sums.groupby(known["step"]).sum()
    return [float(off / volume) if volume > 0 else None for off, volume in sums.itertuples(index=False)]


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


def importance_of(forecaster: CombinedForecaster, panel: Panel, grain: Grain) -> dict[str, Any]:
    """What moves the forecasts of a fitted model, as JSON values under `importance`; {} where it has no trees."""
    largest = np.argsort(-recent_level(panel.wide, panel.season_length), kind="stable")[:IMPORTANCE_SERIES]
    of = explained(forecaster, panel, largest, grain.horizon)
    steps = np.unique(np.linspace(1, grain.horizon, IMPORTANCE_STEPS, dtype=int)).tolist()
    return {"importance": importance(of, steps).as_dict()} if of else {}


def members_in_words(weights: Mapping[str, float]) -> list[str]:
    """A sentence on the members of a combination, the heaviest first; none of a single model."""
    if len(weights) < 2:
        return []
    ordered = sorted(weights.items(), key=lambda pair: -pair[1])
    return [f"It is made of {', '.join(f'{name} ({weight:.0%})' for name, weight in ordered)}."]


def describe(race: Race, bundle: Bundle) -> dict[str, Any]:
    """The registry's columns for the version to be."""
    base, panel, grain = bundle.base, race.field.cleaned.panel, race.field.grain
    return {
        "model_name": f"sales-{grain.name}",
        "model_type": race.choice.name,
        "grain": grain.name,
        "location_level": base.location,
        "product_level": base.product,
        "metrics": {
            "scores": race.choice.scores,
            "floor": race.floor,
            "windows": race.windows(),
            "known": list(panel.known),
            "reconciliation": bundle.reconciler.reconciliation.as_dict(),
        },
        "reason": " ".join([race.choice.reason, *members_in_words(bundle.forecaster.weights)])[:LONGEST_REASON],
        "parameters": bundle.forecaster.parameters,
        "features": bundle.forecaster.features,
        "data_from": panel.periods[0].date(),
        "data_to": panel.last.date(),
        "series_count": len(panel.ids),
    }
