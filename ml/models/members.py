"""Which models a combination is made of, by grain and size of the panel."""

from __future__ import annotations

from ml.models.base import PointModel
from ml.models.boosting import LightGBM
from ml.models.direct import DirectLightGBM
from ml.models.linear import Ridge
from ml.models.naive import SEASONAL_NAIVE, SeasonalNaive
from ml.models.statistical import Statistical
from ml.panel import Panel

PER_SERIES = 2_000
"""Series up to which models that are fitted to each of them are tried: their time grows with the number of series."""
SLOW_PERIODS = 100_000
"""Values in a panel up to which the slower ones among these are tried, too."""


def members_of(panel: Panel, horizon: int, threads: int = 1, seed: int = 0) -> dict[str, PointModel]:
    """The members by name, the floor first.

    The global models make different mistakes (recursive or direct, logarithms or ratios, trees or a line), those per
    series others again: it is the differences that a combination lives on.
    """
    members: list[PointModel] = [
        SeasonalNaive(),
        LightGBM(threads=threads, seed=seed),
        DirectLightGBM("log", horizon=horizon, threads=threads, seed=seed),
        DirectLightGBM("tweedie", horizon=horizon, threads=threads, seed=seed),
        Ridge(),
    ]
    if len(panel.ids) <= PER_SERIES:
        members.append(Statistical("theta", threads=threads))
        if panel.wide.y.size <= SLOW_PERIODS:
            members += [Statistical("auto_ets", threads=threads), Statistical("ces", threads=threads)]
    named = {member.name: member for member in members}
    assert next(iter(named)) == SEASONAL_NAIVE  # noqa: S101
    return named
