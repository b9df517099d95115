"""The stored levels over base series, their nodes and their sums."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from ml.etl.extract import Level, available_levels, unique_ids
from ml.etl.partition import WHOLE, Partition
from ml.reconcile.sums import Sums


@dataclass(frozen=True)
class Hierarchy:
    """The stored levels over a base level.

    `base` is the base level; `levels` lists it and all above it, coarse to fine; `nodes`
    has `unique_id` and the base level's columns, one row per base series. `crossing` are
    levels above of which these nodes, those of one partition, hold a part only.
    """

    base: Level
    levels: tuple[Level, ...]
    nodes: pd.DataFrame
    crossing: tuple[Level, ...] = ()

    @classmethod
    def over(cls, nodes: pd.DataFrame, base: Level, partition: Partition = WHOLE) -> Hierarchy:
        """The hierarchy over the base series of a partition; levels that the data does not name are left out."""
        places, products = available_levels(nodes)
        named = partition.stored or [(place, product) for place in places for product in products]
        levels = [Level(place, product) for place, product in named]
        held = tuple(level for level in levels if partition.holds(level))
        return cls(base, held, nodes, tuple(level for level in levels if level not in held))

    @property
    def every(self) -> Hierarchy:
        """The same with the crossing levels among the others."""
        return replace(self, levels=(*self.crossing, *self.levels), crossing=())

    @property
    def above(self) -> Hierarchy:
        """The crossing levels alone."""
        return replace(self, levels=self.crossing, crossing=())

    def known_to(self, names: Collection[str]) -> Hierarchy:
        """The same with the base and those levels above that `names` names."""
        kept = tuple(level for level in self.levels if level == self.base or level_name(level) in names)
        return replace(self, levels=kept)

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
        sums = self.sums.only(self.sums.level == level_name(level))
        node = sums.matrix.tocsc().indices  # each base series has one
        at = sums.base.get_indexer(pd.Index(frame["unique_id"]))
        rows = frame.loc[at >= 0, [*by, *values]].assign(unique_id=node[at[at >= 0]])
        summed: pd.DataFrame = rows.groupby(["unique_id", *by], as_index=False, sort=True)[values].sum()
        return summed.assign(unique_id=sums.nodes.to_numpy()[summed["unique_id"]])

    def upper(self) -> Iterator[Level]:
        """The levels above the base."""
        return (level for level in self.levels if level != self.base)

    @cached_property
    def sums(self) -> Sums:
        """Which base series each node above the base adds up, levels coarse to fine."""
        members = ((level_name(level), self.members(level)["node"]) for level in self.upper())
        return Sums.of(pd.Index(self.nodes["unique_id"], dtype=object), members)

    def direct_sums(self, most: int) -> Sums:
        """The same for the levels that have at most `most` nodes: those worth a forecast of their own."""
        names, counts = np.unique(self.sums.level.astype(str), return_counts=True)
        return self.sums.only(np.isin(self.sums.level.astype(str), names[counts <= most]))


def level_name(level: Level) -> str:
    """How results name a level: place/product."""
    return f"{level.location}/{level.product}"


def parent_levels(level: Level, levels: tuple[Level, ...]) -> tuple[Level | None, Level | None]:
    """The stored levels one step up in place, and one step up in product; null at the top."""
    places = [known.location for known in levels if known.product == level.product]
    products = [known.product for known in levels if known.location == level.location]
    place, product = places.index(level.location), products.index(level.product)
    return (
        Level(places[place - 1], level.product) if place else None,
        Level(level.location, products[product - 1]) if product else None,
    )
