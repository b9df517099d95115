"""Recommendations as people read them: what to order, when, of whom, why, and what happens otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ml.inventory.plan import Inputs, Plan
from ml.inventory.projection import NEVER
from ml.inventory.rules import ALERTS, KIND_WORDS, Rules
from ml.inventory.stock import warnings_of


@dataclass(frozen=True)
class Recommendation:
    """One item's advice. `quantity` units ordered on `order_on` arrive on `arrives_on`; `cost` is None where unknown.

    `fresh` is what today's numbers alone would order; `kept` says that yesterday's advice stays. `out_on` is the day on
    which the stock likely runs out without the order, `lost` the units that would then be lost until another could
    arrive. `warnings` are by name, in words.
    """

    item: str
    quantity: float
    fresh: float
    kept: bool
    order_on: date
    arrives_on: date
    supplier: str
    cost: float | None
    alert: str
    cover_days: float | None
    out_on: date | None
    lost: float
    reason: str
    otherwise: str
    warnings: dict[str, str]


def recommend(plan: Plan, inputs: Inputs) -> Iterator[Recommendation]:
    """The items to order, the most pressing first: by alert, then by expected lost sales."""
    projection = plan.projection
    worth = projection.lost * np.where(plan.stock.cost > 0, plan.stock.cost, 1.0)
    rows = np.flatnonzero(plan.quantity > 0)
    for row in rows[np.lexsort((-worth[rows], -projection.alert[rows]))].tolist():
        yield recommendation(row, plan, inputs)


def recommendation(row: int, plan: Plan, inputs: Inputs) -> Recommendation:
    """The advice for one row of the plan, its quantity 0 or not."""
    projection, cover = plan.projection, float(plan.projection.cover[row])
    place = int(plan.stock.supplier[row])
    cost = float(plan.stock.cost[row])
    return Recommendation(
        item=str(plan.stock.ids[row]),
        quantity=float(plan.quantity[row]),
        fresh=float(plan.fresh[row]),
        kept=bool(plan.kept[row]),
        order_on=_day(inputs.today, plan.timing.order[row]),
        arrives_on=_day(inputs.today, plan.timing.arrival[row]),
        supplier=inputs.suppliers[place].name if place >= 0 else "",
        cost=float(plan.quantity[row]) * cost if cost > 0 else None,
        alert=ALERTS[int(projection.alert[row])],
        cover_days=cover if np.isfinite(cover) else None,
        out_on=_out_on(row, plan, inputs),
        lost=float(projection.lost[row]),
        reason=_reason(row, plan, inputs),
        otherwise=_otherwise(row, plan, inputs),
        warnings=warnings_of(row, inputs.stock, plan.flags, inputs.assumed_lead),
    )


def _reason(row: int, plan: Plan, inputs: Inputs) -> str:
    rules = inputs.rules[int(inputs.rule[row])]
    position, reorder, up_to = (float(values[row]) for values in (plan.position, plan.reorder, plan.up_to))
    text = (
        f"{position:,.0f} units are on hand or arrive in time. Over the {plan.timing.cover[row]:.0f} days until the "
        f"order after this one could arrive {plan.expected[row]:,.0f} are expected, give or take "
        f"{plan.spread[row]:,.0f}. "
        f"{_rule_words(rules)}: order at {reorder:,.0f} or below, up to {up_to:,.0f}."
    )
    needed = up_to - position
    if plan.fresh[row] > needed + 0.5 and needed > 0:
        text += f" {needed:,.0f} are missing; packs and the least order make it {plan.fresh[row]:,.0f}."
    if 0 < plan.fresh[row] < needed - 0.5:
        text += " More would spoil before it sells."
    if plan.kept[row]:
        text += f" Today's numbers alone say {plan.fresh[row]:,.0f}; the advice stays, since that differs little."
    return text


def _rule_words(rules: Rules) -> str:
    words = KIND_WORDS[rules.kind][0].upper() + KIND_WORDS[rules.kind][1:]
    if rules.kind == "simple":
        return f"{words} of {rules.safety_factor:g}"
    if rules.kind in ("min_max", "newsvendor"):
        return words
    aims = {"cycle": f"with {rules.target:.0%} certainty", "fill": f"serving {rules.target:.0%} of units"}
    return f"{words}, {aims.get(rules.service, 'at least cost')}"


def _otherwise(row: int, plan: Plan, inputs: Inputs) -> str:
    """What happens without the order."""
    out_on, lost = _out_on(row, plan, inputs), float(plan.projection.lost[row])
    next_one = _day(inputs.today, plan.timing.cover[row])
    if out_on is not None:
        return f"The stock likely runs out on {out_on:%Y-%m-%d}; {lost:,.1f} units are lost by {next_one:%Y-%m-%d}."
    if plan.projection.out_early[row] != NEVER:
        early = _day(inputs.today, float(plan.projection.out_early[row]))
        return (
            f"With much demand the stock runs out on {early:%Y-%m-%d}; {lost:,.1f} units are lost by then on average."
        )
    return "The stock lasts through the forecast."


def _out_on(row: int, plan: Plan, inputs: Inputs) -> date | None:
    day = int(plan.projection.out_day[row])
    return None if day == NEVER else _day(inputs.today, day)


def _day(today: date, days: float) -> date:
    return today + timedelta(days=int(np.ceil(days)))
