"""Anomalies in actuals: values far from what is usual for their series, its season considered, with score and reason.

They are judged as cleaning judges outliers (`ml.etl.cleaning.outliers`), at any level of the hierarchy: cleaning asks
what the base series may learn from, this asks what a person should look at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.db.drivers import Event
from ml.etl.cleaning import events, outliers, words
from ml.etl.cleaning.policy import DEFAULT
from ml.panel import Panel

ANOMALY_COLUMNS = ["unique_id", "ds", "kind", "value", "usual", "score", "reason", "around"]
SPIKE, DROP = "spike", "drop"
BEFORE, AFTER = 24, 8
"""Periods around an anomaly that are kept with it, for a small chart."""

Explaining = Callable[[str, pd.Timestamp], Event | None]
"""Gives the event that explains a series' period, if there is one."""


def unexplained(_unique_id: str, _period: pd.Timestamp) -> None:
    """No event is known."""


def find_anomalies(
    panel: Panel, threshold: float = DEFAULT.threshold, explaining: Explaining = unexplained
) -> pd.DataFrame:
    """The anomalies of all series of `panel`, with ANOMALY_COLUMNS, by series and period.

    `kind` is 'spike' above what is usual and 'drop' below; `value` and `usual` are in units of `y`; `score` is the
    distance in robust standard deviations (never below `threshold`), halved where an event explains it; `reason` says
    all that in words; `around` holds the sales from BEFORE periods before it to AFTER after it, as {"at": which of them
    it is, "values": …} with None for what is unknown. Series of which nothing can be said (too short, or hardly ever
    selling) have none.
    """
    y, periods = panel.wide.y, panel.periods
    judged = outliers.judge(y, panel.season_length)
    rows = []
    for row, column in np.argwhere(np.abs(judged.score) >= threshold):
        name, period = str(panel.ids[row]), pd.Timestamp(periods[column])
        event = explaining(name, period)
        score = abs(float(judged.score[row, column])) * (events.LESS if event else 1.0)
        if score < threshold:
            continue
        value, usual = float(y[row, column]), float(judged.usual[row, column])
        when = words.season_of(period, panel.freq) if judged.seasonal[row, column] else "around it"
        reason = words.outlier(value, usual, score, when)
        reason += f", although {events.name_of(event)} covers it" if event else ""
        rows.append(
            (name, period, SPIKE if value > usual else DROP, value, usual, score, reason, around(y[row], int(column)))
        )
    return pd.DataFrame(rows, columns=ANOMALY_COLUMNS)


def around(y: NDArray[np.float64], column: int) -> dict[str, Any]:
    """The values of a series (periods,) around one of its periods; those before its first sale are left out."""
    first = max(int(np.argmax(np.isfinite(y))), column - BEFORE)
    values = y[first : column + AFTER + 1].tolist()
    return {"at": column - first, "values": [round(value, 2) if np.isfinite(value) else None for value in values]}
