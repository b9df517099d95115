"""What the calendar of events says of each series and period, past and to come, as known columns of a panel.

Events are plans: those after the last period with sales are known when a forecast is made, and nothing else is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.db.drivers import Event
from ml.etl.cleaning.events import NAMES, concerns, overlap
from ml.grains import Grain
from ml.panel import Panel
from ml.periods import following

Floats = NDArray[np.float64]

HOLIDAY, EVENT, TO_HOLIDAY = "holiday", "event", "days_to_holiday"
KINDS = {"holiday": HOLIDAY, "promotion": EVENT, "other": EVENT}
"""Of which column an event is. Price plans are none: they may hold for good."""
FARTHEST = 15
"""Days before a holiday from which on it is not felt."""


def plan_columns(events: Sequence[Event], panel: Panel, grain: Grain) -> tuple[str, ...]:
    """The columns that events are known for in the past of `panel`; none for months, whose totals hide them.

    `holiday` and `event` are the shares of a period's days that events of a series take, `days_to_holiday` (of days
    alone) counts the days to its next holiday, up to FARTHEST.
    """
    if grain.freq == "MS":
        return ()
    first, last = panel.periods[0].date(), grain.last_day(panel.last.date())
    found = {KINDS[event.kind] for event in events if event.kind in KINDS and overlap(event, first, last)}
    if HOLIDAY in found and grain.freq == "D":
        found.add(TO_HOLIDAY)
    return tuple(name for name in (HOLIDAY, TO_HOLIDAY, EVENT) if name in found)


def with_plans(
    panel: Panel, nodes: pd.DataFrame, grain: Grain, events: Sequence[Event], columns: Sequence[str]
) -> Panel:
    """The panel with `columns` as known ones, in its past and as far ahead as can be forecast.

    `nodes` has a row per series: `unique_id` and its names. An event counts where it is about all of a series; one of
    a narrower place or product would say too much of it.
    """
    if not columns:
        return panel
    later = following(panel.last, grain.farthest, panel.freq)
    periods = pd.DatetimeIndex(panel.periods.append(later))
    found = nodes.set_index("unique_id").loc[panel.ids].reset_index().to_dict("records")
    rows = [{str(name): value for name, value in row.items()} for row in found]
    made = {
        name: shares([event for event in events if KINDS.get(event.kind) == name], rows, periods, grain)
        for name in (HOLIDAY, EVENT)
    }
    made[TO_HOLIDAY] = periods_to(made[HOLIDAY] > 0)
    ids, days = np.repeat(panel.ids.to_numpy(), len(periods)), np.tile(periods.to_numpy(), len(panel.ids))
    known = pd.DataFrame({"unique_id": ids, "ds": days, **{name: made[name].ravel() for name in columns}})
    statics = panel.statics.reset_index() if panel.static else pd.DataFrame({"unique_id": panel.ids})
    to_come = known.loc[known["ds"] > panel.last, ["unique_id", "ds"]].merge(statics, on="unique_id")
    frame = pd.concat([panel.frame, to_come], ignore_index=True).merge(known, on=["unique_id", "ds"], how="left")
    return Panel.from_frame(frame, panel.freq, panel.season_length, panel.static, tuple(columns))


def shares(
    events: Sequence[Event], rows: Sequence[dict[str, object]], periods: pd.DatetimeIndex, grain: Grain
) -> Floats:
    """(series, periods): the share of the days of each period that events about all of a series take."""
    by_scope: dict[tuple[object, ...], list[Event]] = defaultdict(list)
    for event in events:
        by_scope[tuple(getattr(event, name) for name in NAMES)].append(event)
    out = np.zeros((len(rows), len(periods)))
    first, end = periods[0].date(), grain.last_day(periods[-1].date())
    for group in by_scope.values():
        covered = np.zeros(len(periods))
        for event in group:
            if not overlap(event, first, end):
                continue
            begins, ends = grain.start(max(event.starts_on, first)), grain.start(min(event.ends_on, end))
            for at in range(grain.count(first, begins) - 1, grain.count(first, ends)):
                start = periods[at].date()
                last = grain.last_day(start)
                covered[at] += overlap(event, start, last) / ((last - start).days + 1)
        out[np.array([concerns(group[0], row) for row in rows], dtype=bool)] += covered
    return np.minimum(out, 1.0)


def periods_to(marked: NDArray[np.bool_]) -> Floats:
    """(series, periods): how many periods it is to the next one that is marked; 0 for itself, at most FARTHEST."""
    out = np.full(marked.shape, float(FARTHEST))
    ahead = np.full(len(marked), float(FARTHEST))
    for column in range(marked.shape[1] - 1, -1, -1):
        ahead = np.where(marked[:, column], 0.0, np.minimum(ahead + 1, FARTHEST))
        out[:, column] = ahead
    return out
