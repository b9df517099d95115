"""One LightGBM model over all series of a panel that forecasts each step ahead directly, without its own forecasts.

Beside the recursive model (`ml.models.boosting`) it makes other mistakes: errors do not pile up from step to step, and
what a step is off by is learned. A mean of the two often beats either (Makridakis, Spiliotis & Assimakopoulos 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml.features.closures import closed
from ml.features.direct import DirectTable
from ml.features.origins import PLANS
from ml.models.base import Points
from ml.models.boosting import train_trees, tree_shares, useful_threads
from ml.models.naive import FittedSeasonalNaive
from ml.models.profile import FEWEST_PERIODS, simpler_model
from ml.models.recursive import FEWEST_ROWS
from ml.models.shares import LEAST, Shares
from ml.panel import Panel

Floats = NDArray[np.float64]
Rows = tuple[NDArray[np.float32], Floats]

STEPS = {"D": 28, "W": 13, "MS": 12}
"""Steps that are learned where no horizon is asked for; later ones start from the forecasts of these."""
STEPS_PER_ORIGIN = {"D": 6, "W": 6, "MS": 12}
"""Steps drawn per origin: neighbours tell the same, more origins tell more."""
OLDEST = {"D": 1_100, "W": 208, "MS": 10_000}
"""Periods before the end from which origins are drawn: assortments and habits change."""
SHARPNESS = 10.0
"""Logarithms are taken of 1 + so many times the ratio to the size, so that small sales differ, too."""
OBJECTIVES = {"log": "regression", "tweedie": "tweedie"}
TWEEDIE_POWER = 1.3
"""Between Poisson and gamma: counts with zeros."""


@dataclass(frozen=True)
class DirectLightGBM:
    """Gradient-boosted trees on the ratio of sales to each series' size at the origin.

    `objective` is "log" (squared error of logarithms) or "tweedie" (deviance of the ratios themselves, which aims at
    the mean). Series that are too short, or that sold nothing, are left to seasonal naive, visibly.
    """

    objective: str = "log"
    horizon: int | None = None
    rows: int = 250_000
    rounds: int = 300
    learning_rate: float = 0.05
    leaves: int = 63
    leaf_rows: int = 30
    threads: int = 1
    seed: int = 0

    @property
    def name(self) -> str:
        return f"direct_{self.objective}"

    @property
    def parameters(self) -> dict[str, Any]:
        return asdict(self)

    def thinned(self, share: float) -> Self:
        """See `Thinnable`."""
        return replace(self, rows=int(share * self.rows))

    def fit(self, panel: Panel) -> FittedDirect:
        """Learn all series at once; deterministic for a seed and a number of threads."""
        table = DirectTable.fit(panel)
        steps = self.horizon or STEPS[panel.freq]
        learned = list(self._rows(table, panel.season_length, steps))
        enough = sum(len(target) for _, target in learned) >= FEWEST_ROWS and any(part.any() for _, part in learned)
        booster = self._train(table, learned) if enough else None
        return FittedDirect.at_end_of(panel, self, booster, table, steps)

    def _rows(self, table: DirectTable, season: int, steps: int) -> Iterator[Rows]:
        """Features and targets of origins and steps drawn from the past."""
        random = np.random.default_rng(self.seed)
        series, periods = table.y.shape
        per_origin = min(steps, STEPS_PER_ORIGIN[table.freq])
        earliest = min(max(season, periods // 4, periods - OLDEST[table.freq]), max(periods - steps - 1, 0))
        origins = np.arange(earliest, periods - 1)
        most = max(self.rows // (series * per_origin), 1)
        if len(origins) > most:
            origins = np.sort(random.choice(origins, most, replace=False))
        youngest = max(min(PLANS[table.freq].size, periods // 4), 1)
        reader = table.reader()
        for origin in origins.tolist():
            ahead = np.arange(1, min(steps, periods - 1 - origin) + 1)
            if len(ahead) > per_origin:
                ahead = np.sort(random.choice(ahead, per_origin, replace=False))
            _, features, size = table.rows(reader, origin, ahead)
            ratio = table.y[:, origin + ahead] / size
            learned = np.isfinite(ratio) & (origin - table.first >= youngest)[:, None]
            yield features[learned], ratio[learned]

    def _train(self, table: DirectTable, learned: list[Rows]) -> lgb.Booster:
        names, _, _ = table.rows(table.reader(), table.y.shape[1] - 2, np.array([1]))
        ratio = np.concatenate([part for _, part in learned])
        # A single order of a hundred times the usual would bend all trees towards it.
        ratio = np.minimum(ratio, 2 * np.quantile(ratio, 0.999))
        target = np.log1p(SHARPNESS * ratio) if self.objective == "log" else ratio
        features = np.concatenate([part for part, _ in learned])
        return train_trees(
            features,
            target,
            names,
            list(table.encoders),
            self,
            objective=OBJECTIVES[self.objective],
            tweedie_variance_power=TWEEDIE_POWER,
            feature_fraction=0.7,
        )


@dataclass(frozen=True)
class FittedDirect:
    """The trees, and of the past only as much as the next forecast reads; `booster` is None for too little data."""

    made_by: DirectLightGBM
    booster: lgb.Booster | None
    table: DirectTable
    steps: int
    able: NDArray[np.bool_]
    fallback: FittedSeasonalNaive

    @classmethod
    def at_end_of(
        cls, panel: Panel, made_by: DirectLightGBM, booster: lgb.Booster | None, table: DirectTable, steps: int
    ) -> FittedDirect:
        """Ready to forecast the periods after `panel`, which `table` read."""
        able = (panel.wide.lengths >= FEWEST_PERIODS) & (np.nansum(table.y, axis=1) > 0)
        return cls(made_by, booster, table.recent(), steps, able, simpler_model(panel))

    def update(self, panel: Panel) -> FittedDirect:
        """The same trees, carrying on from newer data."""
        return self.at_end_of(panel, self.made_by, self.booster, self.table.update(panel), self.steps)

    @property
    def features(self) -> list[str]:
        return list(self.booster.feature_name()) if self.booster is not None else []

    def predict(self, horizon: int, known: dict[str, Floats]) -> Points:
        """All learned steps in one go; what lies beyond them starts again from their forecasts."""
        naive = self.fallback.predict(horizon, known)
        if self.booster is None or not self.able.any():
            return naive
        parts, table = [], self.table
        for start in range(0, horizon, self.steps):
            steps = min(self.steps, horizon - start)
            plans = {name: values[:, start : start + steps] for name, values in known.items()}
            parts.append(self._block(self.booster, table, steps, plans))
            table = table.extended(parts[-1], plans)
        mean = np.where(self.able[:, None], np.concatenate(parts, axis=1), naive.mean)
        mean[closed(self.table.closures, known, mean.shape)] = 0.0
        return Points(mean, np.where(self.able, self.made_by.name, naive.model).astype(object))

    def _block(self, booster: lgb.Booster, table: DirectTable, steps: int, known: dict[str, Floats]) -> Floats:
        _, features, size = table.rows(table.reader(known), table.y.shape[1] - 1, np.arange(1, steps + 1))
        flat = features.reshape(-1, features.shape[2])
        threads = useful_threads(self.made_by.threads, len(flat))
        raw = np.asarray(booster.predict(flat, raw_score=True, num_threads=threads)).reshape(features.shape[:2])
        return self._unscaled(raw, size)

    def _unscaled(self, raw: Floats, size: Floats) -> Floats:
        """Sales from the trees' raw scores, logarithms by either objective; `size` is (rows, 1)."""
        ratio = np.expm1(raw) / SHARPNESS if self.made_by.objective == "log" else np.exp(raw)
        return np.asarray(np.maximum(ratio, 0.0) * size, dtype=np.float64)

    def shares(self, step: int, rows: NDArray[np.int64], known: Mapping[str, Floats]) -> Shares | None:
        """See `Explainable`; what lies beyond the learned steps is explained from the forecasts of these."""
        if self.booster is None:
            return None
        done = (step - 1) // self.steps * self.steps
        table = self.table
        if done:
            before = {name: matrix[:, :done] for name, matrix in known.items()}
            table = table.extended(self.predict(done, before).mean, before)
        plans = {name: matrix[:, done : done + self.steps] for name, matrix in known.items()}
        names, features, size = table.rows(table.reader(plans), table.y.shape[1] - 1, np.array([step - done]))
        read = features[rows, 0]
        found = tree_shares(self.booster, read)
        ends = np.stack([found[:, -1], found.sum(axis=1)], axis=1)
        least = LEAST if self.made_by.objective == "log" else -np.inf
        base, made = self._unscaled(np.maximum(ends, least), size[rows]).T
        return Shares(names, read, found[:, :-1], base, made, table.encoders)
