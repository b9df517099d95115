"""Sales: pushed in, read as rows, and read as sums by week and month."""

from __future__ import annotations

from typing import Literal

from flask import Response

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import db
from webapp.queries import sales as queries
from webapp.schemas.sales import (
    PeriodAnswer,
    PeriodList,
    PeriodQuery,
    SaleAnswer,
    SaleList,
    SalesQuery,
    encode_key,
)

blueprint = api_blueprint("sales", "/sales")


@blueprint.get("", responses={200: SaleList, **problems(404, 409)})
@requires(SALES_READ)
def list_sales(query: SalesQuery) -> Response:
    """List rows of sales, newest day first.

    Days, places, products and imports are found by index; give days as well where you filter by customer,
    channel or order in many years of sales.
    """
    page = queries.list_sales(db.session(), query.filter(), query.limit, query.cursor)
    items = [SaleAnswer.model_validate(line) for line in page.items]
    return answer(SaleList(items=items, next_cursor=encode_key(page.next_after)))


@blueprint.get("/weekly", responses={200: PeriodList, **problems(404, 409)})
@requires(SALES_READ)
def weekly_sales(query: PeriodQuery) -> Response:
    """Read sales by week, newest first; what is left open is summed up."""
    return period_list("weekly", query)


@blueprint.get("/monthly", responses={200: PeriodList, **problems(404, 409)})
@requires(SALES_READ)
def monthly_sales(query: PeriodQuery) -> Response:
    """Read sales by month, newest first; what is left open is summed up."""
    return period_list("monthly", query)


def period_list(grain: Literal["weekly", "monthly"], query: PeriodQuery) -> Response:
    by_series = query.by == "series"
    if query.cursor and len(query.cursor) != 1 + by_series:
        raise InvalidRequestError([FieldError("cursor", "this is a cursor of another list; keep `by` as it was")])
    page = queries.period_sales(
        db.session(), grain, query.filter(), by_series=by_series, limit=query.limit, after=query.cursor
    )
    items = [PeriodAnswer.model_validate(point) for point in page.items]
    return answer(PeriodList(items=items, next_cursor=encode_key(page.next_after)))
