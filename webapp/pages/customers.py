"""The customers: found by code or name, and corrected."""

from __future__ import annotations

from flask import Blueprint

from ml.db.catalog import Customer
from ml.etl.datasets import CUSTOMERS
from webapp.pages.catalog import Catalog, add_pages
from webapp.pages.receivables import about_customer
from webapp.queries.customers import list_customers
from webapp.schemas.catalog import CustomerBody, NewCustomer

CATALOG = Catalog(
    entity=Customer,
    dataset=CUSTOMERS,
    code="customer_code",
    new_body=NewCustomer,
    body=CustomerBody,
    listing=lambda session, q, below: list_customers(session, q, after=None if below is None else (below,)),
    columns=("segment", "region", "territory", "area", "payment_terms_days", "credit_limit"),
    one="customer",
    icon="customer",
    about=about_customer,
    about_template="receivables/_customer.html",
)

blueprint = Blueprint("customers", __name__)
add_pages(blueprint, CATALOG)
