"""Projections, plans, orders by supplier and advice in words."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.errors import ConfigurationError, DataError
from ml.inventory import projection as projections
from ml.inventory.advice import recommend, recommendation
from ml.inventory.demand import Demand
from ml.inventory.grouping import apply_orders, group_orders
from ml.inventory.plan import Inputs, Plan, make_plan
from ml.inventory.projection import days_of_cover, project
from ml.inventory.rules import WARNINGS, Alarms, Rules
from ml.inventory.stock import Receipts, Stock
from ml.inventory.suppliers import Calendar, Supplier, measure_lead_times

MONDAY = date(2026, 11, 23)
WEEKDAYS = Calendar("1111100", "1111100")


def demand_of(*daily: float, days: int = 60, sd: float = 1.0) -> Demand:
    """The same demand each day, per item."""
    mean = np.repeat(np.array(daily)[:, None], days, axis=1)
    return Demand(mean, np.where(mean > 0, sd, 0.0), 0.0)


def stock_of(*on_hand: float, **known: list[float]) -> Stock:
    """Items A, B, … of the supplier 0, delivered in 5 days at a cost of 10, unless `known` says otherwise."""
    count = len(on_hand)
    usual = {"cost": [10.0] * count, "price": [15.0] * count, "lead": [5.0] * count, "supplier": [0] * count}
    given = {name: np.array(values) for name, values in {**usual, **known}.items()}
    return Stock.of([chr(65 + i) for i in range(count)], np.array(on_hand), **given)


def inputs_of(stock: Stock, demand: Demand, rules: Rules | None = None, **other) -> Inputs:
    """One rule for all items, one supplier with a calendar of every day."""
    usual = {"receipts": Receipts.none(), "suppliers": (Supplier("Acme", Calendar()),), "today": MONDAY}
    rule = np.zeros(len(stock), dtype=np.int64)
    return Inputs(stock=stock, demand=demand, rules=[rules or Rules()], rule=rule, **{**usual, **other})


def test_stock_falls_by_demand_until_it_is_gone() -> None:
    receipts = Receipts(np.array([0]), np.array([4]), np.array([20.0]))
    found = project(stock_of(30, 5), demand_of(10, 0, days=8, sd=0.0), receipts)
    np.testing.assert_allclose(found.p50[0], [20, 10, 0, 0, 10, 0, 0, 0], atol=1e-3)
    np.testing.assert_allclose(found.p50[1], 5)
    assert found.out_day.tolist() == [3, -1]
    assert found.lost[0] == pytest.approx(30, abs=0.01)
    assert found.cover[0] == 3
    assert np.isinf(found.cover[1])


def test_lost_sales_count_until_the_day_that_was_asked_for() -> None:
    found = project(stock_of(30), demand_of(10, days=8, sd=0.0), Receipts.none(), lost_before=np.array([5.0]))
    assert found.lost[0] == pytest.approx(20, abs=0.01)


def test_much_demand_runs_out_earlier() -> None:
    found = project(stock_of(100), demand_of(10, days=20, sd=6.0), Receipts.none())
    assert (found.p10 <= found.p50).all()
    assert (found.p50 <= found.p90).all()
    assert 0 <= found.out_early[0] < found.out_day[0]


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_projected_stock_is_conserved_and_never_negative(seed: int) -> None:
    """On the middle path: on hand + receipts − demand + lost = what is left."""
    random = np.random.default_rng(seed)
    items, days = 4, 30
    mean = random.gamma(0.5, 10, (items, days))
    demand = Demand.from_quantiles(mean, mean * 0.5, mean * 1.7)
    receipts = Receipts(random.integers(0, items, 6), random.integers(-3, days + 5, 6), random.uniform(0, 50, 6))
    stock = stock_of(*random.uniform(0, 100, items), reserved=random.uniform(0, 60, items).tolist())
    found = project(stock, demand, receipts)
    path = np.diff(demand.sums().quantile(0.5), axis=1, prepend=0.0)
    for item in range(items):
        left = float(stock.available[item])
        arriving = receipts.by_day(item, item + 1, days)[0]
        for day in range(days):
            left = max(left + arriving[day] - max(path[item, day], 0.0), 0.0)
            assert found.p50[item, day] == pytest.approx(left, rel=1e-3, abs=0.05)
    assert (found.p10 >= 0).all()


def test_items_in_several_chunks_are_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stock, demand = stock_of(30, 5, 80), demand_of(10, 1, 4)
    receipts = Receipts(np.array([2]), np.array([1]), np.array([9.0]))
    whole = project(stock, demand, receipts)
    monkeypatch.setattr(projections, "CHUNK", 2)
    for name, values in vars(project(stock, demand, receipts)).items():
        np.testing.assert_array_equal(values, getattr(whole, name))


def test_days_of_cover_count_parts_and_reach_beyond_the_forecast() -> None:
    mean = np.array([[10.0, 20.0, 10.0]] * 4)
    demand = Demand(mean, mean)
    np.testing.assert_allclose(days_of_cover(np.array([5.0, 20.0, 40.0, 80.0]), demand), [0.5, 1.5, 3, 6])
    assert np.isinf(days_of_cover(np.array([5.0]), demand_of(0, days=3))[0])


def test_what_is_certain_neither_repeats_beyond_the_forecast_nor_is_it_missed_there() -> None:
    """A job of 500 on day 85 and one of 70 on day 100, of goods that take 117 days, a unit of which sells a day."""
    jobs = np.zeros((1, 101))
    jobs[0, [85, 100]] = 500, 70
    found = make_plan(inputs_of(stock_of(0, lead=[110.0]), demand_of(1, days=90).with_known(jobs)))
    assert found.timing.cover[0] == 117
    assert found.expected[0] == pytest.approx(117 + 570)
    assert days_of_cover(np.array([600.0]), demand_of(1, days=90).with_known(jobs))[0] == pytest.approx(100)


def test_goods_that_only_a_late_job_wants_are_ordered_in_time() -> None:
    jobs = np.zeros((1, 101))
    jobs[0, 100] = 70
    found = make_plan(inputs_of(stock_of(0, lead=[110.0]), demand_of(0, days=90).with_known(jobs)))
    assert found.quantity[0] == 70


def test_alerts_excess_and_dead_stock() -> None:
    stock = stock_of(15, 60, 500, 40, idle=[0.0, 0, 0, 400])
    found = project(stock, demand_of(10, 10, 1, 0, sd=0.1), Receipts.none(), alarms=Alarms(excess_days=90))
    assert found.alert.tolist() == [2, 1, 0, 0]
    assert found.excess[2] == pytest.approx(500 - 90, abs=3)
    assert found.excess_value[2] == pytest.approx(10 * found.excess[2])
    assert found.dead.tolist() == [False, False, False, True]
    assert found.excess[3] == 40


def test_booked_orders_are_the_least_demand() -> None:
    booked = np.zeros((1, 60))
    booked[0, 3] = 100.0
    found = project(stock_of(150), demand_of(10, sd=0.0), Receipts.none(), booked=booked)
    np.testing.assert_allclose(found.p50[0, :5], [140, 130, 120, 50, 50], atol=1e-3)


def test_a_periodic_review_orders_up_to_its_quantile() -> None:
    """12 days to cover (7 + 5), 10 ± 1 a day; on hand and on order count, what is reserved does not."""
    receipts = Receipts(np.array([0, 0]), np.array([3, 30]), np.array([15.0, 99.0]))
    stock = stock_of(30, reserved=[8.0], pack=[12.0])
    plan = make_plan(inputs_of(stock, demand_of(10), Rules(target=0.95), receipts=receipts))
    assert plan.position[0] == 30 - 8 + 15
    assert plan.up_to[0] == pytest.approx(120 + 1.645 * np.sqrt(12), abs=0.2)
    assert plan.quantity[0] == 96
    assert plan.value[0] == 960


@pytest.mark.parametrize(
    ("rules", "reorder", "up_to"),
    [
        (Rules("simple", safety_factor=1.2), 144, 144),
        (Rules("min_max", least=40, most=90), 40, 90),
        (Rules("reorder"), 125.7, 195.7),  # a review's demand above the reorder point
        (Rules("eoq", order_cost=20, holding_rate=0.365), 125.7, 325.7),  # √(2 · 20 · 10 / 0.01) = 200
        (Rules("review", service="fill", target=0.98), 120.1, 120.1),
        (Rules("review", service="cost", holding_rate=0.365, shortage_cost=0.63), 124.4, 124.4),  # ratio 0.9
        (Rules("newsvendor"), 118.5, 118.5),  # 5 of 15: below what is expected
    ],
)
def test_levels_of_each_kind_of_rule(rules: Rules, reorder: float, up_to: float) -> None:
    plan = make_plan(inputs_of(stock_of(0), demand_of(10), rules))
    assert plan.reorder[0] == pytest.approx(reorder, abs=0.4)
    assert plan.up_to[0] == pytest.approx(up_to, abs=0.4)
    assert plan.quantity[0] == np.ceil(plan.up_to[0])


def test_an_uncertain_lead_time_asks_for_more() -> None:
    sure, unsure = (
        make_plan(inputs_of(stock_of(0, lead_spread=[spread]), demand_of(10))).up_to[0] for spread in (0.0, 3.0)
    )
    assert unsure > sure + 30


def test_perishable_goods_are_not_ordered_beyond_their_life() -> None:
    found = make_plan(inputs_of(stock_of(20, 20, shelf_life=[3.0, np.nan]), demand_of(10, 10), Rules()))
    assert found.quantity[0] == 60  # 8 days' demand less what is there
    assert found.quantity[1] > 100


def test_small_changes_keep_the_advice_of_yesterday() -> None:
    previous = np.array([95.0, 40.0, 0.0, np.nan, 115.0])
    stock, demand = stock_of(25, 25, 120, 25, 5), demand_of(*[10] * 5)
    plan = make_plan(inputs_of(stock, demand, previous=previous))
    assert plan.kept.tolist() == [True, False, True, False, False]
    assert plan.quantity[0] == 95 < plan.fresh[0]
    assert plan.quantity[2] == 0 < plan.fresh[2]
    assert plan.quantity[4] == plan.fresh[4] > 115, "urgent rows never get less"


def test_calendars_move_orders_and_deliveries() -> None:
    """Saturday's order goes out on Monday, and what would arrive on Saturday comes on Monday."""
    saturday = date(2026, 11, 28)
    plan = make_plan(inputs_of(stock_of(0), demand_of(10), suppliers=(Supplier("Acme", WEEKDAYS),), today=saturday))
    assert (plan.timing.order[0], plan.timing.arrival[0], plan.timing.cover[0]) == (2, 9, 16)
    assert Calendar(closed=(date(2026, 12, 25),)).next_order(date(2026, 12, 25)) == date(2026, 12, 26)
    with pytest.raises(ConfigurationError, match="expected a digit per weekday"):
        Calendar(orders="0000000")


def test_flawed_rows_carry_named_warnings_and_are_planned() -> None:
    stock = stock_of(
        -5, 20, 20, 20, 20, cost=[10, np.nan, 10, 10, 10], lead=[5, 5, np.nan, 5, 5], supplier=[0, 0, 0, 1, -1]
    )
    suppliers = (Supplier("Acme", Calendar()), Supplier("Bolt"))
    inputs = inputs_of(stock, demand_of(10, 10, 10, 0, 10), suppliers=suppliers)
    plan = make_plan(inputs)
    warned = {item.item: set(item.warnings) for item in (recommendation(row, plan, inputs) for row in range(5))}
    assert warned == {
        "A": {"negative-stock"},
        "B": {"missing-price"},
        "C": {"unknown-lead-time"},
        "D": {"zero-demand", "supplier-without-calendar"},
        "E": {"no-supplier"},
    }
    assert set().union(*warned.values()) == set(WARNINGS)
    assert (plan.quantity[[0, 1, 2, 4]] > 0).all()
    assert plan.quantity[3] == 0
    assert plan.position[0] == 0
    assert plan.timing.arrival[2] == 14
    assert "The stock is -5" in recommendation(0, plan, inputs).warnings["negative-stock"]


def test_advice_in_words_the_most_pressing_first() -> None:
    inputs = inputs_of(stock_of(60, 15, 500, pack=[50.0, 1, 1]), demand_of(10, 10, 10))
    found = list(recommend(make_plan(inputs), inputs))
    assert [item.item for item in found] == ["B", "A"]
    assert [item.alert for item in found] == ["urgent", "warning"]
    first, second = found
    assert first.out_on == date(2026, 11, 24)
    assert first.lost == pytest.approx(105, abs=1)
    assert "15 units are on hand" in first.reason
    assert "likely runs out on 2026-11-24" in first.otherwise
    assert (first.order_on, first.arrives_on, first.supplier) == (MONDAY, date(2026, 11, 28), "Acme")
    assert first.cost == first.quantity * 10
    assert "packs and the least order make it 100" in second.reason


def test_advice_that_stays_says_so() -> None:
    inputs = inputs_of(stock_of(25), demand_of(10), previous=np.array([95.0]))
    found = next(recommend(make_plan(inputs), inputs))
    assert found.kept
    assert f"Today's numbers alone say {found.fresh:,.0f}" in found.reason


def test_orders_are_filled_up_where_that_makes_freight_free() -> None:
    """A is worth 1,060 and spoils; of the others B is needed next and brings the order to 1,200 in packs of 5."""
    stock = stock_of(20, 140, 200, pack=[1.0, 5, 5], shelf_life=[30.0, np.nan, np.nan])
    demand = demand_of(10, 10, 10)
    supplier = Supplier("Acme", Calendar(), free_from=1200.0)
    inputs = inputs_of(stock, demand, suppliers=(supplier,))
    plan = make_plan(inputs)
    order = group_orders(plan, inputs.suppliers)[0]
    assert order.rows.tolist() == [0, 1]
    assert order.added[1] > 0
    assert order.added[1] % 5 == 0
    assert 1200 <= order.value < 1250
    assert order.missing == 0
    far = group_orders(plan, (replace(supplier, free_from=5000.0),))[0]
    assert far.added.sum() == 0
    assert far.missing == pytest.approx(5000 - far.value)


@pytest.fixture
def small() -> Inputs:
    """A is ordered for 1,060 and spoils, B and C last for a while; nothing is urgent."""
    stock = stock_of(35, 170, 300, pack=[1.0, 5, 5], shelf_life=[60.0, np.nan, np.nan])
    return inputs_of(stock, demand_of(10, 10, 10), suppliers=(Supplier("Acme", WEEKDAYS),))


def ordered(inputs: Inputs, minimum: float) -> tuple[Plan, dict[int, str]]:
    plan = make_plan(inputs)
    return apply_orders(plan, group_orders(plan, (replace(inputs.suppliers[0], minimum=minimum),)), inputs.today)


def test_an_order_below_the_minimum_is_filled_up_with_what_is_needed_next(small: Inputs) -> None:
    alone = make_plan(small)
    least = float(alone.quantity[0]) * 10 + 400
    plan, notes = ordered(small, least)
    assert (plan.quantity[0], plan.quantity[2]) == (alone.quantity[0], 0)
    assert least <= (plan.quantity * 10).sum() < least + 50
    np.testing.assert_array_equal(plan.timing.order, alone.timing.order)
    assert "40 of them are ordered ahead: Acme takes no order below" in notes[1]
    assert 0 not in notes


def test_one_that_cannot_be_filled_up_is_put_off_with_the_reason(small: Inputs) -> None:
    plan, notes = ordered(small, 9_000.0)
    assert plan.quantity[0] > 0
    assert plan.timing.order[0] == 7, "the next Monday"
    assert plan.timing.arrival[0] == 14, "five days on it is Saturday"
    assert plan.timing.order[1] == 0
    assert "Put off to 2026-11-30: Acme takes no order below 9,000, this one is worth" in notes[0]


def test_what_is_urgent_is_not_put_off(small: Inputs) -> None:
    pressed = replace(small, stock=replace(small.stock, on_hand=np.array([5.0, 170, 300])))
    plan, notes = ordered(pressed, 9_000.0)
    assert (plan.quantity * 10).sum() >= 9_000, "filled up by more days than usual"
    assert plan.timing.order[0] == 0
    plan, notes = ordered(pressed, 90_000.0)
    assert plan.timing.order[0] == 0
    assert "ask for an exception" in notes[0]


def test_an_order_whose_value_is_not_known_is_not_put_off(small: Inputs) -> None:
    unknown = replace(small, stock=replace(small.stock, cost=np.array([np.nan, 10.0, 10.0])))
    plan, notes = ordered(unknown, 9_000.0)
    assert plan.timing.order[0] == 0
    assert notes == {}


def test_measured_lead_times_of_products_or_else_of_their_supplier() -> None:
    found = measure_lead_times(
        product=np.array([0, 0, 0, 1, 1]),
        supplier=np.array([0, 0, 0, 0, 0]),
        days=np.array([4.0, 6.0, 8.0, 12.0, np.nan]),
        of=np.array([0, 1, 2, 3]),
        by=np.array([0, 0, 0, 1]),
    )
    np.testing.assert_allclose(found.mean, [6, 7.5, 7.5, np.nan])
    np.testing.assert_allclose(found.spread[:2], [2, np.std([4, 6, 8, 12], ddof=1)])
    assert found.orders.tolist() == [3, 4, 4, 0]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kind": "kanban"}, "kind is 'kanban'"),
        ({"target": 95}, "target is 95; expected a share"),
        ({"review_days": 0}, "review_days is 0"),
        ({"kind": "min_max", "least": 9, "most": 4}, "most is 4; expected at least 9"),
        ({"traget": 0.9}, "a rule has 'traget'"),
    ],
)
def test_rules_are_strict(values: dict, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Rules.from_dict(values)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [("ml.inventory.rules", ("numpy", "pandas")), ("ml.inventory.advice", ("pandas", "lightgbm", "sklearn"))],
)
def test_light_parts_load_no_heavy_libraries(module: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {unwanted!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_rows_must_match() -> None:
    with pytest.raises(DataError, match="demand has 2 rows; expected 1"):
        inputs_of(stock_of(1), demand_of(1, 1))
    with pytest.raises(DataError, match="cost has 1 rows; expected 2"):
        Stock.of(["A", "B"], np.zeros(2), cost=np.ones(1))
