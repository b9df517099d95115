"""Customers: listed, read, written one by one."""

from __future__ import annotations

from flask import Response, url_for
from sqlalchemy.orm import Session

from ml.db.catalog import Customer
from ml.etl.datasets import CUSTOMERS
from webapp.api.answers import problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires
from webapp.auth.permissions import CATALOG_WRITE, SALES_READ
from webapp.extensions import db
from webapp.queries.customers import get_customer, list_customers
from webapp.schemas.base import encode_sorted
from webapp.schemas.catalog import (
    CustomerAnswer,
    CustomerBody,
    CustomerList,
    CustomerPath,
    CustomerQuery,
    NewCustomer,
    values,
)
from webapp.services import catalog as service

blueprint = api_blueprint("customers", "/customers")


@blueprint.get("", responses={200: CustomerList})
@requires(SALES_READ)
def list_all(query: CustomerQuery) -> Response:
    """List customers, newest first unless `sort` says otherwise."""

    def fetch(part: CustomerQuery) -> CustomerList:
        page = list_customers(db.session(), **part.model_dump(exclude={"cursor"}), after=part.after)
        items = [CustomerAnswer.model_validate(row) for row in page.items]
        return CustomerList(items=items, next_cursor=encode_sorted(part.sort, page.next_after))

    return listing(query, fetch)


@blueprint.get("/<path:customer>", responses={200: CustomerAnswer, 304: None, **problems(404, 409)})
@requires(SALES_READ)
def show_customer(path: CustomerPath) -> Response:
    """Read a customer by its id or its code; 409 where that is the id of one and the code of another."""
    return tagged(CustomerAnswer.model_validate(get_customer(db.session(), path.customer)))


@blueprint.post("", responses={201: CustomerAnswer, **problems(400, 409, 415)})
@requires(CATALOG_WRITE)
def create_customer(body: NewCustomer) -> Response:  # type: ignore[valid-type]
    """Add a customer; 409 where the code exists."""
    given = values(body, CUSTOMERS)
    row = service.create(db.session(), Customer, given.pop("code"), given)
    return tagged(
        CustomerAnswer.model_validate(row), 201, Location=url_for("api_customers.show_customer", customer=row.id)
    )


@blueprint.put("/<path:customer>", responses={200: CustomerAnswer, **problems(400, 404, 409, 412, 415)})
@requires(CATALOG_WRITE)
def replace_customer(path: CustomerPath, body: CustomerBody) -> Response:  # type: ignore[valid-type]
    """Replace all that is known of a customer but its code; what is left out is emptied."""
    session = db.session()
    row = customer_to_change(session, path)
    service.replace(session, row, values(body, CUSTOMERS))
    return tagged(CustomerAnswer.model_validate(row))


@blueprint.delete("/<path:customer>", responses={204: None, **problems(404, 409, 412)})
@requires(CATALOG_WRITE)
def delete_customer(path: CustomerPath) -> Response:
    """Delete a customer; 409 where sales or other records refer to it."""
    session = db.session()
    service.delete(session, customer_to_change(session, path))
    return Response(status=204)


def customer_to_change(session: Session, path: CustomerPath) -> Customer:
    """The customer as the caller's `If-Match` knows it."""
    hold(session, Customer)
    row = get_customer(session, path.customer)
    check_unchanged(CustomerAnswer.model_validate(row))
    return row
