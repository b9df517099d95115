"""The demo company's stock fits its sales, and can be imported as it is written."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import pandas as pd
import pytest

from ml.demo import generate
from ml.demo.inventory import Inventory, draw_inventory, warehouse
from ml.etl.datasets import DATASETS
from ml.inventory.calendars import read_calendar


@pytest.fixture(scope="module")
def drawn() -> tuple[Inventory, pd.DataFrame]:
    demo = generate(rows=20_000, end=date(2025, 12, 31), months=14)
    return draw_inventory(7, demo.company, demo.sales), demo.sales


def test_every_column_is_a_field_of_its_data_set_and_what_is_required_is_there(
    drawn: tuple[Inventory, pd.DataFrame],
) -> None:
    for name in (field.name for field in fields(Inventory)):
        frame, dataset = getattr(drawn[0], name), DATASETS[name]
        assert set(frame.columns) <= set(dataset.by_name)
        required = [field.name for field in dataset.fields if field.required]
        assert frame[required].notna().all(axis=None), name
        assert not frame.duplicated(list(dataset.key)).any(), name


def test_every_item_that_sold_is_counted_where_it_sold_and_in_the_warehouse(
    drawn: tuple[Inventory, pd.DataFrame],
) -> None:
    made, sales = drawn
    counted = set(made.stock[["area", "product_code"]].itertuples(index=False, name=None))
    assert set(sales[["area", "product_code"]].itertuples(index=False, name=None)) <= counted
    houses = {(warehouse(region), code) for region, code in zip(sales["region"], sales["product_code"], strict=True)}
    assert houses <= counted
    assert (made.stock["day"] == sales["sale_date"].max()).all()


def test_open_orders_are_young_and_received_ones_took_about_the_lead_time(
    drawn: tuple[Inventory, pd.DataFrame],
) -> None:
    made, sales = drawn
    orders, last = made.purchase_orders, sales["sale_date"].max()
    is_open = orders["status"] == "open"
    assert 0 < is_open.sum() < 0.3 * len(orders)
    assert orders.loc[is_open, "received_on"].isna().all()
    assert (orders.loc[~is_open, "received_on"] <= last).all()
    assert ((last - orders.loc[is_open, "ordered_on"]).dt.days <= 60).all()
    terms = made.suppliers.set_index("supplier")["lead_time_days"]
    done = orders[~is_open]
    took = (done["received_on"] - done["ordered_on"]).dt.days
    assert took.mean() == pytest.approx(done["supplier"].map(terms).mean(), rel=0.1)


def test_calendars_can_be_read_and_one_is_missing(drawn: tuple[Inventory, pd.DataFrame]) -> None:
    rows = drawn[0].suppliers.itertuples(index=False)
    calendars = [read_calendar(row.order_days, row.delivery_days, row.closed_days) for row in rows]
    assert sum(calendar is None for calendar in calendars) == 1


def test_the_same_seed_gives_the_same_stock(drawn: tuple[Inventory, pd.DataFrame]) -> None:
    demo = generate(rows=20_000, end=date(2025, 12, 31), months=14)
    pd.testing.assert_frame_equal(draw_inventory(7, demo.company, demo.sales).stock, drawn[0].stock)
