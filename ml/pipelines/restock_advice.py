"""Advice to order kept over the plans: what is new, what stays, what a person changed, and what has no reason left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.bulk import insert_rows, lock_for_writing
from ml.db.keys import hash_key
from ml.db.restock import OPEN_ADVICE, PlanRun, Recommendation, StockPlan

Row = dict[str, Any]

QUIET = timedelta(days=7)
"""How long advice that was dismissed does not come again, unless its alert is higher by then."""
ALERT_WEIGHT = 1e9
SAID = ("quantity", "order_on", "supplier")
"""What advice says: its version grows when one of these changes."""


@dataclass(frozen=True)
class Kept:
    """How many pieces of advice are new, were renewed, have no reason any more, or stay dismissed."""

    new: int
    renewed: int
    gone: int
    quiet: int


def slot_of(area: str, product_id: int) -> bytes:
    """The key of an item."""
    return hash_key("item", area, product_id)


def urgency(alert: int, lost_value: float, value: float) -> float:
    """By what advice is ranked: its alert, then what would be lost, then what it costs."""
    return alert * ALERT_WEIGHT + lost_value + min(value, 1e8) * 1e-6


def previous_quantities(session: Session, areas: Sequence[str], products: NDArray[np.int64]) -> NDArray[np.float64]:
    """What the published plan advises for each item; NaN where it has no such item, or somebody decided since."""
    run = session.scalar(sa.select(PlanRun.id).where(PlanRun.slot == "stock"))
    found = np.full(len(areas), np.nan)
    if run is None:
        return found
    mine = sa.select(StockPlan.area, StockPlan.product_id, StockPlan.quantity).where(StockPlan.run_id == run)
    known = {(area, product): float(quantity) for area, product, quantity in session.execute(mine)}
    decided = sa.select(Recommendation.area, Recommendation.product_id).where(
        Recommendation.run_id == run, Recommendation.state.in_(("accepted", "dismissed"))
    )
    for area, product in session.execute(decided):
        known.pop((area, product), None)
    for row, key in enumerate(zip(areas, products.tolist(), strict=True)):
        found[row] = known.get(key, np.nan)
    return found


def keep_advice(session: Session, run: PlanRun, advised: Sequence[Row]) -> Kept:
    """Renew what waits for a decision by what `run` advises, columns of Recommendation by item; the caller commits."""
    lock_for_writing(session, Recommendation)
    rows = {slot_of(row["area"], row["product_id"]): row for row in advised}
    open_ones = session.scalars(sa.select(Recommendation).where(Recommendation.slot.is_not(None))).all()
    waiting = {row.slot: row for row in open_ones if row.slot is not None}
    changes = [_renewed(row, rows[slot], run) for slot, row in waiting.items() if slot in rows]
    if changes:
        session.execute(sa.update(Recommendation), changes)
    gone = [row for slot, row in waiting.items() if slot not in rows and row.state == "proposed"]
    if gone:
        session.execute(sa.update(Recommendation), [{"id": row.id, "slot": None, "state": "gone"} for row in gone])
    quiet = dismissed_lately(session, utc_now())
    new = {slot: row for slot, row in rows.items() if slot not in waiting}
    loud = {slot: row for slot, row in new.items() if row["alert"] > quiet.get(slot, -1)}
    _insert(session, run, loud)
    return Kept(len(loud), len(changes), len(gone), len(new) - len(loud))


def dismissed_lately(session: Session, now: datetime) -> dict[bytes, int]:
    """The alerts at which advice was dismissed, by item."""
    mine = Recommendation
    query = sa.select(mine.area, mine.product_id, mine.alert).where(
        mine.state == "dismissed", mine.decided_at > now - QUIET
    )
    return {slot_of(area, product): alert for area, product, alert in session.execute(query.order_by(mine.id))}


def _renewed(row: Recommendation, fresh: Mapping[str, Any], run: PlanRun) -> Row:
    """The columns of advice that waits, as the plan has them now; a person's quantity and supplier stay theirs."""
    kept = {"quantity": row.quantity, "supplier": row.supplier, "order_on": row.order_on}
    edited = row.state == "edited"
    found = {**fresh, "id": row.id, "run_id": run.id, **(kept if edited else {})}
    if edited:
        found["value"] = round(row.quantity * (fresh["unit_cost"] or 0.0), 2)
    changed = any(found[name] != getattr(row, name) for name in SAID)
    return {**found, "version": row.version + changed}


def _insert(session: Session, run: PlanRun, new: Mapping[bytes, Row]) -> None:
    if not new:
        return
    rows, count = list(new.values()), len(new)
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    columns |= {"slot": list(new), "run_id": [run.id] * count, "created_at": [utc_now()] * count}
    insert_rows(session, Recommendation, columns)


def is_open(row: Recommendation) -> bool:
    """Whether it waits for a decision."""
    return row.state in OPEN_ADVICE
