"""The demo company: that it is as large as it claims, and that what it claims about itself is in its sales."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.demo import Demo, command, generate, write_csv
from ml.etl import mapping


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate()


@pytest.fixture(scope="module")
def daily(demo: Demo) -> pd.DataFrame:
    """Order lines a day and product, with zeros; index is the day, columns are product codes."""
    sales = demo.sales.assign(product_code=demo.sales["product_code"].astype(str))
    counts = sales.groupby(["sale_date", "product_code"]).size().unstack(fill_value=0)
    return counts.reindex(pd.date_range("2023-11-01", "2026-10-31"), fill_value=0)


def write(tmp_path: Path, name: str, **arguments: int) -> bytes:
    write_csv(tmp_path / name, generate(rows=5_000, **arguments).sales)
    return (tmp_path / name).read_bytes()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path, "one.csv", seed=7) == write(tmp_path, "two.csv", seed=7)


def test_another_seed_gives_other_sales(tmp_path: Path) -> None:
    assert write(tmp_path, "one.csv", seed=7) != write(tmp_path, "two.csv", seed=8)


def test_the_company_does_not_depend_on_how_much_it_sells() -> None:
    small, large = generate(rows=5_000), generate(rows=50_000)
    pd.testing.assert_frame_equal(small.company.customers, large.company.customers)
    pd.testing.assert_frame_equal(small.company.products, large.company.products)
    pd.testing.assert_frame_equal(small.market.stockouts, large.market.stockouts)
    assert len(large.sales) == pytest.approx(50_000, rel=0.02)


def test_has_the_sizes_it_claims(demo: Demo) -> None:
    distinct = demo.sales.nunique()
    sizes = {"region": 4, "territory": 12, "area": 40, "product_code": 60, "category": 8, "channel": 3}
    assert {name: distinct[name] for name in sizes} == sizes
    assert distinct["customer_code"] == 300
    assert len(demo.sales) == pytest.approx(300_000, rel=0.01)


def test_every_name_means_one_thing(demo: Demo) -> None:
    company = demo.company
    for names in (company.areas["area"], company.products["product_name"], company.customers["customer_name"]):
        assert names.is_unique
    by_customer = demo.sales.groupby("customer_code", observed=True)
    assert by_customer[["area", "channel"]].nunique().max().max() == 1


def test_covers_whole_months(demo: Demo) -> None:
    assert demo.sales["sale_date"].min() == pd.Timestamp("2023-11-01")
    assert demo.sales["sale_date"].max() == pd.Timestamp("2026-10-31")


def test_other_periods_end_with_their_month() -> None:
    sales = generate(rows=20_000, end=date(2025, 2, 3), months=14).sales
    assert sales["sale_date"].min() == pd.Timestamp("2024-01-01")
    assert sales["sale_date"].max() == pd.Timestamp("2025-02-28")


def test_an_order_has_one_day_and_one_customer(demo: Demo) -> None:
    orders = demo.sales.groupby("order_ref", observed=True)
    assert orders[["sale_date", "customer_code"]].nunique().max().max() == 1


def test_sells_most_on_fridays_and_next_to_nothing_on_sundays_and_holidays(demo: Demo, daily: pd.DataFrame) -> None:
    total = daily.sum(axis=1)
    holidays = total.index.isin(demo.market.holidays["day"])
    by_weekday = total[~holidays].groupby(total[~holidays].index.weekday).mean()
    assert by_weekday.idxmax() == 4
    assert by_weekday[4] / by_weekday[2] == pytest.approx(1.30, rel=0.05)
    assert by_weekday[6] / by_weekday[2] == pytest.approx(0.12, rel=0.15)
    assert total[holidays].max() < 0.2 * total.mean()


@pytest.mark.parametrize(
    ("category", "high", "low"), [("Garden", 5, 11), ("Winter Goods", 1, 7), ("Beverages", 7, 1), ("Stationery", 9, 3)]
)
def test_each_category_has_its_season(demo: Demo, category: str, high: int, low: int) -> None:
    sales = demo.sales[demo.sales["category"] == category]
    by_month = sales.groupby(sales["sale_date"].dt.month).size()
    assert by_month[high] > 1.2 * by_month[low]


def test_the_south_grows_and_the_west_shrinks(demo: Demo) -> None:
    year = (demo.sales["sale_date"] - pd.Timestamp("2023-11-01")).dt.days // 366
    lines = demo.sales.groupby([year, "region"], observed=True).size().unstack()
    assert lines.loc[2, "South"] > 1.1 * lines.loc[0, "South"]
    assert lines.loc[2, "West"] < lines.loc[0, "West"]


def test_nothing_is_sold_during_a_stockout(demo: Demo) -> None:
    sold = demo.sales[["area", "product_code", "sale_date"]].astype({"area": str, "product_code": str})
    met = sold.merge(demo.market.stockouts, on=["area", "product_code"])
    assert not met["sale_date"].between(met["start"], met["end"]).any()


def test_stockouts_interrupt_products_that_do_sell(demo: Demo, daily: pd.DataFrame) -> None:
    everywhere = demo.market.stockouts.groupby(["product_code", "start", "end"]).size()
    failures = everywhere[everywhere >= 40].index
    assert len(failures) == 8
    for code, start, end in failures:
        assert daily.loc[start:end, code].sum() == 0
        assert daily[code].mean() > 0.5


def test_launched_products_start_late_and_discontinued_ones_end_early(demo: Demo, daily: pd.DataFrame) -> None:
    products = demo.company.products.set_index("product_code")
    launched, discontinued = products["launched"].dropna(), products["discontinued"].dropna()
    assert (len(launched), len(discontinued)) == (6, 4)
    for code, day in launched.items():
        assert daily.loc[: day - pd.Timedelta(days=1), code].sum() == 0
        assert daily.loc[day:, code].sum() > 0
    for code, day in discontinued.items():
        assert daily.loc[day:, code].sum() == 0
        assert daily.loc[:day, code].sum() > 0


def test_promotions_sell_more_and_are_followed_by_a_dip(demo: Demo, daily: pd.DataFrame) -> None:
    during, usual, after = [], [], []
    for code, start, end, discount in demo.market.promotions.itertuples(index=False):
        if discount < 0.2:
            continue
        day = pd.Timedelta(days=1)
        during.append(daily.loc[start:end, code].mean())
        after.append(daily.loc[end + day : end + 10 * day, code].mean())
        usual.append(daily.loc[start - 14 * day : start - day, code].mean())
    assert np.nanmean(during) > 1.5 * np.nanmean(usual)
    assert np.nanmean(after) < 0.95 * np.nanmean(usual)


def test_amounts_follow_from_list_price_discount_and_channel(demo: Demo) -> None:
    """The vectorised prices against a plain look-up, on a sample of the lines."""
    prices, promotions = demo.market.prices, demo.market.promotions
    channels = {"Retail": 1.0, "Wholesale": 0.88, "Online": 1.04}
    for line in demo.sales.sample(200, random_state=1).itertuples():
        known = prices[(prices["product_code"] == line.product_code) & (prices["valid_from"] <= line.sale_date)]
        running = promotions[
            (promotions["product_code"] == line.product_code)
            & (promotions["start"] <= line.sale_date)
            & (promotions["end"] >= line.sale_date)
        ]
        discount = running["discount"].iloc[0] if len(running) else 0.0
        unit = round(
            known.sort_values("valid_from")["list_price"].iloc[-1] * channels[line.channel] * (1 - discount), 2
        )
        assert line.sales_amount == pytest.approx(unit * line.sales_qty, abs=0.011 * line.sales_qty)


def test_list_prices_change_over_time(demo: Demo) -> None:
    changes = demo.market.prices.groupby("product_code").size()
    assert changes.min() >= 1
    assert changes.mean() > 3


def test_the_file_needs_no_help_to_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "demo.csv"
    written = write_csv(path, generate(rows=2_000).sales)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == written
    guessed = mapping.guess(list(rows[0]), rows[:50])
    assert guessed == {field.name: field.name for field in mapping.FIELDS if field.name != "line_ref"}


def test_the_command_writes_as_much_as_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "demo.csv"
    assert command.main(["--out", str(path), "--rows", "2000", "--months", "12"]) == 0
    lines = len(path.read_text().splitlines()) - 1
    assert lines == pytest.approx(2_000, rel=0.1)
    assert capsys.readouterr().out == f"{path}: {lines} order lines\n"


def test_the_last_months_go_into_a_file_of_their_own(tmp_path: Path) -> None:
    whole, early, late = (tmp_path / f"{name}.csv" for name in ("whole", "early", "late"))
    size = ["--rows", "2000", "--months", "12"]
    command.main(["--out", str(whole), *size])
    command.main(["--out", str(early), "--late", str(late), *size])
    before, after = early.read_text().splitlines(), late.read_text().splitlines()
    assert before + after[1:] == whole.read_text().splitlines()
    assert before[-1] < "2026-08-01" <= after[1]
