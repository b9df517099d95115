"""Anomalies of a grain, found anew at every stored level and kept for pages and the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists, insert_rows, lock_for_writing, table_of
from ml.db.drivers import Event
from ml.db.insights import Anomaly
from ml.etl.cleaning import events
from ml.etl.extract import CENT, Level
from ml.evaluation.anomalies import Explaining, find_anomalies
from ml.grains import Grain
from ml.panel import Panel
from ml.reconcile import Hierarchy

NUMBERS = ("kind", "value", "usual", "score", "reason", "around")
DIGITS = 4
"""Of the amounts in the table."""


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
    return pd.concat([part for part in parts if not part.empty] or parts[:1], ignore_index=True)


def explaining_by(known_events: Sequence[Event], nodes: Mapping[str, Mapping[Any, object]], grain: Grain) -> Explaining:
    """Looks for the event that explains a period of one of the `nodes` (names by series)."""

    def explaining(unique_id: str, period: pd.Timestamp) -> Event | None:
        first = period.date()
        return events.explaining(known_events, nodes[unique_id], first, grain.last_day(first))

    return explaining


def store_anomalies(session: Session, found: pd.DataFrame, ids: Mapping[str, int], grain: Grain) -> int:
    """Make the anomalies of the grain those that were found; returns how many. The caller commits.

    One that is found again keeps its id and what a person decided of it, and takes the new numbers; one that is not
    found any more stays only if somebody decided it. A series that is not in `ids` (none was stored for it yet) waits
    for the next forecast.
    """
    rows = {
        (ids[key], ds.date()): (kind, round(value, DIGITS), round(usual, DIGITS), score, reason[:250], around)
        for key, ds, kind, value, usual, score, reason, around in found.itertuples(index=False, name=None)
        if key in ids
    }
    lock_for_writing(session, Anomaly)
    known = {
        (one.series_id, one.period): one
        for one in session.execute(sa.select(table_of(Anomaly)).where(Anomaly.grain == grain.name))
    }
    delete_rows(session, [one.id for key, one in known.items() if key not in rows and one.verdict == "open"])
    changed = {known[key].id: row for key, row in rows.items() if key in known and differs(known[key], row)}
    update_rows(session, changed)
    added = {key: row for key, row in rows.items() if key not in known}
    columns: dict[str, list[Any]] = {
        "series_id": [series_id for series_id, _ in added],
        "grain": [grain.name] * len(added),
        "period": [period for _, period in added],
        **{name: [row[i] for row in added.values()] for i, name in enumerate(NUMBERS)},
    }
    insert_rows(session, Anomaly, columns)
    return len(rows)


def differs(one: Any, row: tuple[Any, ...]) -> bool:
    """Whether a stored anomaly tells something else than what was found; scores may differ in their last digits."""
    kind, value, usual, score, reason, around = row
    moved = max(abs(one.value - value), abs(one.usual - usual), abs(one.score - score))
    return bool(moved >= CENT or (one.kind, one.reason, one.around) != (kind, reason, around))


def delete_rows(session: Session, ids: Sequence[int]) -> None:
    for part in in_lists(ids):
        session.execute(sa.delete(table_of(Anomaly)).where(Anomaly.id.in_(part)))


def update_rows(session: Session, rows: Mapping[int, tuple[Any, ...]]) -> None:
    if not rows:
        return
    table = table_of(Anomaly)
    statement = sa.update(table).where(table.c.id == sa.bindparam("anomaly"))
    values = [{"anomaly": key, **dict(zip(NUMBERS, row, strict=True))} for key, row in rows.items()]
    session.connection().execute(statement.values({name: sa.bindparam(name) for name in NUMBERS}), values)
