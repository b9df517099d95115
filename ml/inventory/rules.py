"""What a plan is told and what it says, without numbers crunched: light, so that pages and the API can read it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from ml.errors import ConfigurationError

Kind = Literal["review", "reorder", "min_max", "eoq", "newsvendor", "simple"]
Service = Literal["cycle", "fill", "cost"]

KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_WORDS: dict[Kind, str] = {
    "review": "up to a level at each review (R, S)",
    "reorder": "at a reorder point up to a level (s, S)",
    "min_max": "between a least and a most that are given",
    "eoq": "the economic order quantity at a reorder point",
    "newsvendor": "what one season costs least (perishable)",
    "simple": "expected demand times a safety factor",
}


@dataclass(frozen=True)
class Rules:
    """How an item, or a class of items, is kept in stock.

    `kind` is the policy; `service` says what its safety is for: the probability that a cycle has no shortage (`cycle`),
    the share of units served from stock (`fill`), both by `target`, or least `cost` of holding and shortage.
    `review_days` lie between orders. `holding_rate` is a year's cost of holding as a share of the unit's cost,
    `shortage_cost` that of a unit missed (None: price less cost), `order_cost` that of an order. `least` and `most` are
    the levels of `min_max`.
    """

    kind: Kind = "review"
    service: Service = "cycle"
    target: float = 0.95
    safety_factor: float = 1.2
    review_days: int = 7
    holding_rate: float = 0.25
    shortage_cost: float | None = None
    order_cost: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, KINDS)
        _one_of("service", self.service, get_args(Service))
        _within("target", self.target, 0.0, 1.0)
        _at_least("safety_factor", self.safety_factor, 0.0)
        _at_least("review_days", self.review_days, 1)
        for name in ("holding_rate", "order_cost", "least"):
            _at_least(name, getattr(self, name), 0.0)
        _at_least("shortage_cost", self.shortage_cost or 0.0, 0.0)
        if self.kind == "min_max":
            _at_least("most", self.most, self.least)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Rules:
        """From stored or sent values; raises ConfigurationError for a key that there is not."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigurationError(f"a rule has {unknown[0]!r}; expected one of {', '.join(sorted(known))}.")
        return cls(**values)


@dataclass(frozen=True)
class Alarms:
    """When a stock is worth a look: days of cover for `urgent` and `warning`, days without demand for dead stock, and
    how many days of demand are more than enough."""

    urgent_days: float = 2.0
    warning_days: float = 7.0
    dead_days: int = 180
    excess_days: int = 90

    def __post_init__(self) -> None:
        _at_least("urgent_days", self.urgent_days, 0.0)
        _at_least("warning_days", self.warning_days, self.urgent_days)
        _at_least("dead_days", self.dead_days, 1)
        _at_least("excess_days", self.excess_days, 1)


ALERTS = ("", "warning", "urgent")
"""What the numbers 0, 1 and 2 of an alert are called."""

UNKNOWN_LEAD_TIME = "unknown-lead-time"
NEGATIVE_STOCK = "negative-stock"
MISSING_PRICE = "missing-price"
ZERO_DEMAND = "zero-demand"
NO_CALENDAR = "supplier-without-calendar"
NO_SUPPLIER = "no-supplier"

WARNINGS: dict[str, str] = {
    UNKNOWN_LEAD_TIME: "No lead time is known: {days:g} days are assumed. Give one, or import received orders.",
    NEGATIVE_STOCK: "The stock is {on_hand:g}; it is planned as 0. Count it and import the count.",
    MISSING_PRICE: "No cost of a unit is known: values are left out. Give the product a cost.",
    ZERO_DEMAND: "No demand is expected: nothing is ordered.",
    NO_CALENDAR: "Its supplier has no calendar: any day is taken for orders and deliveries.",
    NO_SUPPLIER: "No supplier is known: its orders stand alone.",
}
"""What is wrong with a row's data, what is done about it and the remedy; the rest is planned all the same."""


def _one_of(name: str, value: object, expected: tuple[str, ...]) -> None:
    if value not in expected:
        raise ConfigurationError(f"{name} is {value!r}; expected one of {', '.join(expected)}.")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low < value < high:
        raise ConfigurationError(
            f"{name} is {value:g}; expected a share above {low:g} and below {high:g}, such as 0.95."
        )


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ConfigurationError(f"{name} is {value:g}; expected at least {least:g}.")
