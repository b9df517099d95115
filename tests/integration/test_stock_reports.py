"""Reports of the stock plan: written, kept, and the workbook that comes back with changes."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales
from flask.testing import FlaskClient
from made_forecasts import publish
from openpyxl import Workbook, load_workbook
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, Rows

from ml.artifacts import ArtifactStore
from ml.db.catalog import Product
from ml.db.inventory import PurchaseOrder, StockLevel
from ml.db.keys import hash_key
from ml.db.restock import Recommendation, StockReport
from ml.db.results import ForecastResult
from ml.errors import DataError
from ml.pipelines.restock import restock
from ml.pipelines.restock_report import report_stock
from ml.reports.stock_edits import read_edits

LAST = date(2024, 6, 30)
AREAS = ("Ayton", "Beeford", "Corby", "Derwent")
NAME = "=HYPERLINK(1)<b>"


@pytest.fixture
def book(app: object, sessions: sessionmaker[Session]) -> Workbook:
    """The workbook of a plan that orders for four areas."""
    with sessions() as session:
        days = [LAST - timedelta(days=back) for back in range(60)]
        load_sales(session, [Sale(day, 2.0, area=area) for day in days for area in AREAS])
        publish(session, date(2024, 6, 1), 4)
        session.execute(sa.update(ForecastResult).values(mean=620.0, p10=500.0, p50=620.0, p90=740.0))
        session.execute(sa.update(Product).values(cost=2.0, price=3.0, supplier="Mill & <Co>", name=NAME))
        product = session.scalars(sa.select(Product.id)).one()
        for area in AREAS:
            key = hash_key("level", area)
            session.add(StockLevel(key=key, day=LAST, area=area, product_id=product, on_hand=8.0))
        restock(session)
        report = report_stock(session, store_of(app))
        session.commit()
        return load_workbook(io.BytesIO(store_of(app).get(report.files["xlsx"])))


def store_of(app: Any) -> ArtifactStore:
    with app.app_context():
        from webapp.extensions import artifact_store  # noqa: PLC0415

        return artifact_store()


@pytest.fixture
def page(book: Workbook, browser: ClientFor) -> FlaskClient:
    return browser("planner")


def send(page: FlaskClient, book: Workbook) -> Any:
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return page.post("/stock/reports/upload", data={"file": (file, "stock.xlsx")})


def set_cells(book: Workbook, row: int, **values: object) -> None:
    header = [cell.value for cell in book["Orders"][1]]
    for name, value in values.items():
        book["Orders"].cell(row, header.index(name.replace("_", " ")) + 1, value)


def test_the_workbook_holds_summary_orders_projection_and_a_chart(book: Workbook) -> None:
    assert book.sheetnames == ["Summary", "Urgent", "Orders", "By supplier", "Projection"]
    assert len(book["Orders"]["A"]) == 1 + len(AREAS)
    assert len(book["Summary"]._charts) == 1  # type: ignore[attr-defined]
    assert {cell.value for cell in book["Orders"]["F"][1:]} == {f"'{NAME}"}, "no formula"
    assert all(cell.data_type != "f" for row in book["Orders"].iter_rows() for cell in row)
    assert book["By supplier"]["A2"].value == "Mill & <Co>"
    assert len(book["Projection"]["A"]) == 1 + 2 * len(AREAS)


def test_the_page_stands_alone_and_shows_names_as_text(page: FlaskClient) -> None:
    listed = page.get("/stock/reports").text
    assert "stock-2024-07-01.html" in listed
    shown = page.get("/stock/reports/1")
    assert shown.headers["Content-Disposition"].startswith("attachment")
    assert "Mill &amp; &lt;Co&gt;" in shown.text
    assert "<b>" not in shown.text
    assert "@page" in shown.text
    assert "http" not in shown.text, "nothing is loaded from elsewhere"
    assert page.get("/stock/reports/99").status_code == 404


def test_reports_of_the_same_plan_are_replaced(book: Workbook, app: Any, sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        report_stock(session, store_of(app))
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(StockReport)) == 2


def test_changes_of_the_workbook_become_edits_and_decisions(page: FlaskClient, book: Workbook, rows: Rows) -> None:
    ids = [cell.value for cell in book["Orders"]["A"][1:]]
    set_cells(book, 2, Quantity=55, Order_on=datetime(2024, 7, 9), Comment="a full truck")
    set_cells(book, 3, Decision="Accept")
    set_cells(book, 4, Decision="dismiss", Comment="sold out")
    answer = send(page, book)
    assert "1 changed, 1 accepted as 1 purchase order, 1 dismissed, 1 left" in answer.text
    found = [rows.get(Recommendation, number) for number in ids]
    assert [row.state for row in found] == ["edited", "accepted", "dismissed", "proposed"]
    assert (found[0].quantity, found[0].order_on, found[0].comment) == (55, date(2024, 7, 9), "a full truck")
    assert rows.last(PurchaseOrder).qty_ordered == found[1].quantity


def test_bad_cells_and_conflicts_are_told_by_cell_and_the_rest_is_applied(
    page: FlaskClient, book: Workbook, rows: Rows
) -> None:
    ids = [cell.value for cell in book["Orders"]["A"][1:]]
    rows.change(Recommendation, ids[1], version=2, quantity=70.0)
    rows.change(Recommendation, ids[3], version=2, quantity=71.0)
    set_cells(book, 2, Quantity="many")
    set_cells(book, 3, Decision="accept")
    set_cells(book, 4, Quantity=44)
    text = send(page, book).text
    assert "G2" in text
    assert "is no quantity" in text
    assert "B3" in text
    assert "says 70 units" in text
    assert "1 changed, 0 accepted" in text
    states = [rows.get(Recommendation, number).state for number in ids]
    assert states == ["proposed", "proposed", "edited", "proposed"], "what nobody changed is no conflict"


def test_a_workbook_puts_nothing_off_for_ever(page: FlaskClient, book: Workbook, rows: Rows) -> None:
    set_cells(book, 2, Order_on=datetime(9999, 12, 31))
    assert "expected a day until" in send(page, book).text
    assert rows.get(Recommendation, book["Orders"]["A2"].value).state == "proposed"


@pytest.mark.parametrize("content", [b"no workbook", b"PK\x03\x04 broken"])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="no Excel workbook"):
        read_edits(io.BytesIO(content))


def test_another_workbook_is_refused() -> None:
    file = io.BytesIO()
    Workbook().save(file)
    with pytest.raises(DataError, match="no sheet 'Orders'"):
        read_edits(file)
