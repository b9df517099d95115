"""Which base series each node above the base adds up, as a sparse matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]

BASE = "base"


@dataclass(frozen=True)
class Sums:
    """`matrix` is (nodes, base series) of ones; `nodes` and `base` name its rows and columns, `level` a row's level."""

    nodes: pd.Index[str]
    base: pd.Index[str]
    level: NDArray[np.object_]
    matrix: Any

    @classmethod
    def of(cls, base: pd.Index[str], members: Iterable[tuple[str, pd.Series[str]]]) -> Self:
        """From pairs of a level's name and, for each base series, its node at that level."""
        names: list[str] = []
        levels: list[str] = []
        blocks = []
        for level, node in members:
            codes, found = pd.factorize(node, sort=True)
            shape = (len(found), len(base))
            blocks.append(sparse.csr_matrix((np.ones(len(base)), (codes, np.arange(len(base)))), shape=shape))
            names.extend(found)
            levels.extend([level] * len(found))
        matrix = sparse.vstack(blocks, format="csr") if blocks else sparse.csr_matrix((0, len(base)))
        return cls(pd.Index(names), base, np.array(levels, dtype=object), matrix)

    @property
    def all_ids(self) -> pd.Index[str]:
        """The nodes, then the base series."""
        return self.nodes.append(self.base)

    @property
    def all_levels(self) -> NDArray[np.object_]:
        """The level of each of `all_ids`; that of base series is `BASE`."""
        return np.concatenate([self.level, np.full(len(self.base), BASE, dtype=object)])

    def only(self, kept: NDArray[np.bool_]) -> Sums:
        """The same with a part of the nodes."""
        return Sums(self.nodes[kept], self.base, self.level[kept], self.matrix[kept])


def matrix_of(rows: pd.DataFrame, ids: pd.Index[str], columns: pd.MultiIndex | pd.Index[Any], value: str) -> Floats:
    """`value` of long rows as (ids, columns), NaN where there is none; columns are named as in `rows`."""
    row = ids.get_indexer(pd.Index(rows["unique_id"]))
    keys = [str(name) for name in columns.names]
    column = columns.get_indexer(pd.MultiIndex.from_frame(rows[keys]) if len(keys) > 1 else pd.Index(rows[keys[0]]))
    known = (row >= 0) & (column >= 0)
    out = np.full((len(ids), len(columns)), np.nan)
    out[row[known], column[known]] = rows[value].to_numpy(dtype=np.float64)[known]
    return out
