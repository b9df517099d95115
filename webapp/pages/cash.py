"""Cash flow: the balance to come with its band, what drives a shortfall, scenarios, the bank, planned items."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from ml.errors import ConflictError, NotFoundError
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import CATALOG_WRITE, SALES_READ
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.cash_plot import cash_plot
from webapp.pages.formats import iso_day, sentence
from webapp.pages.render import render
from webapp.queries import cash as queries
from webapp.queries.collect_runs import customers_of, find_run
from webapp.queries.customers import get_customer
from webapp.services import receivables as service

FREQUENCIES = {"weekly": "By week", "monthly": "By month"}
MOST_ITEMS = 20
MOST = 1e11

blueprint = Blueprint("cash", __name__)


@blueprint.get("/cash")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """The cash of a currency, as it is expected or under the scenario of the query string."""
    return page({}, {})


@blueprint.post("/cash/position")
@requires(CATALOG_WRITE)
def set_position() -> ResponseReturnValue:
    """Say what was in the bank."""
    typed = typed_values("currency", "day", "balance", "minimum")
    errors: dict[str, str] = {}
    day, balance = read_day(typed, "day", errors), read_amount(typed, "balance", errors)
    minimum = read_amount({**typed, "minimum": typed["minimum"] or "0"}, "minimum", errors)
    if errors or day is None:
        return page(typed, errors), 422
    draft = service.PositionDraft(typed["currency"][:8], day, balance, minimum)
    service.set_position(db.session(), draft, signed_in_user().email)
    return see_other(url_for("cash.index", currency=typed["currency"]))


@blueprint.post("/cash/items")
@requires(CATALOG_WRITE)
def add_item() -> ResponseReturnValue:
    """Plan a payment or receipt."""
    typed = typed_values("currency", "item_ref", "item_day", "amount", "kind", "name")
    errors: dict[str, str] = {} if typed["item_ref"] else {"item_ref": "Give it a number of its own."}
    day, amount = read_day(typed, "item_day", errors), read_amount(typed, "amount", errors)
    if not errors and day is not None:
        draft = service.ItemDraft(
            typed["item_ref"][:80], day, amount, typed["kind"][:40], typed["name"][:250], typed["currency"][:8]
        )
        try:
            service.add_item(db.session(), draft, signed_in_user().email)
        except ConflictError as error:
            errors["item_ref"] = sentence(str(error))
    if errors:
        return page(typed, errors), 422
    return see_other(url_for("cash.index", currency=typed["currency"]))


@blueprint.post("/cash/items/<id:item_id>/delete")
@requires(CATALOG_WRITE)
def delete_item(item_id: int) -> ResponseReturnValue:
    """Drop what will not move."""
    service.delete_item(db.session(), item_id, signed_in_user().email)
    return see_other(url_for("cash.index", currency=request.form.get("currency", "")[:8]))


def page(typed: dict[str, str], errors: dict[str, str]) -> str:
    session = db.session()
    known, run = queries.cash_currencies(session), find_run(session)
    if run is None or run.as_of is None or not known:
        return render("cash/index.html", block="outlook", view=None)
    currency = typed.get("currency", request.args.get("currency", ""))
    currency = currency if currency in known else known[0]
    frequency = request.args.get("frequency", "")
    frequency = frequency if frequency in FREQUENCIES else "weekly"
    asked, wrong = asked_scenario(session)
    view = queries.cash_view(session, currency, frequency, asked["question"])
    same = asked["question"].is_plain
    return render(
        "cash/index.html",
        block="outlook",
        view=view,
        plot=cash_plot(view.periods, view.base, view.minimum, view.shortfall, same=same),
        same=same,
        scenario=asked,
        wrong=wrong,
        run=run,
        currencies=known,
        frequencies=FREQUENCIES,
        position=queries.cash_position(session, currency),
        items=queries.items_from(session, currency, run.as_of, MOST_ITEMS),
        past=queries.received(session, currency),
        customers=customers_of(session, (driver.customer_id for driver in view.drivers)),
        typed=typed,
        errors=errors,
    )


def asked_scenario(session: Session) -> tuple[dict[str, Any], str]:
    """The scenario of the query string, as it was typed and as the queries take it; and what is wrong with it."""
    code = request.args.get("customer", "").strip()[:80]
    numbers = {
        name: request.args.get(name, "").strip().replace(",", ".")[:12] for name in ("days_late", "sales", "items")
    }
    wrong, later, factors = "", dict[int, float](), {}
    try:
        found = {name: float(text or (30 if name == "days_late" else 0)) for name, text in numbers.items()}
        if not (0 <= found["days_late"] <= 365 and all(-100 <= found[name] <= 1000 for name in ("sales", "items"))):
            raise ValueError
        factors = {name: 1 + found[name] / 100 for name in ("sales", "items")}
        if code:
            later = {get_customer(session, code).id: found["days_late"]}
    except ValueError:
        wrong, factors = "Write 0 to 365 days, and changes of -100 to 1000 percent.", {}
    except (NotFoundError, ConflictError) as error:
        wrong = sentence(str(error))
    return {"customer": code, **numbers, "question": queries.CashQuestion(later, **factors)}, wrong


def typed_values(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "").replace("\0", "").strip() for name in names}


def read_day(typed: dict[str, str], name: str, errors: dict[str, str]) -> Any:
    try:
        return iso_day(typed[name])
    except ValueError:
        errors[name] = "Write a day such as 2026-11-30."
        return None


def read_amount(typed: dict[str, str], name: str, errors: dict[str, str]) -> float:
    try:
        found = float(typed[name].replace(",", ""))
        if not -MOST < found < MOST:
            raise ValueError
    except ValueError:
        errors[name] = "Write a number such as -1250.50."
        return 0.0
    return found
