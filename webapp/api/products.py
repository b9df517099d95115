"""Products: listed, read, written one by one."""

from __future__ import annotations

from flask import Response, url_for
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.etl.datasets import PRODUCTS
from webapp.api.answers import problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires
from webapp.auth.permissions import CATALOG_WRITE, SALES_READ
from webapp.extensions import db
from webapp.queries.products import get_product, list_products
from webapp.schemas.base import encode_sorted
from webapp.schemas.catalog import (
    NewProduct,
    ProductAnswer,
    ProductBody,
    ProductList,
    ProductPath,
    ProductQuery,
    values,
)
from webapp.services import catalog as service

blueprint = api_blueprint("products", "/products")


@blueprint.get("", responses={200: ProductList})
@requires(SALES_READ)
def list_all(query: ProductQuery) -> Response:
    """List products, newest first unless `sort` says otherwise."""

    def fetch(part: ProductQuery) -> ProductList:
        page = list_products(db.session(), **part.model_dump(exclude={"cursor"}), after=part.after)
        items = [ProductAnswer.model_validate(row) for row in page.items]
        return ProductList(items=items, next_cursor=encode_sorted(part.sort, page.next_after))

    return listing(query, fetch)


@blueprint.get("/<path:product>", responses={200: ProductAnswer, 304: None, **problems(404, 409)})
@requires(SALES_READ)
def show_product(path: ProductPath) -> Response:
    """Read a product by its id or its code; 409 where that is the id of one and the code of another."""
    return tagged(ProductAnswer.model_validate(get_product(db.session(), path.product)))


@blueprint.post("", responses={201: ProductAnswer, **problems(400, 409, 415)})
@requires(CATALOG_WRITE)
def create_product(body: NewProduct) -> Response:  # type: ignore[valid-type]
    """Add a product; 409 where the code exists."""
    given = values(body, PRODUCTS)
    row = service.create(db.session(), Product, given.pop("code"), given)
    location = url_for("api_products.show_product", product=row.id)
    return tagged(ProductAnswer.model_validate(row), 201, Location=location)


@blueprint.put("/<path:product>", responses={200: ProductAnswer, **problems(400, 404, 409, 412, 415)})
@requires(CATALOG_WRITE)
def replace_product(path: ProductPath, body: ProductBody) -> Response:  # type: ignore[valid-type]
    """Replace all that is known of a product but its code; what is left out is emptied."""
    session = db.session()
    row = product_to_change(session, path)
    service.replace(session, row, values(body, PRODUCTS))
    return tagged(ProductAnswer.model_validate(row))


@blueprint.delete("/<path:product>", responses={204: None, **problems(404, 409, 412)})
@requires(CATALOG_WRITE)
def delete_product(path: ProductPath) -> Response:
    """Delete a product; 409 where sales or other records refer to it."""
    session = db.session()
    service.delete(session, product_to_change(session, path))
    return Response(status=204)


def product_to_change(session: Session, path: ProductPath) -> Product:
    """The product as the caller's `If-Match` knows it."""
    hold(session, Product)
    row = get_product(session, path.product)
    check_unchanged(ProductAnswer.model_validate(row))
    return row
