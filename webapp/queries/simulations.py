"""Reads of simulations of the stock."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.restock import StockSimulation
from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


def list_simulations(session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[StockSimulation]:
    """Simulations, newest first."""
    return newest_first(session, sa.select(StockSimulation), StockSimulation.id, limit, below)


def get_simulation(session: Session, simulation_id: int) -> StockSimulation:
    """A simulation; raises NotFoundError, for a caller who is limited to regions as well."""
    row = session.scalar(sa.select(StockSimulation).where(StockSimulation.id == simulation_id))
    if row is None:
        raise NotFoundError(f"there is no stock simulation {simulation_id}.")
    return row
