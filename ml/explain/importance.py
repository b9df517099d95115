"""Which features and themes a model works with, over all of its forecasts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml.explain.factors import Explained, by_theme

FEATURES = 25
"""Features that are kept: those that move forecasts most."""


@dataclass(frozen=True)
class Importance:
    """Mean absolute Shapley values (Lundberg et al. 2020) of logarithms of forecasts: 0.1 moves a forecast by about
    10 % up or down, typically.

    A theme's is that of the sum of its features, which may cancel out. `trees` is the weight (0 to 1) of the members
    that have features; the effects are of their part alone. `rows` is how many forecasts were taken apart.
    """

    themes: dict[str, float]
    features: list[dict[str, Any]]  # feature, theme, effect
    trees: float
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def importance(of: Explained, steps: list[int]) -> Importance:
    """How far themes and features move forecasts of `steps` ahead, the greatest first; `of` has members of trees."""
    themes: dict[str, float] = defaultdict(float)
    features: dict[str, float] = defaultdict(float)
    total, rows, weights = 0.0, 0, of.forecaster.series_weights()
    for name, member in of.trees().items():
        weight, able = float(weights[name][of.rows].mean()), of.rows[member.able[of.rows]]
        total += weight
        for step in steps if len(able) else ():
            shares = member.shares(step, able, of.plans)
            if shares is None:
                continue
            rows += len(able)
            part, exponents = weight / len(steps), shares.exponents
            for theme, moved in by_theme(of, shares, exponents).items():
                themes[theme] += part * float(np.abs(moved).mean())
            for feature, effect in zip(shares.names, np.abs(exponents).mean(axis=0).tolist(), strict=True):
                features[feature] += part * effect
    counted, total = total, total or 1.0  # members may count for none of these series
    ordered = sorted(features.items(), key=lambda pair: (-pair[1], pair[0]))[:FEATURES]
    return Importance(
        {name: effect / total for name, effect in sorted(themes.items(), key=lambda pair: -pair[1])},
        [{"feature": name, "theme": of.theme(name), "effect": effect / total} for name, effect in ordered],
        counted,
        rows,
    )
