"""The race: all candidates over the same windows of the past, and the choice among them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml import models
from ml.etl.cleaning.clean import Cleaned
from ml.etl.extract import Level
from ml.evaluation.backtest import backtest
from ml.evaluation.metrics import Scores, score
from ml.evaluation.origins import plan_cutoffs
from ml.evaluation.selection import Choice, choose
from ml.grains import Grain
from ml.models.base import Forecaster
from ml.progress import Progress


@dataclass(frozen=True)
class Field:
    """What is raced on: cleaned sales of the level `base`, and the windows that they are cut into."""

    cleaned: Cleaned
    base: Level
    grain: Grain
    cutoffs: tuple[pd.Timestamp, ...]

    @classmethod
    def of(cls, cleaned: Cleaned, base: Level, grain: Grain) -> Field:
        """The windows that rolling origins give; raises NotEnoughHistoryError below 2 periods."""
        return cls(cleaned, base, grain, tuple(plan_cutoffs(cleaned.panel, grain.horizon)))

    def backtest(self, model: Forecaster, progress: Progress) -> pd.DataFrame:
        """Rolling-origin forecasts of one model, learned from cleaned sales, with the actuals they are scored by."""

        def report(phase: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG001 - Progress names its arguments
            progress(f"backtest of {model.name}", done, total)

        frame = backtest(self.cleaned.panel, model, self.cutoffs, self.grain.horizon, progress=report)
        return self.cleaned.score_against_actual(frame)


@dataclass(frozen=True)
class Race:
    """How it ended: the choice, and the backtests and parameters of all models by name, the floor first."""

    field: Field
    choice: Choice
    backtests: dict[str, pd.DataFrame]
    parameters: dict[str, dict[str, Any]]

    @property
    def winner(self) -> Scores:
        """The scores of the model that was chosen."""
        return self.choice.scores[self.choice.name]

    @property
    def floor(self) -> str:
        """The model that every other has to beat."""
        return next(iter(self.backtests))

    def windows(self) -> dict[str, Any]:
        """What was scored, as JSON values; scores can be compared where it is the same, the actuals included."""
        rows = self.backtests[self.floor].sort_values(["unique_id", "cutoff", "ds"])
        digest = hashlib.sha256(rows["y"].to_numpy(dtype=np.float64).tobytes())
        digest.update(pd.util.hash_pandas_object(rows[["unique_id", "cutoff", "ds"]], index=False).to_numpy().tobytes())
        return {
            "cutoffs": [cutoff.date().isoformat() for cutoff in self.field.cutoffs],
            "horizon": self.field.grain.horizon,
            "rows": len(rows),
            "actuals": digest.hexdigest()[:16],
        }


def run_race(names: Sequence[str], field: Field, progress: Progress, threads: int) -> Race:
    """Backtest the models of these names and choose among them; the first one is the floor."""
    racing = {name: models.create(name, threads=threads) for name in names}
    backtests = {name: field.backtest(model, progress) for name, model in racing.items()}
    choice = choose({name: score(frame) for name, frame in backtests.items()})
    return Race(field, choice, backtests, {name: model.parameters for name, model in racing.items()})


def same_kind(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether parameters make the same model; how many threads learn it is none of its traits."""
    return {**one, "threads": 0} == {**other, "threads": 0}
