"""Sales: pushed in, read as rows, and read as sums by day, week and month."""

from __future__ import annotations

from typing import Literal

from flask import Response, url_for
from pydantic import ValidationError

from ml.etl.datasets import SALES, Dataset, get_dataset
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.cache import cached
from webapp.api.idempotency import idempotent_by_itself
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT, SALES_READ
from webapp.error_responses import invalid_request
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import artifact_store, db
from webapp.queries import sales as queries
from webapp.schemas.imports import StartedImport
from webapp.schemas.rows import PUSHES, AnyPush, DatasetPath, Push, PushHeader, SalesPush
from webapp.schemas.sales import (
    PeriodAnswer,
    PeriodList,
    PeriodQuery,
    SaleAnswer,
    SaleList,
    SalesQuery,
    encode_key,
)
from webapp.services.imports import named_source
from webapp.services.push import push_rows

blueprint = api_blueprint("sales")


@blueprint.post("/sales", responses={202: StartedImport, **problems(400, 413, 415)})
@requires(SALES_IMPORT, scoped=True)
@idempotent_by_itself
def push_sales(header: PushHeader, body: SalesPush) -> Response:
    """Push rows of sales, up to 10,000 at once.

    All rows are checked first: where one is wrong, all errors are answered (the first 100 of them, with the number of
    the row, from 0) and nothing is kept. Otherwise a job loads them, as it loads a file, and may still keep rows
    aside that the data set's checks refuse.

    Sending the same rows again changes nothing. Rows are told apart by all that they say, so two pushes of one
    and the same row are one sale: give `order_ref` or `line_ref` where two sales may be alike. A row that comes
    again under its `line_ref` replaces the earlier one.
    """
    return push(SALES, header, body)


@blueprint.post("/datasets/<string:name>/rows", responses={202: StartedImport, **problems(400, 404, 413, 415)})
@requires(SALES_IMPORT)
@idempotent_by_itself
def push_dataset(path: DatasetPath, header: PushHeader, body: AnyPush) -> Response:
    """Push rows of any data set, up to 10,000 at once; a record that is there already is replaced."""
    dataset = get_dataset(path.name)
    try:
        checked = PUSHES[dataset.name].model_validate({"source": body.source, "rows": body.rows})
    except ValidationError as error:
        raise invalid_request(error) from None
    return push(dataset, header, checked)


def push(dataset: Dataset, header: PushHeader, body: Push) -> Response:
    session = db.session()
    source = named_source(session, body.source, dataset.name) if body.source else None
    rows = body.model_dump(mode="json", include={"rows"})["rows"]
    user = signed_in_user().email
    job = push_rows(session, artifact_store(), dataset, rows, user, source=source, key=header.key)
    location = url_for("api_jobs.show_job", job_id=job.id)
    return answer(StartedImport(import_id=job.arguments["import_id"], job_id=job.id), 202, Location=location)


@blueprint.get("/sales", responses={200: SaleList, **problems(404, 409)})
@requires(SALES_READ)
def list_sales(query: SalesQuery) -> Response:
    """List rows of sales, newest day first.

    Days, places, products and imports are found by index; give days as well where you filter by customer,
    channel or order in many years of sales.
    """

    def fetch(part: SalesQuery) -> SaleList:
        page = queries.list_sales(db.session(), part.filter(), part.limit, part.cursor)
        items = [SaleAnswer.model_validate(line) for line in page.items]
        return SaleList(items=items, next_cursor=encode_key(page.next_after))

    return listing(query, fetch)


@blueprint.get("/sales/daily", responses={200: PeriodList, **problems(404, 409)})
@requires(SALES_READ)
@cached
def daily_sales(query: PeriodQuery) -> Response:
    """Read sales by day, newest first; what is left open is summed up."""
    return period_list("daily", query)


@blueprint.get("/sales/weekly", responses={200: PeriodList, **problems(404, 409)})
@requires(SALES_READ)
@cached
def weekly_sales(query: PeriodQuery) -> Response:
    """Read sales by week, newest first; what is left open is summed up."""
    return period_list("weekly", query)


@blueprint.get("/sales/monthly", responses={200: PeriodList, **problems(404, 409)})
@requires(SALES_READ)
@cached
def monthly_sales(query: PeriodQuery) -> Response:
    """Read sales by month, newest first; what is left open is summed up."""
    return period_list("monthly", query)


def period_list(grain: Literal["daily", "weekly", "monthly"], query: PeriodQuery) -> Response:
    by_series = query.by == "series"
    if query.cursor and len(query.cursor) != 1 + by_series:
        raise InvalidRequestError([FieldError("cursor", "this is a cursor of another list; keep `by` as it was")])

    def fetch(part: PeriodQuery) -> PeriodList:
        page = queries.period_sales(
            db.session(), grain, part.filter(), by_series=by_series, limit=part.limit, after=part.cursor
        )
        items = [PeriodAnswer.model_validate(point) for point in page.items]
        return PeriodList(items=items, next_cursor=encode_key(page.next_after))

    return listing(query, fetch)
