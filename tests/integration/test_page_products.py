"""The pages of products and customers: searched, added, corrected, deleted."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from web_fixtures import ClientFor, Rows

from ml.db.catalog import Customer, Product

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def planner(browser: ClientFor) -> FlaskClient:
    return browser("planner")


@pytest.fixture
def pen(planner: FlaskClient, rows: Rows) -> int:
    """The id of a product that was added on the page."""
    answer = planner.post("/products/new", data={"code": "P-1", "name": "Fountain pen", "price": "12,5"})
    assert answer.status_code == 303, answer.text
    return rows.last(Product).id


def test_a_product_is_added_and_found_while_typing(planner: FlaskClient, pen: int) -> None:
    assert "Fountain pen" in planner.get("/products").text
    found = planner.get("/products?q=FOUNT", headers=FRAGMENT).text
    assert "12.50" in found
    assert "<html" not in found
    assert "Nothing found" in planner.get("/products?q=brush").text


def test_a_product_is_corrected_and_its_code_stays(planner: FlaskClient, rows: Rows, pen: int) -> None:
    page = planner.get(f"/products/{pen}").text
    assert 'value="12.5"' in page
    planner.post(f"/products/{pen}", data={"code": "P-9", "name": "Pen", "cost": "4"})
    product = rows.get(Product, pen)
    assert (product.code, product.name, product.cost, product.price) == ("P-1", "Pen", 4, None)


def test_what_is_wrong_is_said_beside_the_field(planner: FlaskClient, rows: Rows, pen: int) -> None:
    wrong = planner.post(f"/products/{pen}", data={"price": "cheap"})
    assert wrong.status_code == 422
    assert 'id="price-error"' in wrong.text
    assert 'value="cheap"' in wrong.text
    again = planner.post("/products/new", data={"code": "P-1"})
    assert again.status_code == 422
    assert 'id="code-error"' in again.text
    assert planner.post("/products/new", data={"name": "no code"}).status_code == 422
    assert rows.count(Product) == 1


def test_customers_have_the_same_pages(planner: FlaskClient, rows: Rows) -> None:
    assert planner.post("/customers/new", data={"code": "C-1", "name": "Acorn", "segment": "Retail"}).status_code == 303
    customer = rows.last(Customer)
    assert "Acorn" in planner.get("/customers?q=c-1").text
    assert planner.post(f"/customers/{customer.id}/delete").status_code == 303
    assert rows.count(Customer) == 0
    assert planner.get(f"/customers/{customer.id}").status_code == 404


def test_a_viewer_looks_and_changes_nothing(browser: ClientFor, pen: int) -> None:
    viewer = browser("viewer")
    page = viewer.get(f"/products/{pen}").text
    assert "Fountain pen" in page
    assert "Save</button>" not in page
    for path in (f"/products/{pen}", f"/products/{pen}/delete", "/products/new", "/customers/new"):
        assert viewer.post(path).status_code == 403
