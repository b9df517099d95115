"""Where the past is cut to try a forecast on it: rolling origins."""

from __future__ import annotations

import pandas as pd

from ml.errors import NotEnoughHistoryError
from ml.panel import Panel
from ml.periods import UNITS, period_number

SHORTEST = 2
"""Periods below which nothing can be tried: one to learn from, one to compare with."""
YEAR = {"D": 364, "W": 52, "MS": 12}
"""Periods in a year, of days in whole weeks."""


def plan_cutoffs(panel: Panel, horizon: int, windows: int = 3) -> list[pd.Timestamp]:
    """The last periods to learn from, oldest first: at most `windows`, each followed by at least one known period.

    At least two seasons stay for learning, or two thirds of a panel that is shorter than three. The origins lie up to
    `horizon` apart and can all be scored over the whole horizon where the panel is long enough; otherwise they
    move together, and the latest of them can be scored over fewer steps (see `steps_after`).
    Raises NotEnoughHistoryError for panels under 2 periods.
    """
    count = len(panel.periods)
    if count < SHORTEST:
        raise NotEnoughHistoryError(count, SHORTEST, UNITS[panel.freq])
    least = min(2 * panel.season_length, max(1, count * 2 // 3))
    first = max(least, count - windows * horizon)
    room = max(count - horizon - first, 0)
    if room >= windows - 1:
        learned = [first + (room * k) // max(windows - 1, 1) for k in range(windows)]
    else:
        stride = max(1, (count - first) // windows)
        learned = [first + stride * k for k in range(windows)]
    return [panel.periods[size - 1] for size in learned if size < count]


def plan_trials(panel: Panel, horizon: int, windows: int = 3) -> list[list[pd.Timestamp]]:
    """Runs of origins to learn errors from, oldest first: the latest ones (see `plan_cutoffs`), and where these see
    less than half a year, before them those of a year earlier, if there are two years to learn from.

    Errors have seasons: what was missed in spring says little about how sure a forecast of December is. A model that
    has seen a season once, or never, errs more there than it will.
    Raises NotEnoughHistoryError as `plan_cutoffs` does.
    """
    latest, year = plan_cutoffs(panel, horizon, windows), YEAR[panel.freq]
    earlier = panel.periods.get_indexer(pd.DatetimeIndex(latest)) - year
    if 2 * windows * horizon > year or earlier[0] + 1 < 2 * year:
        return [latest]
    return [list(panel.periods[earlier]), latest]


def steps_after(panel: Panel, cutoff: pd.Timestamp, horizon: int) -> int:
    """How many of the `horizon` periods after `cutoff` are known by now."""
    known = period_number(panel.last, panel.freq) - period_number(cutoff, panel.freq)
    return max(0, min(horizon, known))
