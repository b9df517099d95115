"""What stands out is found with its reason, what an event explains is not, and seasons are no anomalies."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from panels import panel_of, seasonal_panel

from ml.db.drivers import Event
from ml.evaluation.anomalies import ANOMALY_COLUMNS, find_anomalies
from ml.panel import Panel

AT = 30


def planted(factor: float) -> tuple[Panel, str, pd.Timestamp]:
    """A panel of which one series sells `factor` times what it should in one month."""
    panel = seasonal_panel(series=6, noise=0.05)
    name, period = str(panel.ids[2]), panel.periods[AT]
    there = (panel.frame["unique_id"] == name) & (panel.frame["ds"] == period)
    frame = panel.frame.assign(y=np.where(there, panel.frame["y"] * factor, panel.frame["y"]))
    return Panel.from_frame(frame, "MS", 12), name, period


@pytest.mark.parametrize(("factor", "kind", "reason"), [(5.0, "spike", "times the usual"), (0.05, "drop", "% of the")])
def test_a_planted_anomaly_is_found_with_its_reason(factor: float, kind: str, reason: str) -> None:
    panel, name, period = planted(factor)
    found = find_anomalies(panel)
    top = found.loc[found["score"].idxmax()]
    assert (top["unique_id"], top["ds"], top["kind"]) == (name, period, kind)
    assert reason in top["reason"]
    assert "of a July" in top["reason"]
    assert (found["score"] >= 3.5).all()


def test_a_season_has_no_anomalies() -> None:
    assert find_anomalies(panel_of({"a": [100.0, 120, 150, 90, 80, 70, 60, 70, 110, 140, 200, 400] * 4})).empty


def test_an_event_makes_an_anomaly_less_surprising() -> None:
    panel, name, period = planted(5.0)
    sale = Event(kind="promotion", name="Sale", starts_on=date(2021, 7, 1), ends_on=date(2021, 7, 31))
    asked = []

    def explaining(unique_id: str, when: pd.Timestamp) -> Event | None:
        asked.append((unique_id, when))
        return sale if when == period else None

    plain = find_anomalies(panel).set_index(["unique_id", "ds"])
    less = find_anomalies(panel, explaining=explaining).set_index(["unique_id", "ds"])
    assert (name, period) in asked
    assert less.loc[(name, period), "score"] == pytest.approx(plain.loc[(name, period), "score"] / 2)
    assert "promotion Sale" in less.loc[(name, period), "reason"]


@pytest.mark.parametrize("y", [[0.0] * 40, [5.0] * 40, [1.0, 9.0, 2.0], [0.0] * 30 + [50.0] + [0.0] * 9])
def test_series_of_which_nothing_can_be_said_have_none(y: list[float]) -> None:
    found = find_anomalies(panel_of({"a": y}))
    assert found.empty
    assert list(found.columns) == ANOMALY_COLUMNS
