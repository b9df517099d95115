"""Rules of stock: shown, set and removed."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.errors import ConflictError, NotFoundError
from ml.inventory.rules import KIND_WORDS
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.errors import InvalidRequestError
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.stock import EACH_PAGE
from webapp.pages.stock_reports import blueprint
from webapp.queries import stock as queries
from webapp.services import stock_rules

__all__ = ["blueprint"]

PART = ("area", "category", "volume_class", "product")
READ: dict[str, Any] = {
    "kind": str, "service": str, "target": float, "safety_factor": float, "review_days": int, "least": float,
    "most": float, "order_cost": float,
}  # fmt: skip
RULES = tuple(READ)
SERVICE_WORDS = {"cycle": "no shortage", "fill": "units served", "cost": "least cost"}


@blueprint.get("/stock/rules")
@requires(SALES_READ)
def rules() -> ResponseReturnValue:
    """How items are kept in stock."""
    return rules_page()


@blueprint.post("/stock/rules")
@requires(FORECASTS_MAKE)
def set_rules() -> ResponseReturnValue:
    """Set how a part of the items is kept, from the next plan on."""
    typed = {name: request.form.get(name, "").strip() for name in (*PART, *RULES)}
    try:
        given = {name: READ[name](typed[name].replace(",", ".")) for name in RULES if typed[name]}
        part = stock_rules.Part(**{name: typed[name] for name in PART})
        stock_rules.set_rules(db.session(), part, given, signed_in_user().email)
    except ValueError:
        return rules_page(typed, "A rule's figures are numbers; review days are whole ones."), 422
    except InvalidRequestError as error:
        return rules_page(typed, " ".join(sentence(one.message).rstrip(".") + "." for one in error.errors)), 422
    except (NotFoundError, ConflictError) as error:
        return rules_page(typed, sentence(str(error))), 422
    return see_other(url_for("stock.rules"))


@blueprint.post("/stock/rules/<id:policy_id>/delete")
@requires(FORECASTS_MAKE)
def remove_rules(policy_id: int) -> ResponseReturnValue:
    """Remove the rules of a part."""
    stock_rules.remove_rules(db.session(), policy_id)
    return see_other(url_for("stock.rules"))


def rules_page(typed: dict[str, str] | None = None, problem: str = "") -> str:
    page = queries.list_policies(db.session(), EACH_PAGE, below())
    return render_template(
        "stock/rules.html", page=page, typed=typed or {}, problem=problem, kinds=KIND_WORDS, services=SERVICE_WORDS
    )
