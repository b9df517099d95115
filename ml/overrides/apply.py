"""Overrides applied to a run: each is spread over the cells of its part, in the order in which they became active."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from math import fsum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows, lock_for_writing
from ml.db.overrides import ForecastOverride, OverrideDelta, OverrideValue
from ml.db.results import ForecastRun
from ml.errors import DataError
from ml.overrides.cells import Cell, read_cells
from ml.overrides.parts import WHOLE, Part
from ml.overrides.spread import spread, target


def apply_override(session: Session, run: ForecastRun, override: ForecastOverride) -> None:
    """Add an override to a run, on top of those that are in it; the caller commits.

    Periods that the run does not forecast are left alone. Raises DataError where it forecasts nothing of the part.
    """
    values = {value.period: value for value in values_of(session, override) if value.period > run.as_of}
    by_period: dict[date, list[Cell]] = defaultdict(list)
    for cell in read_cells(session, run, Part.of(override), values.keys()):
        by_period[cell.period].append(cell)
    if values and not by_period:
        raise DataError("there is no forecast to change here: the published one does not know this part.")
    moved: dict[str, list[object]] = {name: [] for name in ("override_id", "run_id", "series_id", "period", "amount")}
    for period, cells in sorted(by_period.items()):
        for cell, amount in change(override, values[period], cells, sizes(by_period)):
            for name, found in zip(moved, (override.id, run.id, cell.series_id, period, amount), strict=True):
                moved[name].append(found)
    session.flush()
    insert_rows(session, OverrideDelta, moved)


def change(
    override: ForecastOverride, value: OverrideValue, cells: Sequence[Cell], size: dict[int, float]
) -> list[tuple[Cell, float]]:
    """What one period's value adds to each cell; notes the forecast without and with it."""
    before = fsum(cell.value for cell in cells)
    after = target(override.kind, value.value, before)
    value.system, value.before, value.after = fsum(cell.system for cell in cells), before, after
    amounts = spread(after - before, [cell.value for cell in cells], [size[cell.series_id] for cell in cells])
    return [(cell, amount) for cell, amount in zip(cells, amounts, strict=True) if amount]


def sizes(by_period: dict[date, list[Cell]]) -> dict[int, float]:
    """The system's forecast of each series over all periods: how a period without any is divided."""
    found: dict[int, float] = defaultdict(float)
    for cells in by_period.values():
        for cell in cells:
            found[cell.series_id] += cell.system
    return found


def reapply(session: Session, run: ForecastRun) -> int:
    """Spread all active overrides of a run's grain anew over it; returns how many. The caller commits.

    What they moved in earlier runs is forgotten. Those whose part the run does not know move nothing.
    """
    lock_for_writing(session, ForecastOverride)
    runs = sa.select(ForecastRun.id).where(ForecastRun.grain == run.grain)
    session.execute(
        sa.delete(OverrideDelta).where(OverrideDelta.run_id.in_(runs)),
        execution_options={**WHOLE, "synchronize_session": False},
    )
    active = list(session.scalars(active_overrides(run.grain), execution_options=WHOLE))
    for override in active:
        try:
            apply_override(session, run, override)
        except DataError:
            continue  # its part sells no more, or not yet
    return len(active)


def active_overrides(grain: str) -> sa.Select[ForecastOverride]:
    """Those that count, in the order in which they apply."""
    query = sa.select(ForecastOverride).where(ForecastOverride.grain == grain, ForecastOverride.state == "active")
    return query.order_by(ForecastOverride.activated_at, ForecastOverride.id)


def values_of(session: Session, override: ForecastOverride) -> Sequence[OverrideValue]:
    """What an override says, by period."""
    query = sa.select(OverrideValue).where(OverrideValue.override_id == override.id).order_by(OverrideValue.period)
    return session.scalars(query, execution_options=WHOLE).all()
