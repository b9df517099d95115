"""Stock of a warehouse shared out fairly over the places below it, in any number of levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.errors import DataError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

ROUNDS = 60


def fair_share(supply: float, need: Floats, weight: Floats, whole: bool = True) -> Floats:
    """Share `supply` units over places that need `need` units, (places,): all of it where there is enough.

    In shortage each place goes without in proportion to its `weight` (the spread of its demand, so that all run the
    same risk: Clark & Scarf 1960, de Kok 1990), and none gets below 0; without any weight in proportion to need.
    With `whole`, units are not cut: remainders go to the largest parts, the first of equal ones.
    """
    need = np.maximum(need, 0.0)
    supply = max(supply, 0.0)
    if need.sum() <= supply:
        return need
    if supply == 0:
        return np.zeros_like(need)
    weights = np.where(need > 0, np.maximum(weight, 0.0), 0.0)
    shares = _by_risk(supply, need, weights if weights.sum() > 0 else need)
    return _whole(shares, supply, need) if whole else shares


def _by_risk(supply: float, need: Floats, weight: Floats) -> Floats:
    """max(need − λ weight, 0) with the λ that uses up the supply; what has no weight is served first."""
    certain = np.where(weight > 0, 0.0, need)
    if certain.sum() >= supply:
        return np.asarray(certain * (supply / certain.sum()))
    left, loose = supply - certain.sum(), np.where(weight > 0, need, 0.0)
    low, high = 0.0, float((loose[weight > 0] / weight[weight > 0]).max())
    for _ in range(ROUNDS):
        middle = (low + high) / 2.0
        too_much = np.maximum(loose - middle * weight, 0.0).sum() > left
        low, high = (middle, high) if too_much else (low, middle)
    shares = np.maximum(loose - high * weight, 0.0)
    return certain + (shares * (left / shares.sum()) if shares.sum() > 0 else shares)


def _whole(shares: Floats, supply: float, need: Floats) -> Floats:
    """Whole units that add up to the whole units of the supply, none above its need rounded up."""
    units = np.floor(shares + 1e-9)
    left = int(np.floor(supply + 1e-9) - units.sum())
    order = np.argsort(-(shares - units), kind="stable")
    for place in order[: max(left, 0)]:
        units[place] += 1.0 if units[place] + 1.0 <= np.ceil(need[place]) else 0.0
    return units


@dataclass(frozen=True)
class Places:
    """A tree of places, (places,): `parent` is the row of the place that supplies it, -1 for the top.

    `need` is what it lacks itself, at places without others below them beyond their stock; `stock` is what it can share
    out; `weight` is the spread of its demand.
    """

    parent: Codes
    stock: Floats
    need: Floats
    weight: Floats

    def __post_init__(self) -> None:
        for name in ("stock", "need", "weight"):
            if len(getattr(self, name)) != len(self.parent):
                raise DataError(
                    f"{name} has {len(getattr(self, name))} rows; expected {len(self.parent)}, one per place."
                )


def allocate(places: Places) -> Floats:
    """Units that each place gets from its parent, (places,), from the top down.

    A place asks for what it and all below it lack beyond the stock there, keeps what it needs itself and shares out the
    rest of what it has and gets. The top gets nothing.
    Raises DataError where a place supplies itself.
    """
    order = _top_down(places.parent)
    lacking, risk = places.need.astype(np.float64), np.square(places.weight)
    shared = np.where(np.isin(np.arange(len(order)), places.parent), places.stock, 0.0)
    for place in reversed(order):
        parent = places.parent[place]
        lacking[place] = max(lacking[place] - shared[place], 0.0)
        if parent >= 0:
            lacking[parent] += lacking[place]
            risk[parent] += risk[place]
    given = np.zeros(len(order))
    for place in order:
        children = np.flatnonzero(places.parent == place)
        if len(children):
            has = places.stock[place] + given[place] - places.need[place]
            given[children] = fair_share(has, lacking[children], np.sqrt(risk[children]))
    return given


def _top_down(parent: Codes) -> list[int]:
    """Rows with each parent before its children."""
    order = np.flatnonzero(parent < 0).tolist()
    for place in order:
        order.extend(np.flatnonzero(parent == place).tolist())
    if len(order) != len(parent):
        stuck = sorted(set(range(len(parent))) - set(order))
        raise DataError(f"place {stuck[0]} has no way up to a top place; expected a tree. Check its parents.")
    return order
