"""Anomalies of a grain, found anew at every stored level and kept for pages and the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows, lock_for_writing
from ml.db.drivers import Event
from ml.db.insights import Anomaly
from ml.etl.cleaning import events
from ml.etl.extract import Level
from ml.evaluation.anomalies import Explaining, find_anomalies
from ml.grains import Grain
from ml.panel import Panel
from ml.reconcile import Hierarchy


def level_panels(panel: Panel, hierarchy: Hierarchy) -> Iterator[tuple[Level, Panel]]:
    """The series of every stored level, coarse to fine, from those of the base."""
    for level in hierarchy.levels:
        if level == hierarchy.base:
            yield level, panel
        else:
            summed = hierarchy.add_up(panel.frame, level, ["y"], ["ds"])
            yield level, Panel.from_frame(summed, panel.freq, panel.season_length)


def anomalies_of(
    panel: Panel, hierarchy: Hierarchy, grain: Grain, threshold: float, known_events: Sequence[Event]
) -> pd.DataFrame:
    """The anomalies of all stored levels of base series `panel`; columns as of `find_anomalies`."""
    parts = []
    for level, series in level_panels(panel, hierarchy):
        nodes = {str(node["unique_id"]): node for node in hierarchy.nodes_of(level).to_dict("records")}
        parts.append(find_anomalies(series, threshold, explaining_by(known_events, nodes, grain)))
    return pd.concat(parts, ignore_index=True)


def explaining_by(known_events: Sequence[Event], nodes: Mapping[str, Mapping[Any, object]], grain: Grain) -> Explaining:
    """Looks for the event that explains a period of one of the `nodes` (names by series)."""

    def explaining(unique_id: str, period: pd.Timestamp) -> Event | None:
        first = period.date()
        return events.explaining(known_events, nodes[unique_id], first, grain.last_day(first))

    return explaining


def store_anomalies(session: Session, found: pd.DataFrame, ids: Mapping[str, int], grain: Grain) -> int:
    """Put what was found in the place of what is stored of the grain; returns how many. The caller commits.

    A series that is not in `ids` (none was stored for it yet) waits for the next forecast.
    """
    stored = found[found["unique_id"].isin(ids)]
    lock_for_writing(session, Anomaly)
    session.execute(sa.delete(Anomaly).where(Anomaly.grain == grain.name))
    columns = {
        "series_id": [ids[key] for key in stored["unique_id"]],
        "grain": [grain.name] * len(stored),
        "period": stored["ds"].dt.date.tolist() if len(stored) else [],
        **{name: stored[name].tolist() for name in ("kind", "value", "usual", "score")},
        "reason": [reason[:250] for reason in stored["reason"]],
    }
    return insert_rows(session, Anomaly, columns)
