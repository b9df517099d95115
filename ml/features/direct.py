"""The table a direct model learns from: a row per series, origin and step, by the same code for past and future."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features.calendar import TimePlan
from ml.features.closures import closed, find_closures
from ml.features.encoders import CategoryEncoder
from ml.features.origins import PLANS, Origins
from ml.panel import Panel
from ml.periods import period_dates

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]


@dataclass(frozen=True)
class DirectTable:
    """What was fitted before the cutoff, and the past as features read it.

    `y` is (series, periods), never negative, NaN where unknown or closed; `known` holds such a matrix per known
    column; `first` is the column in which each series starts (negative once cut off), `start` the number of the first
    period; `codes` are the numbers of series and static names, (series, names).
    """

    freq: str
    like: pd.Timestamp
    time: TimePlan
    encoders: dict[str, CategoryEncoder]
    closures: tuple[str, ...]
    y: Floats
    known: dict[str, Floats]
    first: NDArray[np.int64]
    start: int
    codes: Floats

    @classmethod
    def fit(cls, panel: Panel) -> Self:
        """Learn names and closures on `panel`, which ends at the cutoff."""
        names = _names(panel)
        encoders = {str(name): CategoryEncoder.fit(names[name]) for name in names}
        time = TimePlan.of(panel.freq, len(panel.wide.numbers))
        return cls._read(panel, time, encoders, find_closures(panel.wide))

    def update(self, panel: Panel) -> Self:
        """The same encoders and closures over newer data; new names are missing values."""
        return self._read(panel, self.time, self.encoders, self.closures)

    @classmethod
    def _read(
        cls, panel: Panel, time: TimePlan, encoders: dict[str, CategoryEncoder], closures: tuple[str, ...]
    ) -> Self:
        wide, names = panel.wide, _names(panel)
        codes = np.stack([encoder.transform(names[name]) for name, encoder in encoders.items()], axis=1)
        shut = closed(closures, wide.known, wide.y.shape)
        y = np.where(shut, np.nan, np.maximum(wide.y, 0.0))
        start = int(wide.numbers[0])
        return cls(panel.freq, panel.last, time, encoders, closures, y, wide.known, wide.first, start, codes)

    def recent(self) -> Self:
        """Only as much of the past as the next forecast reads."""
        cut = max(self.y.shape[1] - PLANS[self.freq].reach, 0)
        known = {name: values[:, cut:] for name, values in self.known.items()}
        return replace(self, y=self.y[:, cut:], known=known, first=self.first - cut, start=self.start + cut)

    def extended(self, y: Floats, known: dict[str, Floats]) -> Self:
        """The table once the next periods came out as `y`, with their known columns."""
        shut = closed(self.closures, known, y.shape)
        after = np.concatenate([self.y, np.where(shut, np.nan, y)], axis=1)
        plans = {name: np.concatenate([past, known[name]], axis=1) for name, past in self.known.items()}
        return replace(self, y=after, known=plans)

    def reader(self, plans: dict[str, Floats] | None = None) -> Origins:
        """The past as `rows` reads it, with known columns that go on after it."""
        known = (
            {name: np.concatenate([past, plans[name]], axis=1) for name, past in self.known.items()} if plans else {}
        )
        return Origins(PLANS[self.freq], self.y, known or self.known)

    def rows(self, reader: Origins, origin: int, steps: Steps) -> tuple[list[str], NDArray[np.float32], Floats]:
        """Names, features (series, steps, names) and sizes (series, 1) for the periods `origin + steps`."""
        names, moving, size = reader.features(origin, steps)
        dates = period_dates(self.start + origin + steps, self.freq, like=self.like)
        others = [
            steps[None, :],
            *self.time.features(dates, (origin - self.first)[:, None]),
            *(self.codes[:, i : i + 1] for i in range(self.codes.shape[1])),
        ]
        fixed = np.empty((*moving.shape[:2], len(others)), dtype=np.float32)
        for i, values in enumerate(others):
            fixed[..., i] = values
        return [*names, "step", *self.time.names, *self.encoders], np.concatenate([moving, fixed], axis=2), size


def _names(panel: Panel) -> pd.DataFrame:
    """What the encoders read: one row per series."""
    return panel.statics.assign(unique_id=panel.ids)[["unique_id", *panel.static]]
