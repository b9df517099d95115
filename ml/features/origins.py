"""Features of a forecast made at an origin for a step ahead: what is known then, nothing later but plans.

A row belongs to a series, an origin and a step. Sales are in units of the series' own size at the origin, so that
series of any size, rising or falling, look alike; the past is also read at the places that match the target: the same
weekday of the last weeks, the same season of the last years, each beside the level of its own time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.features.running import RunningMeans, columns

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
Feature = tuple[str, Floats]


@dataclass(frozen=True)
class OriginPlan:
    """Windows in periods, chosen per grain.

    `size` is the window of a series' size (`wide_size` where it holds no sales), `levels` those of its levels,
    `recent` how many last values are read. `cycle` is a short season (7 for days, 0 for none) of which
    `cycles` are read, `year` the long one; a year ago is read as the mean of `around` periods on either side and
    compared with the level over each of `year_levels` at the time.
    """

    size: int
    wide_size: int
    levels: tuple[int, ...]
    recent: int
    cycle: int
    cycles: int
    year: int
    years: int
    around: int
    year_levels: tuple[int, ...]

    @property
    def reach(self) -> int:
        """How many past periods a forecast reads."""
        yearly = self.year * self.years + max(self.year_levels) + self.around
        return max(self.wide_size, *self.levels, self.recent, self.cycle * (self.cycles + 8), yearly)


PLANS = {
    "D": OriginPlan(28, 91, (7, 14, 28, 91, 182), 7, 7, 8, 364, 2, 3, (28,)),
    "W": OriginPlan(13, 52, (2, 4, 8, 13, 26, 52), 6, 0, 0, 52, 2, 1, (4, 13)),
    "MS": OriginPlan(12, 24, (2, 3, 6, 12, 24), 6, 0, 0, 12, 3, 0, (3, 12)),
}


class Origins:
    """Sales with their running sums, read at any origin."""

    def __init__(self, plan: OriginPlan, y: Floats, known: dict[str, Floats]) -> None:
        """`y` is (series, periods), NaN where unknown or closed; `known` goes on as far as plans are known."""
        self._plan = plan
        self._y = y
        self._means = RunningMeans.of(y)
        self._squares = RunningMeans.of(y**2)
        self._zeros = RunningMeans.of(np.where(np.isfinite(y), (y == 0).astype(float), np.nan))
        self._known = known
        self._plans = {name: RunningMeans.of(values) for name, values in known.items()}

    def size(self, origin: int) -> Floats:
        """The size of each series at the end of period `origin`, (series, 1): 1 where nothing was ever sold."""
        plan, end = self._plan, origin + 1
        size = np.ones((len(self._y), 1))
        for start in (0, end - plan.wide_size, end - plan.size):
            mean = self._means.between(start, end)
            size = np.where(mean > 0, mean, size)
        return size

    def features(self, origin: int, steps: Steps) -> tuple[list[str], NDArray[np.float32], Floats]:
        """Names, features (series, steps, names) and sizes (series, 1) for the periods `origin + steps`."""
        size = self.size(origin)
        named = [
            *self._now(origin, size),
            *self._cycles(origin, steps, size),
            *self._years(origin, steps, size),
            *self._planned(origin, steps),
            ("size", np.log1p(size)),
        ]
        out = np.empty((len(self._y), len(steps), len(named)), dtype=np.float32)
        for i, (_, values) in enumerate(named):
            out[..., i] = values
        return [name for name, _ in named], out, size

    def _now(self, origin: int, size: Floats) -> Iterator[Feature]:
        """The last values and levels, how much they vary, and how often nothing is sold."""
        plan, end = self._plan, origin + 1
        last = columns(self._y, np.arange(origin, origin - plan.recent, -1)) / size
        yield from ((f"last{i + 1}", last[:, i : i + 1]) for i in range(plan.recent))
        yield from ((f"level{width}", self._means.between(end - width, end) / size) for width in plan.levels)
        mean, square = (sums.between(end - plan.size, end) for sums in (self._means, self._squares))
        yield "deviation", np.sqrt(np.maximum(square - mean**2, 0.0)) / size
        yield "zeros", self._zeros.between(end - plan.wide_size, end)

    def _cycles(self, origin: int, steps: Steps, size: Floats) -> Iterator[Feature]:
        """The same place of the last short seasons, and their means."""
        plan = self._plan
        if not plan.cycle:
            return
        back = -(-steps // plan.cycle)  # how many seasons lie between the target and the last one that is known
        places = [origin + steps - plan.cycle * (back + i) for i in range(plan.cycles)]
        past = np.stack([columns(self._y, place) for place in places]) / size
        yield from ((f"cycle{i + 1}", past[i]) for i in range(plan.cycles // 2))
        yield "cycle_mean_short", _mean(past[: plan.cycles // 2])
        yield "cycle_mean", _mean(past)

    def _years(self, origin: int, steps: Steps, size: Floats) -> Iterator[Feature]:
        """The same season of the last years, beside the levels of their time, and the growth since."""
        plan = self._plan
        for year in range(1, plan.years + 1):
            place = origin + steps - plan.year * year
            value = self._means.between(place - plan.around, np.minimum(place + plan.around, origin) + 1)
            value = np.where(place <= origin, value, np.nan)
            exact = np.where(place <= origin, columns(self._y, place), np.nan)
            half = plan.year // 2
            yield (
                f"year{year}_season",
                _over(exact, self._means.between(place - half, np.minimum(place + half, origin))),
            )
            then = origin + 1 - plan.year * year
            for width in plan.year_levels:
                level = self._means.between(then - width, then)
                yield f"year{year}_over{width}", _over(value, level)
                yield f"year{year}_growth{width}", _over(size, level)

    def _planned(self, origin: int, steps: Steps) -> Iterator[Feature]:
        """Known columns at the target, beside what was usual, and just before and after it."""
        end, target = origin + 1, origin + steps
        for name, values in self._known.items():
            usual = self._plans[name].between(end - self._plan.wide_size, end)
            yield name, columns(values, target)
            yield f"{name}_over_usual", _over(columns(values, target), usual)
            yield f"{name}_before", columns(values, target - 1)
            yield f"{name}_after", columns(values, target + 1)


def _over(values: Floats, level: Floats) -> Floats:
    """The ratio; NaN where there is no level."""
    shape = np.broadcast_shapes(values.shape, level.shape)
    return np.asarray(np.divide(values, level, out=np.full(shape, np.nan), where=level > 0), dtype=np.float64)


def _mean(stack: Floats) -> Floats:
    """Mean over the first axis of what is known."""
    count = np.isfinite(stack).sum(axis=0)
    mean = np.divide(np.nansum(stack, axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.asarray(mean, dtype=np.float64)
