"""What cleaning reads beside the sales: stock levels, events, and what people decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Series
from ml.db.cleaning import CleaningFlag
from ml.db.drivers import Event
from ml.db.inventory import StockLevel
from ml.etl.extract import SalesTable, period_starts, read_frame
from ml.etl.partition import WHOLE, Partition
from ml.totals import TOTALS, Totals

STOCK = ["area", "product_id", "ds", "counted", "out"]


@dataclass(frozen=True)
class Decision:
    """What a person decided of a flag; `key` is the series' in hex, `value` what was sold then."""

    key: str
    period: date
    kind: str
    value: float
    corrected: float | None
    verdict: str


@dataclass(frozen=True)
class Context:
    """Read at once, so that no transaction is open while cleaning computes.

    `stock` has a row per area, product and period: `area, product_id, ds, counted, out` (levels known, levels of 0).
    `plans` are the events of the past and of the periods to be forecast.
    """

    stock: pd.DataFrame
    events: Sequence[Event]
    decisions: Sequence[Decision]
    plans: Sequence[Event] = ()


NOTHING = Context(pd.DataFrame(columns=STOCK), (), ())


def read_context(session: Session, table: SalesTable) -> Context:
    """What cleaning `table` needs under its policy."""
    first, last = table.coverage.first_complete, table.coverage.last_complete
    if first is None or last is None:
        return NOTHING
    end = table.grain.last_day(last)
    stock = (
        NOTHING.stock
        if table.settings.stockouts == "off"
        else read_stock(session, first, end, TOTALS[table.grain.name], table.partition)
    )
    plans = read_events(session, first, table.grain.shift(last, table.grain.farthest + 1))
    events = () if table.settings.outliers == "off" else [event for event in plans if event.starts_on <= end]
    return Context(stock, events, read_decisions(session, table.grain.name, table.partition), plans)


def read_stock(session: Session, first: date, last: date, totals: Totals, partition: Partition = WHOLE) -> pd.DataFrame:
    """How many stock levels each period has by area and product, and how many of them are zero.

    Those of the areas of a partition, and those without an area, which are of all."""
    areas = sa.select(Series.area).where(*partition.conditions())
    here = [] if partition.whole else [sa.or_(StockLevel.area == "", StockLevel.area.in_(areas))]
    period = totals.period_of(StockLevel.day)
    zeros = sa.func.sum(sa.case((StockLevel.on_hand <= 0, 1), else_=0))
    query = (
        sa.select(StockLevel.area, StockLevel.product_id, period, sa.func.count(), zeros)
        .where(StockLevel.day.between(first, last), *here)
        .group_by(StockLevel.area, StockLevel.product_id, period)
    )
    frame = read_frame(session, query, STOCK)
    frame["ds"] = period_starts(frame["ds"])
    return frame.astype({"counted": float, "out": float})


def read_events(session: Session, first: date, last: date) -> Sequence[Event]:
    """The events that touch some days; detached, so that they outlive the transaction."""
    query = sa.select(Event).where(Event.starts_on <= last, Event.ends_on >= first).order_by(Event.id)
    events = session.scalars(query).all()
    for event in events:
        session.expunge(event)
    return events


def read_decisions(session: Session, grain: str, partition: Partition = WHOLE) -> list[Decision]:
    """All flags of a grain, of the series of a partition, that a person accepted or dismissed."""
    query = (
        sa.select(
            Series.key, CleaningFlag.period, CleaningFlag.kind,
            CleaningFlag.value, CleaningFlag.corrected, CleaningFlag.verdict,
        )
        .join(Series, Series.id == CleaningFlag.series_id)
        .where(CleaningFlag.grain == grain, CleaningFlag.verdict != "open", *partition.conditions())
    )  # fmt: skip
    return [Decision(row.key.hex(), *row[1:]) for row in session.execute(query)]
