"""Simulations of the stock: asked for, followed by their job, and read."""

from __future__ import annotations

from flask import Response, url_for

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import db
from webapp.queries import simulations as queries
from webapp.schemas.base import encode_cursor
from webapp.schemas.simulations import (
    SimulationAnswer,
    SimulationBody,
    SimulationList,
    SimulationPath,
    SimulationQuery,
)
from webapp.services.simulations import create_simulation as create

blueprint = api_blueprint("stock_simulations")


@blueprint.post("/stock-simulations", responses={202: SimulationAnswer, **problems(400, 415)})
@requires(FORECASTS_MAKE)
def create_simulation(body: SimulationBody) -> Response:
    """Replay policies and models over the past; `job_id` is the job to follow, `Location` where the result will be."""
    row = create(db.session(), body.name, body.model_dump(exclude={"name"}), signed_in_user().email)
    where = url_for("api_stock_simulations.show_simulation", simulation_id=row.id)
    return answer(SimulationAnswer.made(row), 202, Location=where)


@blueprint.get("/stock-simulations", responses={200: SimulationList})
@requires(SALES_READ)
def list_simulations(query: SimulationQuery) -> Response:
    """List simulations, newest first."""

    def fetch(part: SimulationQuery) -> SimulationList:
        page = queries.list_simulations(db.session(), part.limit, part.cursor)
        return SimulationList(
            items=[SimulationAnswer.made(row) for row in page.items], next_cursor=encode_cursor(page.next_below)
        )

    return listing(query, fetch)


@blueprint.get("/stock-simulations/<int:simulation_id>", responses={200: SimulationAnswer, **problems(404)})
@requires(SALES_READ)
def show_simulation(path: SimulationPath) -> Response:
    """Read a simulation."""
    return answer(SimulationAnswer.made(queries.get_simulation(db.session(), path.simulation_id)))
