"""Receivables: invoices and payments pushed in; when they are paid, the cash that comes, what was done to collect."""

from __future__ import annotations

from flask import Response

from ml.etl.datasets import INVOICES, PAYMENTS
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.idempotency import idempotent_by_itself
from webapp.api.listing import listing
from webapp.api.sales import push
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import CATALOG_WRITE, FORECASTS_MAKE, SALES_IMPORT, SALES_READ
from webapp.errors import NoForecastError
from webapp.extensions import db
from webapp.queries import cash, collect_runs, next_orders, payment_behaviour, receivable_figures
from webapp.queries import receivables as queries
from webapp.queries.customers import get_customer
from webapp.schemas.base import encode_cursor
from webapp.schemas.catalog import CustomerPath
from webapp.schemas.imports import StartedImport
from webapp.schemas.receivables import (
    ActionAnswer,
    ActionBody,
    ActionList,
    ActionPath,
    CashAnswer,
    CashPeriodAnswer,
    CashQuery,
    DriverAnswer,
    InvoicePath,
    NextOrderAnswer,
    NextOrderList,
    NextOrderQuery,
    PositionAnswer,
    PositionBody,
    PredictionAnswer,
    PredictionList,
    PredictionQuery,
    ReceivablesFigures,
    ReceivablesSummary,
    ScoreAnswer,
    ScoreList,
    SummaryQuery,
)
from webapp.schemas.rows import PUSHES, PushHeader
from webapp.services import receivables as service

blueprint = api_blueprint("receivables")

InvoicesPush = PUSHES["invoices"]
PaymentsPush = PUSHES["payments"]


@blueprint.post("/invoices", responses={202: StartedImport, **problems(400, 413, 415)})
@requires(SALES_IMPORT)
@idempotent_by_itself
def push_invoices(header: PushHeader, body: InvoicesPush) -> Response:  # type: ignore[valid-type]
    """Push invoices, up to 10,000 at once; one that is there already is replaced.

    They are checked first: where one is wrong, nothing is kept. A job loads them, and predictions follow.
    """
    return push(INVOICES, header, body)


@blueprint.post("/payments", responses={202: StartedImport, **problems(400, 413, 415)})
@requires(SALES_IMPORT)
@idempotent_by_itself
def push_payments(header: PushHeader, body: PaymentsPush) -> Response:  # type: ignore[valid-type]
    """Push payments, up to 10,000 at once; several may share an invoice, and one with a number is replaced under it."""
    return push(PAYMENTS, header, body)


@blueprint.get("/payment-predictions", responses={200: PredictionList, **problems(404, 409)})
@requires(SALES_READ)
def list_predictions(query: PredictionQuery) -> Response:
    """List when open invoices will be paid, the most money that is expected to be late first."""
    session = db.session()
    customer = get_customer(session, query.customer).id if query.customer else None

    def fetch(part: PredictionQuery) -> PredictionList:
        wanted = queries.PredictionFilter(
            part.q, customer, part.segment, part.region, part.currency, part.overdue, part.least_risk
        )
        page = queries.worklist(db.session(), wanted, limit=part.limit, below=part.cursor)
        items = [prediction_answer(view) for view in page.items]
        return PredictionList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


def prediction_answer(view: queries.PredictionView) -> PredictionAnswer:
    names = {"customer_code": view.customer.code, "customer_name": view.customer.name}
    fields = [name for name in PredictionAnswer.model_fields if name not in names]
    return PredictionAnswer.model_validate({**names, **{name: getattr(view.row, name) for name in fields}})


@blueprint.get("/payment-predictions/scores", responses={200: ScoreList})
@requires(SALES_READ)
def list_scores() -> Response:
    """Read how right earlier predictions were, now that payments have arrived."""
    return answer(ScoreList(items=[ScoreAnswer.model_validate(row) for row in payment_behaviour.scores(db.session())]))


@blueprint.get("/receivables/summary", responses={200: ReceivablesSummary, **problems(404, 409)})
@requires(SALES_READ)
def show_summary(query: SummaryQuery) -> Response:
    """Read the ageing of receivables, and how collection goes: DSO, days delinquent, effectiveness."""
    session = db.session()
    found = receivable_figures.figures(session, query.by, months=query.months)
    items = [ReceivablesFigures.model_validate({**view.parts, **shown(view)}) for view in found]
    return answer(ReceivablesSummary(as_of=collect_runs.published_run(session).as_of, items=items))


def shown(view: receivable_figures.FigureView) -> dict[str, object]:
    """The figures that are no plain parts."""
    return {name: getattr(view, name) for name in ReceivablesFigures.model_fields if name not in view.parts}


@blueprint.get("/cash-flow", responses={200: CashAnswer, **problems(404, 409)})
@requires(SALES_READ)
def show_cash(query: CashQuery) -> Response:
    """Read the cash to come by week or month with its bands, the first shortfall and the invoices that drive it.

    What if: a customer pays `days_late` days later, sales or planned items change by so many percent.
    """
    session = db.session()
    later = {get_customer(session, query.customer).id: float(query.days_late)} if query.customer else {}
    currency = query.currency if query.currency is not None else default_currency()
    question = cash.CashQuestion(later, 1 + query.sales / 100, 1 + query.items / 100)
    view = cash.cash_view(session, currency, query.frequency, question)
    return answer(
        CashAnswer(
            currency=view.currency,
            frequency=view.frequency,
            as_of=view.as_of,
            opening=view.opening,
            minimum=view.minimum,
            simulations=view.simulations,
            shortfall=view.shortfall.first_day if view.shortfall else None,
            periods=[CashPeriodAnswer.model_validate(period) for period in view.periods],
            base=[CashPeriodAnswer.model_validate(period) for period in view.base],
            drivers=[DriverAnswer.model_validate(driver) for driver in view.drivers],
        )
    )


def default_currency() -> str:
    """That of most invoices."""
    found = cash.cash_currencies(db.session())
    if not found:
        raise NoForecastError(collect_runs.NO_RUN)
    return found[0]


@blueprint.put("/cash-position", responses={200: PositionAnswer, **problems(400, 415)})
@requires(CATALOG_WRITE)
def set_position(body: PositionBody) -> Response:
    """Say what was in the bank in the morning of a day, and the least that has to stay there; cash is forecast anew."""
    draft = service.PositionDraft(body.currency, body.day, body.balance, body.minimum)
    return answer(PositionAnswer.model_validate(service.set_position(db.session(), draft, signed_in_user().email)))


@blueprint.get("/invoices/<path:invoice_ref>/actions", responses={200: ActionList, **problems(404)})
@requires(SALES_READ)
def list_actions(path: InvoicePath) -> Response:
    """List what was done to collect an invoice."""
    view = queries.invoice_view(db.session(), path.invoice_ref)
    return answer(ActionList(items=[ActionAnswer.model_validate(row) for row in view.actions]))


@blueprint.post("/invoices/<path:invoice_ref>/actions", responses={201: ActionAnswer, **problems(400, 404, 415)})
@requires(FORECASTS_MAKE, scoped=True)
def add_action(path: InvoicePath, body: ActionBody) -> Response:
    """Note a reminder, a call or a promise to pay; the next run of predictions knows it."""
    session = db.session()
    view = queries.invoice_view(session, path.invoice_ref)
    draft = service.ActionDraft(body.kind, body.day, body.promised_on, body.note)
    row = service.add_action(session, view.invoice, draft, signed_in_user().email)
    return answer(ActionAnswer.model_validate(row), 201)


@blueprint.delete("/invoices/<path:invoice_ref>/actions/<int:action_id>", responses={204: None, **problems(404)})
@requires(FORECASTS_MAKE, scoped=True)
def delete_action(path: ActionPath) -> Response:
    """Take back what was noted by mistake."""
    session = db.session()
    service.delete_action(session, queries.invoice_view(session, path.invoice_ref).invoice, path.action_id)
    return Response(status=204)


@blueprint.get("/next-orders", responses={200: NextOrderList, **problems(404, 409)})
@requires(SALES_READ)
def list_next_orders(query: NextOrderQuery) -> Response:
    """List when customers order next, the most money at stake first."""

    def fetch(part: NextOrderQuery) -> NextOrderList:
        wanted = next_orders.OrderFilter(part.q, part.stage, part.segment, part.region, part.overdue)
        page = next_orders.list_next_orders(db.session(), wanted, limit=part.limit, below=part.cursor)
        items = [next_order_answer(view) for view in page.items]
        return NextOrderList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/customers/<path:customer>/next-order", responses={200: NextOrderAnswer, **problems(404, 409)})
@requires(SALES_READ)
def show_next_order(path: CustomerPath) -> Response:
    """Read when a customer orders next, how much, and of what."""
    session = db.session()
    customer = get_customer(session, path.customer)
    return answer(next_order_answer(next_orders.OrderView(next_orders.next_order_of(session, customer), customer)))


def next_order_answer(view: next_orders.OrderView) -> NextOrderAnswer:
    names = {"customer_code": view.customer.code, "customer_name": view.customer.name}
    fields = [name for name in NextOrderAnswer.model_fields if name not in names]
    return NextOrderAnswer.model_validate({**names, **{name: getattr(view.row, name) for name in fields}})
