"""Names as numbers, fixed when a model is fitted and stored with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class CategoryEncoder:
    """Gives each name seen in fitting its number; any other name is missing (NaN)."""

    names: pd.Index[str]

    @classmethod
    def fit(cls, values: pd.Series | pd.Index[str]) -> Self:
        """Learn the names, in sorted order, so that the numbers do not depend on the order of rows."""
        return cls(pd.Index(sorted(set(values)), dtype=object))

    def transform(self, values: pd.Series | pd.Index[str]) -> NDArray[np.float64]:
        """The number of each value; NaN for unseen ones."""
        codes = self.names.get_indexer(pd.Index(values, dtype=object)).astype(np.float64)
        return np.where(codes < 0, np.nan, codes)
