"""Which features a boosted model works with, over all of its forecasts."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml.explain.contributions import shap_values

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """A feature's shares (0 to 1, over all features 1): of the loss that its splits saved in learning (`gain`), and of
    how far features move forecasts (`effect`: mean absolute Shapley value; Lundberg et al. 2020). Gain favours features
    with many values, effect does not; neither needs permuted data, which would be no series any more."""

    feature: str
    gain: float
    effect: float


def importance(booster: lgb.Booster, features: NDArray[np.float32]) -> list[Importance]:
    """The importance of every feature, by effect and then by gain, the greatest first.

    `features` holds rows as the trees read them, (rows, features): some thousand are enough.
    """
    gain = _shares(np.asarray(booster.feature_importance("gain"), dtype=np.float64))
    effect = _shares(np.abs(shap_values(booster, features)[:, :-1]).mean(axis=0))
    found = [
        Importance(name, float(saved), float(moved))
        for name, saved, moved in zip(booster.feature_name(), gain, effect, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.effect, -one.gain, one.feature))


def _shares(values: Floats) -> Floats:
    total = float(values.sum())
    return values / total if total > 0 else values
