"""Simulations of the stock as people ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.restock import StockSimulation
from ml.errors import ConfigurationError
from ml.inventory.families import SimulationSettings
from webapp.errors import FieldError, InvalidRequestError
from worker.queues import request_job

LONGEST_NAME = 120


def create_simulation(session: Session, name: str, given: Mapping[str, Any], user: str) -> StockSimulation:
    """Keep what is to be replayed and ask for the job that does so; commits.

    Without a name it is called by its policies. Raises InvalidRequestError naming what cannot be.
    """
    try:
        settings = asdict(SimulationSettings(**given))
    except ConfigurationError as error:
        raise InvalidRequestError([FieldError("settings", str(error))]) from None
    title = (name.strip() or ", ".join(settings["policies"]))[:LONGEST_NAME]
    row = StockSimulation(name=title, settings=settings, created_by=user)
    session.add(row)
    session.flush()
    row.job_id = request_job(session, "simulate_stock", {"simulation_id": row.id}, requested_by=user).id
    audit.record(session, "create", "stock_simulation", row.id, after=settings)
    session.commit()
    return row
