"""Restock: from forecasts, stock and orders to a plan and advice that outlives it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales
from made_forecasts import publish
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.catalog import Product, Series
from ml.db.inventory import JobOrder, Place, PurchaseOrder, StockLevel, Supplier, SupplierProduct
from ml.db.keys import hash_key
from ml.db.restock import PlanRun, Recommendation, StockPlan, StockPolicy
from ml.db.results import ForecastResult
from ml.errors import DataError
from ml.pipelines.restock import restock

LAST = date(2024, 6, 30)
COUNTED = {"Ayton": 40.0, "Beeford": 5_000.0}


@pytest.fixture
def sold(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Two areas that sell a unit a day for 2 each, and a forecast of ten units a day; items are stored one by one."""
    monkeypatch.setattr("ml.pipelines.restock.CHUNK", 1)
    days = [LAST - timedelta(days=back) for back in range(180)]
    load_sales(session, [Sale(day, 2.0, area=area) for day in days for area in COUNTED])
    publish(session, date(2024, 6, 1), 6)
    session.execute(sa.update(ForecastResult).values(mean=620.0, p10=500.0, p50=620.0, p90=740.0))
    session.execute(sa.update(Product).values(price=3.0, cost=2.0, supplier="Mill"))
    session.execute(sa.update(Series).values(last_sale=LAST))
    session.commit()
    return session


def count(session: Session, area: str, units: float, day: date = LAST, **more: float) -> None:
    product = session.scalars(sa.select(Product.id)).one()
    key = hash_key("level", area, day)
    session.add(StockLevel(key=key, day=day, area=area, product_id=product, on_hand=units, **more))
    session.commit()


def order(session: Session, area: str, units: float, **more: object) -> None:
    product = session.scalars(sa.select(Product.id)).one()
    number = session.scalar(sa.select(sa.func.count()).select_from(PurchaseOrder))
    values = {"ordered_on": LAST, "supplier": "Mill", "order_ref": f"PO-{number}", **more}
    session.add(
        PurchaseOrder(key=hash_key("order", number), area=area, product_id=product, qty_ordered=units, **values)
    )
    session.commit()


def plans(session: Session) -> dict[str, StockPlan]:
    run = session.scalar(sa.select(PlanRun.id).where(PlanRun.slot == "stock"))
    return {row.area: row for row in session.scalars(sa.select(StockPlan).where(StockPlan.run_id == run))}


def advice(session: Session) -> Iterator[Recommendation]:
    session.expire_all()
    return iter(session.scalars(sa.select(Recommendation).order_by(Recommendation.id)).all())


def replan(session: Session) -> None:
    restock(session)
    session.commit()


def test_what_runs_out_is_ordered_and_what_lasts_is_not(sold: Session) -> None:
    for area, units in COUNTED.items():
        count(sold, area, units)
    result = restock(sold)
    sold.commit()
    short, enough = (plans(sold)[area] for area in COUNTED)
    assert result.today == date(2024, 7, 1)
    assert (result.items, result.orders, result.urgent) == (2, 1, 0)
    # 620 in currency for July, of which a unit (one sold for 2) takes 2: 10 a day
    assert short.daily == pytest.approx(10.0, rel=0.05)
    assert short.cover_days == pytest.approx(4.0, abs=0.8)
    assert short.alert == 1
    assert short.out_on == date(2024, 7, 1) + timedelta(days=int(short.cover_days or 0))
    assert short.projection["p50"][0] == pytest.approx(40.0 - short.projection["demand"][0], abs=4)
    assert enough.quantity == 0
    assert enough.excess == pytest.approx(5_000 - 900, rel=0.1)
    assert enough.excess_value == pytest.approx(2 * enough.excess, rel=0.01)
    (only,) = advice(sold)
    assert (only.area, only.supplier, only.state, only.region) == ("Ayton", "Mill", "proposed", "North")
    # 14 days of lead time are assumed, 7 to the next review: 21 days of 10, and safety, less 40 on hand
    assert 170 < only.quantity < 260
    assert only.value == pytest.approx(2 * only.quantity)
    assert "unknown-lead-time" in short.warnings
    assert "supplier-without-calendar" in short.warnings


def test_orders_jobs_reservations_and_sales_since_the_count_are_netted(sold: Session) -> None:
    count(sold, "Ayton", 300.0, LAST - timedelta(days=3), reserved=20.0)
    count(sold, "Beeford", 300.0)
    order(sold, "Ayton", 100.0, expected_on=LAST + timedelta(days=5))
    order(sold, "Ayton", 60.0, received_on=LAST, qty_received=60.0)
    order(sold, "Ayton", 500.0, status="cancelled")
    product = sold.scalars(sa.select(Product.id)).one()
    needed = {"order_ref": "J", "area": "Beeford", "product_id": product, "qty": 40.0}
    sold.add(JobOrder(key=hash_key("j"), needed_on=date(2024, 7, 3), **needed))
    replan(sold)
    moved, consumed = plans(sold)["Ayton"], plans(sold)["Beeford"]
    assert moved.on_hand == 300 - 3 + 60  # a unit a day was sold, 60 came in
    assert (moved.reserved, moved.on_order) == (20, 100)
    assert moved.position == pytest.approx(357 - 20 + 100)
    assert moved.projection["receipts"][4] == 100
    assert sum(consumed.projection["receipts"]) == 0
    assert consumed.projection["demand"][2] == pytest.approx(consumed.projection["demand"][1] + 40, rel=0.5)


def test_advice_is_kept_edited_dismissed_and_gone(sold: Session) -> None:
    count(sold, "Ayton", 40.0)
    count(sold, "Beeford", 30.0)
    replan(sold)
    first, second = advice(sold)
    first.state, first.quantity, first.comment = "edited", 77.0, "a truck holds as much"
    second.state, second.slot, second.decided_at = "dismissed", None, utc_now()
    sold.commit()
    replan(sold)
    first, second = advice(sold)
    assert (first.state, first.quantity, first.run_id) == ("edited", 77.0, 2)
    assert first.advised > 100
    assert first.value == 154
    assert second.state == "dismissed"

    first.state, first.quantity = "proposed", first.advised
    sold.execute(sa.update(StockLevel).values(on_hand=9_000.0))
    sold.commit()
    replan(sold)
    assert [row.state for row in advice(sold)] == ["gone", "dismissed"]
    assert all(row.slot is None for row in advice(sold))


def test_small_changes_do_not_move_yesterdays_advice(sold: Session) -> None:
    count(sold, "Ayton", 100.0)
    replan(sold)
    (before,) = [row.quantity for row in advice(sold)]
    sold.execute(sa.update(StockLevel).values(on_hand=95.0))
    sold.commit()
    replan(sold)
    (after,) = advice(sold)
    assert (after.quantity, after.kept, after.version) == (before, True, 1)
    assert after.fresh == before + 5
    assert "the advice stays" in after.reason


def test_a_warehouse_shares_out_what_it_has(sold: Session) -> None:
    sold.add(Place(key=hash_key("w"), name="Store", region="North"))
    for area in COUNTED:
        sold.add(Place(key=hash_key(area), name=area, supplied_by="Store", transfer_days=2.0))
        count(sold, area, 10.0)
    count(sold, "Store", 90.0)
    replan(sold)
    by_area = {row.area: row for row in advice(sold)}
    assert {row.kind for area, row in by_area.items() if area != "Store"} == {"transfer"}
    assert by_area["Store"].kind == "order"
    assert by_area["Ayton"].quantity + by_area["Beeford"].quantity == 90
    assert "to share out fairly" in by_area["Ayton"].reason
    whole = plans(sold)["Store"]
    assert whole.on_hand == 90
    assert whole.position == 110  # with what lies in the areas
    assert whole.daily == pytest.approx(20.0, rel=0.05)
    assert whole.region == "North"


def test_a_warehouse_is_judged_by_what_it_supplies_and_by_what_lies_there(sold: Session) -> None:
    """It never sold a unit itself, but its shops do; one of these holds too much, and customers have reserved 30."""
    sold.add(Place(key=hash_key("w"), name="Store"))
    for area, units in (("Ayton", 4_000.0), ("Beeford", 10.0)):
        sold.add(Place(key=hash_key(area), name=area, supplied_by="Store", transfer_days=2.0))
        count(sold, area, units)
    count(sold, "Store", 90.0, reserved=30.0)
    result = restock(sold)
    sold.commit()
    store, shop = plans(sold)["Store"], plans(sold)["Ayton"]
    assert (store.dead, store.idle_days, result.dead) == (False, 1, 0)
    assert shop.excess > 2_500
    assert store.excess == 0
    assert result.excess_value == pytest.approx(2 * shop.excess, rel=0.01)
    moved = next(row for row in advice(sold) if row.area == "Beeford")
    assert moved.quantity == 60
    sold.execute(sa.update(StockLevel).values(on_hand=4_000.0))
    sold.commit()
    replan(sold)
    assert plans(sold)["Store"].excess == 4_000 - 30


def test_a_transfer_leaves_its_giver_and_tells_nothing_of_suppliers(sold: Session) -> None:
    """The shop was counted before what came in, the warehouse as well; the mill takes 30 days, the warehouse 2."""
    sold.execute(sa.update(Product).values(supplier="", cost=None))
    sold.add(Place(key=hash_key("w"), name="Store"))
    sold.add(Place(key=hash_key("Ayton"), name="Ayton", supplied_by="Store", transfer_days=2.0))
    count(sold, "Store", 90.0, LAST - timedelta(days=20))
    count(sold, "Ayton", 40.0, LAST - timedelta(days=20))
    for back in (15, 12, 9):
        moved, came = LAST - timedelta(days=back), LAST - timedelta(days=back - 2)
        order(sold, "Ayton", 5.0, ordered_on=moved, received_on=came, supplier="Store", unit_cost=9.0)
    order(
        sold, "Store", 10.0, ordered_on=LAST - timedelta(days=60), received_on=LAST - timedelta(days=30), unit_cost=2.0
    )
    older = {"ordered_on": LAST - timedelta(days=99), "received_on": LAST - timedelta(days=69)}
    order(sold, "Store", 10.0, supplier="Old mill", unit_cost=3.0, **older)
    replan(sold)
    store, shop = plans(sold)["Store"], plans(sold)["Ayton"]
    assert shop.on_hand == 40 - 20 + 15
    assert store.on_hand == 90 - 15
    assert (store.supplier, store.unit_cost, store.lead_days) == ("Mill", 2.0, 30.0)


def test_terms_calendars_and_the_finest_rule_count(sold: Session) -> None:
    product = sold.scalars(sa.select(Product.id)).one()
    week = {"order_days": "Wed", "delivery_days": "Fri", "lead_time_days": 2.0}
    sold.add(Supplier(key=hash_key("Mill"), name="Mill", **week))
    terms = {"supplier": "Mill", "unit_cost": 1.5, "pack_size": 24.0, "minimum_qty": 96.0}
    sold.add(SupplierProduct(key=hash_key("t"), product_id=product, **terms))
    sold.add(StockPolicy(key=hash_key("a"), category="Tools", rules={"kind": "min_max", "least": 50, "most": 60}))
    sold.add(StockPolicy(key=hash_key("b"), product_id=product, area="Beeford", rules={"kind": "simple"}))
    for area in COUNTED:
        count(sold, area, 45.0)
    replan(sold)
    by_area = {row.area: row for row in advice(sold)}
    assert by_area["Ayton"].quantity == 96  # 15 are missing; the least is 96
    assert by_area["Ayton"].order_on == date(2024, 7, 3)
    assert by_area["Ayton"].arrives_on == date(2024, 7, 5)
    assert by_area["Ayton"].value == 144
    assert plans(sold)["Beeford"].rules["kind"] == "simple"
    assert plans(sold)["Ayton"].warnings == {}


def test_an_order_below_the_suppliers_minimum_is_put_off_and_says_so(sold: Session) -> None:
    week = {"order_days": "Wed", "delivery_days": "Fri", "lead_time_days": 2.0}
    sold.add(Supplier(key=hash_key("Mill"), name="Mill", minimum_order=1e6, **week))
    for area in COUNTED:
        count(sold, area, 180.0)
    replan(sold)
    for row in advice(sold):
        assert row.quantity > 0
        assert row.order_on == date(2024, 7, 10), "the Wednesday after this week's"
        assert row.arrives_on == date(2024, 7, 12)
        assert "Put off to 2024-07-10: Mill takes no order below 1,000,000" in row.reason


@pytest.mark.parametrize("missing", ["stock", "forecast"])
def test_without_stock_or_forecast_it_says_what_to_do(session: Session, missing: str) -> None:
    load_sales(session, [Sale(LAST, 2.0)])
    if missing == "stock":
        publish(session, date(2024, 6, 1), 1)
    else:
        count(session, "Ayton", 1.0)
    with pytest.raises(DataError, match="import"):
        restock(session)


def test_only_two_plans_are_kept(sold: Session) -> None:
    count(sold, "Ayton", 10.0)
    for _ in range(3):
        replan(sold)
    assert set(sold.scalars(sa.select(StockPlan.run_id))) == {2, 3}
    states = sold.scalars(sa.select(PlanRun.state).order_by(PlanRun.id)).all()
    assert states == ["superseded", "superseded", "published"]
