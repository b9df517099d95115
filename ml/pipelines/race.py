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
from ml.evaluation.joint import JointBacktest
from ml.evaluation.metrics import Scores, score
from ml.evaluation.origins import plan_cutoffs
from ml.evaluation.selection import STOCK_COST, WQL, Choice, choose
from ml.grains import Grain
from ml.inventory.decisions import stock_cost
from ml.models.auto import CombinedForecaster
from ml.progress import Progress


@dataclass(frozen=True)
class Field:
    """What is raced on: cleaned sales of the level `base`, the windows that they are cut into, and the loss that
    chooses (see `ml.evaluation.selection.LOSSES`)."""

    cleaned: Cleaned
    base: Level
    grain: Grain
    cutoffs: tuple[pd.Timestamp, ...]
    loss: str = WQL

    @classmethod
    def of(cls, cleaned: Cleaned, base: Level, grain: Grain, loss: str = WQL) -> Field:
        """The windows that rolling origins give; raises NotEnoughHistoryError below 2 periods."""
        return cls(cleaned, base, grain, tuple(plan_cutoffs(cleaned.panel, grain.horizon)), loss)

    def run(self, forecasters: Mapping[str, CombinedForecaster], progress: Progress) -> JointBacktest:
        """Let models forecast the windows, learned from cleaned sales."""
        return JointBacktest(forecasters, self.cleaned.panel, self.cutoffs, self.grain.horizon).run(progress)

    def rows(self, joint: JointBacktest, name: str) -> pd.DataFrame:
        """The forecasts of one of them, with the actuals they are scored by."""
        return self.cleaned.score_against_actual(joint.frame(name))

    def score(self, name: str, forecaster: CombinedForecaster, progress: Progress) -> Scores:
        """The scores of a model over the windows."""
        return self.scored(self.rows(self.run({name: forecaster}, progress), name))

    def scored(self, rows: pd.DataFrame) -> Scores:
        """The scores of forecasts; the cost of the stock that they lead to where that chooses."""
        scores = score(rows)
        return {**scores, STOCK_COST: stock_cost(rows, self.grain.freq)} if self.loss == STOCK_COST else scores


@dataclass(frozen=True)
class Race:
    """How it ended: the choice, the backtests and parameters of all models by name, the floor first, and what they
    were made from."""

    field: Field
    choice: Choice
    backtests: dict[str, pd.DataFrame]
    parameters: dict[str, dict[str, Any]]
    joint: JointBacktest

    @property
    def winner(self) -> Scores:
        """The scores of the model that was chosen."""
        return self.choice.scores[self.choice.name]

    def fit(self, progress: Progress) -> CombinedForecaster:
        """The model that was chosen, fitted on all cleaned sales."""
        return self.joint.fit(self.choice.name, progress)

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
    joint = field.run(racing, progress)
    backtests = {name: field.rows(joint, name) for name in racing}
    choice = choose({name: field.scored(frame) for name, frame in backtests.items()}, field.loss)
    return Race(field, choice, backtests, {name: model.parameters for name, model in racing.items()}, joint)


def same_kind(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether parameters make the same model, whatever threads learn it and whatever weights it found."""
    free = {"threads": 0, "weights": {}, "segment_weights": {}}
    return {**one, **free} == {**other, **free}
