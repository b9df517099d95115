"""Coherent totals: the levels above the base are sums of it, so that means add up exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ml.etl.extract import Level, available_levels, unique_ids


@dataclass(frozen=True)
class Hierarchy:
    """The stored levels over a base level.

    `base` is the base level; `levels` lists it and all above it, coarse to fine; `nodes`
    has `unique_id` and the base level's columns, one row per base series.
    """

    base: Level
    levels: tuple[Level, ...]
    nodes: pd.DataFrame

    @classmethod
    def over(cls, nodes: pd.DataFrame, base: Level) -> Hierarchy:
        """The hierarchy over base series; levels that the data does not name are left out."""
        places, products = available_levels(nodes)
        return cls(base, tuple(Level(place, product) for place in places for product in products), nodes)

    def members(self, level: Level) -> pd.DataFrame:
        """For each base series its node of `level`: `unique_id` (base), `node` (key in hex)."""
        return pd.DataFrame({"unique_id": self.nodes["unique_id"], "node": unique_ids(self.nodes, level)})

    def nodes_of(self, level: Level) -> pd.DataFrame:
        """The nodes of `level`: `unique_id` and the level's columns."""
        columns = list(level.columns)
        rows = self.nodes[columns].assign(unique_id=unique_ids(self.nodes, level))
        return rows.drop_duplicates("unique_id", ignore_index=True)[["unique_id", *columns]]

    def add_up(self, frame: pd.DataFrame, level: Level, values: list[str], by: list[str]) -> pd.DataFrame:
        """Sum `values` of base rows to `level`: `unique_id` (node), `by`, `values`."""
        if level == self.base:
            return frame[["unique_id", *by, *values]]
        joined = frame.merge(self.members(level), on="unique_id")
        summed: pd.DataFrame = joined.groupby(["node", *by], as_index=False, sort=True)[values].sum()
        return summed.rename(columns={"node": "unique_id"})

    def upper(self) -> Iterator[Level]:
        """The levels above the base."""
        return (level for level in self.levels if level != self.base)


def parent_levels(level: Level, levels: tuple[Level, ...]) -> tuple[Level | None, Level | None]:
    """The stored levels one step up in place, and one step up in product; null at the top."""
    places = [known.location for known in levels if known.product == level.product]
    products = [known.product for known in levels if known.location == level.location]
    place, product = places.index(level.location), products.index(level.product)
    return (
        Level(places[place - 1], level.product) if place else None,
        Level(level.location, products[product - 1]) if product else None,
    )
