"""Policies that a replay compares, by name, and what is asked of one: light, so that pages and the API can read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from ml.errors import ConfigurationError

AVERAGE, LEARNED, RULES = "average", "learned", "rules"

MODELS = ("seasonal_naive", "moving_average", "tsb", "croston_sba", "ridge", "lightgbm", "combination")
"""Models of sales that pages offer; commands take any."""

FAMILIES = (RULES, AVERAGE, LEARNED, *MODELS)
"""Each is replayed at several levels of its safety, the rules as they are."""

FACTORS = (0.8, 1.0, 1.2, 1.5, 2.0)
SHARES = (0.8, 0.9, 0.95, 0.98, 0.99)
DAYS, REVIEW, ITEMS = (28, 728), (1, 91), (1, 5_000)
"""What a simulation may have at least and at most."""


def levels_of(family: str) -> tuple[float, ...]:
    """The levels of safety at which a policy is replayed: factors, or shares; the rules have their own."""
    return {AVERAGE: FACTORS, RULES: (0.0,)}.get(family, SHARES)


def label(family: str, level: float) -> str:
    """A policy with its level: average × 1.2, lightgbm 95 %."""
    if family == RULES:
        return family
    return f"{family} × {level:g}" if family == AVERAGE else f"{family} {level * 100:g} %"


@dataclass(frozen=True)
class SimulationSettings:
    """What is replayed: the last `days` days with reviews `review` days apart, of the `items` items that sold most
    before them. `policies` are names of FAMILIES; `holding_rate` is a year's cost of stock as a share of its value,
    `order_cost` that of an order. Raises ConfigurationError naming what cannot be."""

    days: int = 364
    review: int = 7
    items: int = 300
    holding_rate: float = 0.25
    order_cost: float = 0.0
    policies: tuple[str, ...] = (RULES, AVERAGE, LEARNED)

    def __post_init__(self) -> None:
        for name, (low, high) in (("days", DAYS), ("review", REVIEW), ("items", ITEMS)):
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; expected {low} to {high}.")
        for name in ("holding_rate", "order_cost"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigurationError(f"{name} is {getattr(self, name):g}; expected 0 or more.")
        unknown = [name for name in self.policies if name not in FAMILIES]
        if unknown or not self.policies:
            found = f"the policy is {unknown[0]!r}" if unknown else "no policy is chosen"
            raise ConfigurationError(f"{found}; expected some of {', '.join(FAMILIES)}.")

    @classmethod
    def stored(cls, values: dict[str, Any]) -> Self:
        """From a row."""
        return cls(**{**values, "policies": tuple(values["policies"])})
