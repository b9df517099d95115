"""The stock: what there is, how it will be, what to order, and what was ordered."""

from __future__ import annotations

from flask import Response

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import tagged
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import db
from webapp.queries import stock as queries
from webapp.queries.products import get_product
from webapp.schemas.base import encode_cursor
from webapp.schemas.stock import (
    AcceptedAnswer,
    AdviceAnswer,
    AdviceChoice,
    AdviceEdit,
    AdviceList,
    AdvicePath,
    AdviceQuery,
    DismissBody,
    ItemAnswer,
    ItemList,
    ItemQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    PolicyPath,
    PolicyQuery,
    ProjectionAnswer,
    ProjectionQuery,
    StockPolicyAnswer,
    StockPolicyBody,
    StockPolicyList,
)
from webapp.services import stock as service
from webapp.services import stock_rules

blueprint = api_blueprint("stock")


@blueprint.get("/stock", responses={200: ItemList})
@requires(SALES_READ)
def list_stock(query: ItemQuery) -> Response:
    """List the items of the published plan: levels, cover, alerts, excess, and what is wrong with their data."""

    def fetch(part: ItemQuery) -> ItemList:
        wanted = queries.Wanted(part.q, part.area, part.supplier, part.alert or "", kind=part.kind or "")
        page = queries.list_items(db.session(), wanted, part.limit, part.cursor)
        return ItemList(
            items=[ItemAnswer.made(view) for view in page.items], next_cursor=encode_cursor(page.next_below)
        )

    return listing(query, fetch)


@blueprint.get("/stock-projection", responses={200: ProjectionAnswer, 304: None, **problems(404, 409)})
@requires(SALES_READ)
def show_projection(query: ProjectionQuery) -> Response:
    """Read the stock of an item day by day, as P10, P50 and P90, with demand and what is on order."""
    session = db.session()
    today = queries.planned_from(session)
    view = queries.get_item(session, query.area, get_product(session, query.product).id)
    return tagged(ProjectionAnswer.projected(view, today))


@blueprint.get("/recommendations", responses={200: AdviceList})
@requires(SALES_READ)
def list_recommendations(query: AdviceQuery) -> Response:
    """List what to order, newest first; what waits for a decision unless `state` says otherwise."""

    def fetch(part: AdviceQuery) -> AdviceList:
        wanted = queries.Wanted(part.q, part.area, part.supplier, part.alert or "", part.state, part.kind or "")
        page = queries.list_advice(db.session(), wanted, part.limit, part.cursor)
        return AdviceList(
            items=[AdviceAnswer.made(view) for view in page.items], next_cursor=encode_cursor(page.next_below)
        )

    return listing(query, fetch)


@blueprint.get("/recommendations/<int:advice_id>", responses={200: AdviceAnswer, 304: None, **problems(404)})
@requires(SALES_READ)
def show_recommendation(path: AdvicePath) -> Response:
    """Read a recommendation."""
    return tagged(read(path.advice_id))


@blueprint.patch("/recommendations/<int:advice_id>", responses={200: AdviceAnswer, **problems(400, 404, 409, 415)})
@requires(FORECASTS_MAKE, scoped=True)
def edit_recommendation(path: AdvicePath, body: AdviceEdit) -> Response:
    """Change quantity or day; plans to come keep what you said until it is decided."""
    service.edit(db.session(), path.advice_id, service.Edit(**body.model_dump()), signed_in_user().email)
    return tagged(read(path.advice_id))


@blueprint.post("/recommendations/accept", responses={200: AcceptedAnswer, **problems(400, 404, 409, 415)})
@requires(FORECASTS_MAKE, scoped=True)
def accept_recommendations(body: AdviceChoice) -> Response:
    """Make purchase orders of recommendations, one for each supplier, place and day; all or none."""
    made = service.accept(db.session(), dict.fromkeys(body.ids), signed_in_user().email)
    return answer(AcceptedAnswer(order_refs=made))


@blueprint.post(
    "/recommendations/<int:advice_id>/dismiss", responses={200: AdviceAnswer, **problems(400, 404, 409, 415)}
)
@requires(FORECASTS_MAKE, scoped=True)
def dismiss_recommendation(path: AdvicePath, body: DismissBody) -> Response:
    """Say no to a recommendation: it does not come again within a week unless it becomes more pressing."""
    service.dismiss(db.session(), [path.advice_id], body.comment, signed_in_user().email)
    return tagged(read(path.advice_id))


@blueprint.get("/purchase-orders", responses={200: OrderList})
@requires(SALES_READ)
def list_purchase_orders(query: OrderQuery) -> Response:
    """List lines of purchase orders, newest first: imported ones, and those made of recommendations."""

    def fetch(part: OrderQuery) -> OrderList:
        page = queries.list_orders(db.session(), part.supplier, part.open, part.limit, part.cursor)
        return OrderList(
            items=[OrderAnswer.made(view) for view in page.items], next_cursor=encode_cursor(page.next_below)
        )

    return listing(query, fetch)


@blueprint.get("/stock-policies", responses={200: StockPolicyList})
@requires(SALES_READ)
def list_policies(query: PolicyQuery) -> Response:
    """List how parts of the items are kept in stock, newest first."""

    def fetch(part: PolicyQuery) -> StockPolicyList:
        page = queries.list_policies(db.session(), part.limit, part.cursor)
        return StockPolicyList(
            items=[StockPolicyAnswer.made(view) for view in page.items], next_cursor=encode_cursor(page.next_below)
        )

    return listing(query, fetch)


@blueprint.put("/stock-policies", responses={200: StockPolicyAnswer, **problems(400, 404, 409, 415)})
@requires(FORECASTS_MAKE)
def set_policy(body: StockPolicyBody) -> Response:
    """Set how a part of the items is kept in stock, from the next plan on."""
    part = stock_rules.Part(**body.model_dump(exclude={"rules"}))
    session = db.session()
    row = stock_rules.set_rules(session, part, body.rules.model_dump(), signed_in_user().email)
    return answer(StockPolicyAnswer.made(queries.named(session, [row])[0]))


@blueprint.delete("/stock-policies/<int:policy_id>", responses={204: None, **problems(404)})
@requires(FORECASTS_MAKE)
def delete_policy(path: PolicyPath) -> Response:
    """Remove the rules of a part: the next wider ones count."""
    stock_rules.remove_rules(db.session(), path.policy_id)
    return Response(status=204)


def read(advice_id: int) -> AdviceAnswer:
    """A recommendation as it is now."""
    return AdviceAnswer.made(queries.get_advice(db.session(), advice_id))
