"""The products: found by code or name, and corrected."""

from __future__ import annotations

from flask import Blueprint

from ml.db.catalog import Product
from ml.etl.datasets import PRODUCTS
from webapp.pages.catalog import Catalog, add_pages
from webapp.queries.products import list_products
from webapp.schemas.catalog import NewProduct, ProductBody

CATALOG = Catalog(
    entity=Product,
    dataset=PRODUCTS,
    code="product_code",
    new_body=NewProduct,
    body=ProductBody,
    listing=lambda session, q, below: list_products(session, q, after=None if below is None else (below,)),
    columns=("category", "subcategory", "price", "cost", "supplier", "lead_time_days"),
    one="product",
    icon="product",
)

blueprint = Blueprint("products", __name__)
add_pages(blueprint, CATALOG)
