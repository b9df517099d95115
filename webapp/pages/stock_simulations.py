"""Simulations of the stock: asked for, followed, compared side by side."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.restock import StockSimulation
from ml.errors import NotFoundError
from ml.inventory.families import AVERAGE, FAMILIES, LEARNED, MODELS, RULES, SimulationSettings
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.errors import InvalidRequestError
from webapp.extensions import db, redis_client
from webapp.htmx import see_other
from webapp.pages.following import version_of_jobs
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.render import render, unless_seen
from webapp.pages.stock import EACH_PAGE
from webapp.pages.stock_rules import blueprint
from webapp.pages.tradeoff_plot import trade_off
from webapp.pages.words import short_model_name
from webapp.queries import simulations as queries
from webapp.queries.jobs import JobView, job_view
from webapp.services.simulations import create_simulation

__all__ = ["blueprint"]

READ: dict[str, Any] = {"days": int, "review": int, "items": int, "holding_rate": float, "order_cost": float}
NAMES = {
    RULES: "The rules as they are set",
    AVERAGE: "A mean of 28 days times a factor",
    LEARNED: "Totals learned directly, by units served",
    **{name: f"Forecasts by {short_model_name(name)}" for name in MODELS},
}
"""What people call a policy."""
TITLES = {
    "days": "Days, the last ones", "review": "Days between orders", "items": "Items, those that sell most",
    "holding_rate": "Cost of holding a year, as a share", "order_cost": "Cost of an order",
}  # fmt: skip


@blueprint.get("/stock/simulations")
@requires(SALES_READ)
def simulations() -> ResponseReturnValue:
    """What was replayed, and the form that asks for another."""
    return list_page({})


@blueprint.post("/stock/simulations")
@requires(FORECASTS_MAKE)
def simulate() -> ResponseReturnValue:
    """Replay policies; the page of the simulation follows its job."""
    typed = {name: request.form.get(name, "").strip() for name in ("name", *READ)}
    chosen = [name for name in FAMILIES if name in request.form.getlist("policies")]
    try:
        given = {name: read(typed[name].replace(",", ".")) for name, read in READ.items() if typed[name]}
        given["policies"] = tuple(chosen)
        row = create_simulation(db.session(), typed["name"], given, signed_in_user().email)
    except ValueError:
        return list_page(typed, chosen, "Days and items are whole numbers, costs are numbers."), 422
    except InvalidRequestError as error:
        return list_page(typed, chosen, sentence(error.errors[0].message)), 422
    return see_other(url_for("stock.simulation", simulation_id=row.id))


@blueprint.get("/stock/simulations/<id:simulation_id>")
@requires(SALES_READ)
def simulation(simulation_id: int) -> ResponseReturnValue:
    """One simulation: followed while it is replayed, then its curves and figures."""
    row = queries.get_simulation(db.session(), simulation_id)
    job = job_of(row)
    version = version_of_jobs([job] if job else [], row.result is not None)
    return unless_seen(version, lambda: simulation_page(row, job, version))


def job_of(row: StockSimulation) -> JobView | None:
    """The job that a simulation waits for; None once its result has come, and where the job is not kept any more."""
    if row.result is not None or row.job_id is None:
        return None
    try:
        return job_view(db.session(), redis_client(), row.job_id)
    except NotFoundError:
        return None


def simulation_page(row: StockSimulation, job: JobView | None, version: str) -> str:
    """The page, or the part of it that is followed."""
    result = row.result
    plot = trade_off(result["points"], NAMES, result["cheapest"]) if result else None
    return render(
        "stock/simulation.html", block="live", row=row, result=result, plot=plot, job=job, version=version,
        following=job is not None and not job.finished, families=NAMES,
    )  # fmt: skip


def list_page(typed: dict[str, str], chosen: list[str] | None = None, problem: str = "") -> str:
    usual = SimulationSettings()
    return render_template(
        "stock/simulations.html", page=queries.list_simulations(db.session(), EACH_PAGE, below()),
        typed=typed, chosen=usual.policies if chosen is None else chosen, problem=problem, families=NAMES,
        titles=TITLES, usual=usual,
    )  # fmt: skip
