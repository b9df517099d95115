"""The stock: what to order, by urgency and money; single items; what there is too much of; orders by supplier."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.errors import ConflictError
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.errors import InvalidRequestError
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.formats import sentence
from webapp.pages.ids import LARGEST_ID
from webapp.pages.render import render
from webapp.pages.stock_plot import projection_plot
from webapp.pages.tables import to_csv
from webapp.queries import stock as queries
from webapp.services import stock as service

EACH_PAGE = 50
MOST_PAGES = 1_000
MOST_AT_ONCE = 500
STATES = {"open": "To decide", "accepted": "Accepted", "dismissed": "Dismissed", "gone": "No longer needed"}
ALERTS = {"urgent": "Urgent", "warning": "Urgent and warning"}
KINDS = {"order": "From suppliers", "transfer": "From warehouses"}
EXCESS_KINDS = {"excess": "More than 90 days' demand", "dead": "Dead stock"}

blueprint = Blueprint("stock", __name__)


@blueprint.get("/stock")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """What to order; htmx gets the list alone."""
    return render("stock/index.html", block="list", **context())


@blueprint.post("/stock/decide")
@requires(FORECASTS_MAKE, scoped=True)
def decide() -> ResponseReturnValue:
    """Accept or dismiss the advice that was ticked, or that of one row (`one`: 12:accept)."""
    number, _, verdict = request.form.get("one", "").partition(":")
    ids = ids_of([number] if verdict else request.form.getlist("id"))
    verdict = verdict or request.form.get("verdict", "")
    user = signed_in_user().email
    said: dict[str, Any] = dict(filters())
    try:
        if verdict == "accept":
            said |= {"made": len(service.accept(db.session(), dict.fromkeys(ids), user)), "lines": len(ids)}
        elif verdict == "dismiss":
            said |= {"dismissed": service.dismiss(db.session(), ids, request.form.get("comment", ""), user)}
    except (ConflictError, InvalidRequestError) as error:
        db.session.rollback()
        return render_template("stock/index.html", **context(), problem=sentence(str(error))), 409
    return see_other(url_for("stock.index", **said))


@blueprint.get("/stock/advice/<id:advice_id>")
@requires(SALES_READ)
def advice(advice_id: int) -> ResponseReturnValue:
    """The item of a piece of advice, which is decided there."""
    row = queries.get_advice(db.session(), advice_id)
    return see_other(url_for("stock.item", area=row.area, product_id=row.product_id))


@blueprint.get("/stock/item")
@requires(SALES_READ)
def item() -> ResponseReturnValue:
    """One item: its stock day by day, why what is advised, and what was advised before."""
    return item_page()


@blueprint.post("/stock/advice/<id:advice_id>")
@requires(FORECASTS_MAKE, scoped=True)
def edit(advice_id: int) -> ResponseReturnValue:
    """Change the quantity or the day of advice."""
    row, form = queries.get_advice(db.session(), advice_id), request.form
    try:
        change = service.Edit(
            quantity=float(form.get("quantity", "").replace(",", ".")),
            order_on=date.fromisoformat(form.get("order_on", "")),
            comment=form.get("comment", ""),
            version=int(form.get("version", "")),
        )
        service.edit(db.session(), advice_id, change, signed_in_user().email)
    except ValueError:
        return item_page(row, "Expected a number of units and a day such as 2026-11-30."), 422
    except InvalidRequestError as error:
        return item_page(row, sentence("; ".join(one.message for one in error.errors)) + "."), 422
    except ConflictError as error:
        db.session.rollback()
        return item_page(queries.get_advice(db.session(), advice_id), sentence(str(error))), 409
    return see_other(url_for("stock.item", area=row.area, product_id=row.product_id))


@blueprint.get("/stock/excess")
@requires(SALES_READ)
def excess() -> ResponseReturnValue:
    """What there is too much of, and what nobody wants, by what it cost."""
    kind = one_of("kind", EXCESS_KINDS, "excess")
    wanted = queries.Wanted(q=text("q"), kind=kind)
    return render("stock/excess.html", block="list", **listed(queries.ranked_items, wanted), kinds=EXCESS_KINDS)


@blueprint.get("/stock/suppliers")
@requires(SALES_READ)
def suppliers() -> ResponseReturnValue:
    """What to order by supplier, and the orders that are open."""
    session = db.session()
    return render_template(
        "stock/suppliers.html",
        totals=queries.supplier_totals(session),
        orders=queries.list_orders(session, is_open=True, limit=EACH_PAGE),
        run=queries.stock_run(session),
    )


@blueprint.get("/stock/orders.csv")
@requires(SALES_READ)
def export() -> Response:
    """Open advice as a file of order lines, for a purchasing system; at most ten thousand."""
    wanted = queries.Wanted(supplier=text("supplier"), kind=one_of("kind", KINDS, "order"))
    found = queries.ranked_advice(db.session(), wanted, 10_000)
    header = [
        "supplier",
        "area",
        "product_code",
        "product_name",
        "quantity",
        "unit_cost",
        "value",
        "order_on",
        "arrives_on",
    ]
    lines = (
        [
            row.supplier,
            row.area,
            row.code,
            row.name,
            row.quantity,
            row.unit_cost,
            row.value,
            row.order_on,
            row.arrives_on,
        ]
        for row in found.items
    )
    disposition = {"Content-Disposition": 'attachment; filename="orders.csv"'}
    return Response(to_csv(header, lines), headers=disposition, content_type="text/csv; charset=utf-8")


def context() -> dict[str, Any]:
    """What the list of advice shows."""
    session = db.session()
    wanted = queries.Wanted(
        text("q"), supplier=text("supplier"), alert=one_of("alert", ALERTS, ""), state=one_of("state", STATES, "open"),
        kind=one_of("kind", KINDS, ""),
    )  # fmt: skip
    return {
        **listed(queries.ranked_advice, wanted),
        "figures": queries.stock_figures(session),
        "filters": filters(),
        "states": STATES,
        "alerts": ALERTS,
        "kinds": KINDS,
        "made": request.args.get("made", 0, type=int),
        "lines": request.args.get("lines", 0, type=int),
        "dismissed": request.args.get("dismissed", 0, type=int),
    }


def listed(read: Any, wanted: queries.Wanted) -> dict[str, Any]:
    """A page of a ranked list."""
    number = min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)
    start = (number - 1) * EACH_PAGE
    found = read(db.session(), wanted, EACH_PAGE, start)
    more = number + 1 if found.total > start + EACH_PAGE else None
    return {
        "page": found, "wanted": wanted, "number": number, "first": start + 1, "more": more,
        "run": queries.stock_run(db.session()),
    }  # fmt: skip


def item_page(row: queries.Named | None = None, problem: str = "") -> str:
    """The page of the item that the query, or advice, names."""
    session = db.session()
    area = row.area if row else request.args.get("area", "")[:120]
    number = row.product_id if row else request.args.get("product_id", 0, type=int)
    found = queries.get_item(session, area, number if 0 < number <= LARGEST_ID else 0)
    run, history = queries.stock_run(session), queries.advice_of(session, found.area, found.product_id)
    waiting = next((one for one in history if one.slot is not None), None)
    plot = projection_plot(found.projection, run.today) if run else None
    return render_template(
        "stock/item.html", item=found, run=run, plot=plot, advice=waiting, history=history, problem=problem
    )


def filters() -> dict[str, str]:
    """What the list is filtered by, as a query string says it."""
    names = ("q", "supplier", "alert", "state", "kind")
    return {name: request.values[name][:120] for name in names if request.values.get(name)}


def text(name: str) -> str:
    return request.values.get(name, "").strip()[:120]


def one_of(name: str, known: Any, default: str) -> str:
    found = request.values.get(name, "")
    return found if found in known else default


def ids_of(texts: list[str]) -> list[int]:
    """The ids that texts write; what is none is left out."""
    ids = [int(one) for one in texts[:MOST_AT_ONCE] if one.isdecimal()]
    return [number for number in ids if 0 < number <= LARGEST_ID]
