"""Parameters of a model found by search, where its defaults are not good enough: optional, and within a time.

Candidates are drawn by the tree-structured Parzen estimator (Bergstra et al. 2011) of Optuna and scored by rolling
origin; one that does worse than most on the first origins is not tried on the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml import models
from ml.budget import Budget
from ml.errors import ConfigurationError
from ml.evaluation.origins import plan_cutoffs, steps_after
from ml.evaluation.weights import member_errors
from ml.features.closures import find_closures
from ml.features.scales import recent_level, volume_edges
from ml.models.base import PointModel
from ml.models.trial import Origin
from ml.panel import Panel
from ml.progress import Progress, silent

Floats = NDArray[np.float64]

WINDOWS = 3
WARM_UP = 5
"""Candidates that are tried on all origins before any is given up for doing worse than the median."""


@dataclass(frozen=True)
class Range:
    """The values of a parameter that are searched, on a logarithmic scale: whole numbers where `low` is one."""

    low: float
    high: float

    def draw(self, trial: Any, name: str) -> float | int:
        """A value that Optuna suggests."""
        if isinstance(self.low, int):
            return int(trial.suggest_int(name, self.low, int(self.high), log=True))
        return float(trial.suggest_float(name, self.low, self.high, log=True))


TREES = {
    "rounds": Range(100, 1_000),
    "learning_rate": Range(0.01, 0.2),
    "leaves": Range(7, 127),
    "leaf_rows": Range(10, 300),
}
SPACES: dict[str, dict[str, Range]] = {
    "lightgbm": TREES,
    "xgboost": TREES,
    "direct_log": TREES,
    "direct_tweedie": TREES,
    "ridge": {"penalty": Range(1e-5, 1.0)},
}
"""What is searched, by model."""


@dataclass(frozen=True)
class Found:
    """The best `parameters`, and `gain`: by how much they err less than the defaults (0.02: 2 %) on the origins.

    Where nothing beats the defaults, `parameters` is empty and `gain` 0. `tried` counts candidates, `given_up` those
    that were not tried on all origins.
    """

    model: str
    parameters: dict[str, float | int]
    gain: float
    tried: int
    given_up: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def search(
    name: str,
    panel: Panel,
    seconds: float,
    *,
    horizon: int,
    threads: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> Found:
    """Search the parameters of the model `name` for about `seconds`, on origins inside `panel`.

    A candidate's score is the mean logarithm, over the origins, of how many times as much it errs as the defaults (see
    `member_errors`). A candidate once begun is tried to its end, so the time may be passed by one of them. Raises
    ConfigurationError for a model without a space to search, and where Optuna is not installed.
    """
    if name not in SPACES:
        raise ConfigurationError(f"{name} has no parameters to search; expected one of {', '.join(SPACES)}.")
    optuna = _load_optuna()
    budget = Budget(seconds)
    trials = _Contest(name, panel, horizon, threads, seed)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=WARM_UP)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    while budget.left > 0:
        progress("searching", int(budget.spent), math.ceil(seconds))
        candidate = study.ask()
        parameters = {key: space.draw(candidate, key) for key, space in SPACES[name].items()}
        score = trials.score(parameters, candidate)
        state = optuna.trial.TrialState
        study.tell(candidate, score, state=state.PRUNED if score is None else state.COMPLETE)
    progress("searching", math.ceil(seconds), math.ceil(seconds))
    done = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    best = min(done, key=lambda trial: float(trial.value), default=None)
    won = best is not None and best.value < 0
    return Found(
        name,
        dict(best.params) if won and best else {},
        1 - math.exp(best.value) if won and best else 0.0,
        len(study.trials),
        len(study.trials) - len(done),
        round(budget.spent, 1),
    )


class _Contest:
    """Candidates against the defaults, on the same origins."""

    def __init__(self, name: str, panel: Panel, horizon: int, threads: int, seed: int) -> None:
        self._make: Callable[[Mapping[str, Any]], PointModel] = lambda parameters: _point_model(
            name, panel, horizon, threads, seed, parameters
        )
        edges, closures = volume_edges(recent_level(panel.wide, panel.season_length)), find_closures(panel.wide)
        cutoffs: Sequence[pd.Timestamp] = plan_cutoffs(panel, horizon, WINDOWS)
        self._origins = [
            Origin.at(cutoff, panel, steps_after(panel, cutoff, horizon), edges, closures) for cutoff in cutoffs
        ]
        self._defaults = [self._forecast({}, origin) for origin in self._origins]

    def score(self, parameters: Mapping[str, Any], candidate: Any) -> float | None:
        """The mean logarithm of the error over the defaults'; None where it was given up on the way."""
        logs: list[float] = []
        for step, (origin, default) in enumerate(zip(self._origins, self._defaults, strict=True)):
            y, scale = (origin.rows[column].to_numpy(dtype=np.float64) for column in ("y", "scale"))
            errors = member_errors(y, scale, {"default": default, "tried": self._forecast(parameters, origin)})
            logs.append(math.log(errors["tried"] / errors["default"]))
            candidate.report(float(np.mean(logs)), step)
            if step + 1 < len(self._origins) and candidate.should_prune():
                return None
        return float(np.mean(logs))

    def _forecast(self, parameters: Mapping[str, Any], origin: Origin) -> Floats:
        made = self._make(parameters).fit(origin.past).predict(origin.periods, origin.known)
        return made.mean.ravel()[origin.told]


def _point_model(  # noqa: PLR0917 - what makes a model
    name: str, panel: Panel, horizon: int, threads: int, seed: int, parameters: Mapping[str, Any]
) -> PointModel:
    forecaster = models.create(name, horizon=horizon, threads=threads, seed=seed, **parameters)
    return forecaster.members(panel, horizon)[name]


def _load_optuna() -> ModuleType:
    try:
        import optuna  # noqa: PLC0415 - an optional extra, and slow to load
    except ImportError:
        raise ConfigurationError(
            "a search needs the package optuna; expected it to be installed. Install requirements-tuning.in."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    module: ModuleType = optuna
    return module
