"""Products: listed, read, written one by one."""

from __future__ import annotations

from flask import Response, url_for

from ml.db.catalog import Product
from ml.etl.datasets import PRODUCTS
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires
from webapp.auth.permissions import CATALOG_WRITE, SALES_READ
from webapp.extensions import db
from webapp.queries.products import get_product, list_products
from webapp.schemas.base import encode_cursor
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
    """List products, newest first."""
    parts = query.model_dump(exclude={"cursor"})
    page = list_products(db.session(), **parts, below=query.cursor)
    items = [ProductAnswer.model_validate(row) for row in page.items]
    return answer(ProductList(items=items, next_cursor=encode_cursor(page.next_below)))


@blueprint.get("/<path:product>", responses={200: ProductAnswer, **problems(404, 409)})
@requires(SALES_READ)
def show_product(path: ProductPath) -> Response:
    """Read a product by its id or its code; 409 where that is the id of one and the code of another."""
    return answer(ProductAnswer.model_validate(get_product(db.session(), path.product)))


@blueprint.post("", responses={201: ProductAnswer, **problems(400, 409, 415)})
@requires(CATALOG_WRITE)
def create_product(body: NewProduct) -> Response:  # type: ignore[valid-type]
    """Add a product; 409 where the code exists."""
    given = values(body, PRODUCTS)
    row = service.create(db.session(), Product, given.pop("code"), given)
    location = url_for("api_products.show_product", product=row.id)
    return answer(ProductAnswer.model_validate(row), 201, Location=location)


@blueprint.put("/<path:product>", responses={200: ProductAnswer, **problems(400, 404, 409, 415)})
@requires(CATALOG_WRITE)
def replace_product(path: ProductPath, body: ProductBody) -> Response:  # type: ignore[valid-type]
    """Replace all that is known of a product but its code; what is left out is emptied."""
    session = db.session()
    row = get_product(session, path.product)
    service.replace(session, row, values(body, PRODUCTS))
    return answer(ProductAnswer.model_validate(row))


@blueprint.delete("/<path:product>", responses={204: None, **problems(404, 409)})
@requires(CATALOG_WRITE)
def delete_product(path: ProductPath) -> Response:
    """Delete a product; 409 where sales or other records refer to it."""
    session = db.session()
    service.delete(session, get_product(session, path.product))
    return Response(status=204)
