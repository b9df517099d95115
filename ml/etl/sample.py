"""What training reads where more was sold than it can learn from: a sample of places and products of every size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows, scratch_table
from ml.db.catalog import Series
from ml.db.types import BigId
from ml.etl.partition import IS_LEAF, WHOLE, Partition
from ml.grains import Coverage, Grain
from ml.totals import TOTALS


@dataclass(frozen=True)
class Sample(Partition):
    """The leaves whose numbers a scratch table holds (column `id`)."""

    table: Any = None

    @property
    def whole(self) -> bool:
        """It never holds all series."""
        return False

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What tells its leaves from others."""
        return [Series.id.in_(sa.select(self.table.c.id))]


@contextmanager
def sample(session: Session, grain: Grain, coverage: Coverage, most: int) -> Iterator[Partition]:
    """All leaves, or, where there are more than `most`, as many as make a panel that the grain can afford.

    They are taken at equal distances from all leaves in the order of their sales, so that each size has its share, and
    the same sales give the same ones. The block is one transaction.
    """
    leaves = session.scalar(sa.select(sa.func.count()).select_from(Series).where(IS_LEAF)) or 0
    if leaves <= most:
        yield WHOLE
        return
    size = most if grain.most_values is None else min(most, max(grain.most_values // coverage.periods, 1))
    chosen = spread_out(leaves_by_sales(session, grain, coverage), size)
    with scratch_table(session, "training_sample", {"id": BigId}, ["id"]) as table:
        insert_rows(session, table, {"id": chosen})
        yield Sample(leaves=len(chosen), table=table)


def leaves_by_sales(session: Session, grain: Grain, coverage: Coverage) -> list[int]:
    """The numbers of all leaves that sold in the periods of `coverage`, from the least sales to the most."""
    totals = TOTALS[grain.name]
    first, last = (totals.stored(day) for day in (coverage.first_complete, coverage.last_complete) if day)
    leaf, sales = totals.table.series_id, sa.func.sum(totals.table.total_sales)
    query = sa.select(leaf).where(totals.period.between(first, last)).group_by(leaf).order_by(sales, leaf)
    return list(session.scalars(query))


def spread_out(ordered: list[int], size: int) -> list[int]:
    """`size` of them at equal distances, or all where there are no more."""
    if len(ordered) <= size:
        return ordered
    places = ((np.arange(size) + 0.5) * len(ordered) / size).astype(int)
    return [ordered[place] for place in places]
