"""The pages that show sales and forecasts: overview and series."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from flask import Flask
from flask.testing import FlaskClient
from made_once import once
from openpyxl import load_workbook
from sqlalchemy.orm import Session
from statements import statements
from web_fixtures import ClientFor

from ml.artifacts import ArtifactStore
from ml.db.catalog import Product, Series
from ml.db.drivers import Event
from ml.db.insights import Anomaly
from ml.db.results import ForecastResult, ModelVersion
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def viewer(browser: ClientFor) -> FlaskClient:
    return browser("viewer")


@pytest.fixture
def sales(session: Session) -> Session:
    """15 months of sales, January 2022 to March 2023, and no model."""
    load_sales(session, monthly_sales(15))
    return session


@pytest.fixture
def forecasts(session: Session, store: ArtifactStore) -> Session:
    """The same with a published forecast by the naive model, which is quick."""
    once(session, store, make_forecasts)
    return session


def make_forecasts(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(15))
    publish_forecast(session, store)


def publish_forecast(session: Session, store: ArtifactStore) -> None:
    train(session, store, candidates=["seasonal_naive"])
    session.commit()
    forecast(session, store)
    session.commit()


def chart(page: str) -> dict[str, Any]:
    """The data that the chart's script would read."""
    block = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    return dict(json.loads(block[1]))


def test_overview_without_sales_says_how_to_begin(browser: ClientFor) -> None:
    assert "Import your first sales file" in browser("planner").get("/").text
    assert "Ask a planner" in browser("viewer").get("/").text


def test_overview_shows_sales_while_there_is_no_forecast(sales: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/").text
    assert "Sales in Mar 2023" in page
    assert "No forecast has been published yet." in page
    assert chart(page)["bands"] == []


def test_overview_shows_forecast_model_and_breakdowns(forecasts: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/").text
    data = chart(page)
    assert data["labels"][0] == "Jan 2022"
    assert data["labels"][-1] == "Mar 2024"
    assert [band["level"] for band in data["bands"]] == [95, 80, 50]
    assert "Seasonal naive" in page
    assert 'href="/series?region=North"' in page
    assert 'href="/series?category=Paint"' in page


def test_series_shows_chart_and_the_table_beside_it(forecasts: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/series?region=North").text
    assert "<h1>North</h1>" in page
    months = re.findall(r'<th scope="row" class="nowrap">(\w{3} 202[34])</th>', page)
    assert months[:12] == chart(page)["labels"][-12:]
    assert 'href="/series?region=North&amp;territory=N1"' in page


def test_breadcrumbs_lead_up_in_both_directions(forecasts: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/series?area=Ayton&category=Tools").text
    assert "<h1>Ayton · Tools</h1>" in page
    for way_up in ("region=North&amp;category=Tools", "region=North&amp;territory=N1&amp;area=Ayton"):
        assert f'href="/series?{way_up}"' in page


def test_what_has_no_forecast_of_its_own_is_called_approximate(
    session: Session, store: ArtifactStore, viewer: FlaskClient
) -> None:
    load_sales(session, (replace(sale, product=f"P-{sale.day:%m}") for sale in monthly_sales(15)))
    publish_forecast(session, store)  # of area and category: no product sells long enough
    assert "Approximate." not in viewer.get("/series?region=North").text
    assert "Approximate." in viewer.get("/series?region=North&product=P-01").text


def test_too_little_history_is_said_instead_of_a_forecast(session: Session, viewer: FlaskClient) -> None:
    load_sales(session, monthly_sales(2))
    page = viewer.get("/series").text
    assert "not enough history: 2 of 3 months" in page.lower()
    assert chart(page)["history"] == pytest.approx(chart(page)["history"])
    assert chart(page)["forecast"] == [None, None]


def test_drill_down_by_a_dimension_of_the_url(forecasts: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/series?region=North&by=product").text
    assert 'href="/series?region=North&amp;category=Tools&amp;product=P-1"' in page
    assert 'aria-current="true">Product</a>' in page


def test_an_unknown_name_is_not_found(sales: Session, viewer: FlaskClient) -> None:
    answer = viewer.get("/series?region=Atlantis")
    assert answer.status_code == 404
    assert "Atlantis" in answer.text


def test_download_has_history_and_forecast(forecasts: Session, viewer: FlaskClient) -> None:
    answer = viewer.get("/series.csv?region=South")
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert [row["kind"] for row in rows] == ["actual"] * 15 + ["forecast"] * 12
    assert {row["region"] for row in rows} == {"South"}
    assert rows[15]["month"] == f"{date(2023, 4, 1):%Y-%m}"
    assert float(rows[15]["p10"]) <= float(rows[15]["p90"])


def test_search_is_a_page_and_a_list_while_typing(sales: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/series/search?q=ay").text
    assert "<html" in page
    fragment = viewer.get("/series/search?q=ay", headers=FRAGMENT).text
    assert "<html" not in fragment
    assert 'href="/series?region=North&amp;territory=N1&amp;area=Ayton"' in fragment
    assert "Nothing is called" in viewer.get("/series/search?q=zzz", headers=FRAGMENT).text


def test_names_from_files_are_shown_as_text_only(session: Session, viewer: FlaskClient) -> None:
    name = "</script><script>alert(1)</script>"
    load_sales(session, (replace(sale, region=name) for sale in monthly_sales(4)))
    for path in ("/", "/series", f"/series?region={name}"):
        assert "<script>alert" not in viewer.get(path).text


def test_a_model_without_errors_by_level_is_shown(forecasts: Session, viewer: FlaskClient) -> None:
    model = forecasts.scalars(sa.select(ModelVersion)).one()
    model.metrics = {name: value for name, value in model.metrics.items() if name != "levels"}
    forecasts.commit()
    assert "Model in charge" in viewer.get("/").text
    assert "In charge: Seasonal naive" in viewer.get("/models").text


def test_models_page_shows_scores_beside_the_floor(forecasts: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/models").text
    assert "In charge: Seasonal naive" in page
    assert "the floor" in page or "serves" in page


def test_a_product_is_headed_by_its_name_with_the_code_beside_it(sales: Session, viewer: FlaskClient) -> None:
    sales.execute(sa.update(Product).where(Product.code == "P-1").values(name="Claw hammer"))
    sales.commit()
    page = viewer.get("/series?product=P-1").text
    assert '<h1>Claw hammer <small class="code">P-1</small></h1>' in page
    assert "<title>Claw hammer" in page
    assert '<span aria-current="true">Claw hammer</span>' in page
    found = viewer.get("/series/search?q=claw", headers=FRAGMENT).text
    assert 'Claw hammer <small class="code">P-1</small>' in found


def test_a_found_place_says_where_it_lies(sales: Session, viewer: FlaskClient) -> None:
    assert "area in N1" in viewer.get("/series/search?q=ayton", headers=FRAGMENT).text


def test_anomalies_and_events_are_marked_in_the_chart_and_listed(forecasts: Session, viewer: FlaskClient) -> None:
    north = forecasts.scalars(
        sa.select(Series.id).where(Series.region == "North", Series.location_level == "region",
                                   Series.product_level == "total")
    ).one()  # fmt: skip
    facts = {"grain": "monthly", "value": 9000.0, "usual": 100.0, "score": 9.0, "reason": "ninety times the usual"}
    forecasts.add(Anomaly(series_id=north, period=date(2022, 6, 1), kind="spike", **facts))
    days = {"starts_on": date(2023, 5, 10), "ends_on": date(2023, 5, 20)}
    for number, (region, name) in enumerate((("North", "Spring sale"), ("South", "Other sale"), ("", "Everywhere"))):
        forecasts.add(Event(key=bytes([number] * 16), kind="promotion", name=name, region=region, **days))
    forecasts.commit()
    page = viewer.get("/series?region=North").text
    data = chart(page)
    assert [(data["labels"][mark["at"]], mark["kind"], mark["text"]) for mark in data["marks"]] == [
        ("Jun 2022", "spike", "Ninety times the usual"),
        ("May 2023", "event", "Promotion Spring sale"),
        ("May 2023", "event", "Promotion Everywhere"),
    ]
    assert "Marked in the chart" in page
    assert "Other sale" not in page
    assert "Marked in the chart" in viewer.get("/series").text  # what is everywhere


def test_what_was_said_earlier_is_shown_when_asked_for(
    sales: Session, store: ArtifactStore, viewer: FlaskClient
) -> None:
    publish_forecast(sales, store)
    assert "What was said earlier" not in viewer.get("/series?region=North").text
    load_sales(sales, (sale for sale in monthly_sales(17) if sale.day >= date(2023, 4, 1)))
    forecast(sales, store)
    sales.commit()
    page = viewer.get("/series?region=North").text
    assert "What was said earlier" in page
    assert chart(page)["lines"] == []
    page = viewer.get("/series?region=North&earlier=1").text
    (line,) = chart(page)["lines"]
    assert (line["name"], line["kind"]) == ("As of Mar 2023", "earlier")
    begun = chart(page)["labels"].index("Apr 2023")
    assert line["values"][begun - 1] is None
    assert line["values"][begun] > 0
    assert '<th scope="col" class="number">As of Mar 2023</th>' in page


def test_what_people_made_of_the_forecast_is_a_line_of_its_own(
    forecasts: Session, viewer: FlaskClient, browser: ClientFor
) -> None:
    form = {"kind": "percent", "reason": "promotion", "v-2023-05-01": "50"}
    browser("planner").post("/overrides/new?region=North", data=form)
    data = chart(viewer.get("/series?region=North").text)
    (line,) = data["lines"]
    may = data["labels"].index("May 2023")
    assert (line["name"], line["kind"]) == ("Final", "final")
    assert line["values"][may] == pytest.approx(1.5 * data["forecast"][may], abs=0.02)
    assert line["values"][may + 1] == data["forecast"][may + 1]


def test_less_of_the_past_is_shown_when_the_address_says_so(forecasts: Session, viewer: FlaskClient) -> None:
    data = chart(viewer.get("/series?past=12").text)
    assert (data["labels"][0], data["last"]) == ("Apr 2022", 11)
    assert chart(viewer.get("/series?past=13").text)["labels"][0] == "Jan 2022"  # no such choice


def test_the_workbook_holds_what_the_csv_file_holds(forecasts: Session, viewer: FlaskClient) -> None:
    answer = viewer.get("/series.xlsx?region=South")
    sheet = load_workbook(io.BytesIO(answer.get_data())).active
    rows = list(sheet.iter_rows(values_only=True))
    text = viewer.get("/series.csv?region=South").get_data().decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    assert list(rows[0]) == lines[0]
    assert len(rows) == len(lines) == 28
    assert [float(row[3]) for row in rows[1:16]] == [float(line[3]) for line in lines[1:16]]


def test_growth_and_the_accuracy_of_what_was_issued_are_told(
    sales: Session, store: ArtifactStore, viewer: FlaskClient
) -> None:
    publish_forecast(sales, store)
    page = viewer.get("/series?region=North").text
    assert "No period that was forecast is over yet." in page
    assert "over the next 12 months, on the same months a year before" in page
    north = sa.select(Series.id).where(Series.region == "North", Series.location_level == "region",
                                       Series.product_level == "total")  # fmt: skip
    rows = sales.scalars(sa.select(ForecastResult).where(ForecastResult.series_id.in_(north)).limit(2)).all()
    for row, share in zip(rows, (0.8, 1.0), strict=True):
        row.mean, row.actual, row.p10, row.p90 = 100.0, 100.0 * share, 90.0, 110.0
    sales.commit()
    page = " ".join(viewer.get("/series?region=North").text.split())
    assert "2 forecasts of 2 months that are over, as they were issued: off by 11.1% of what was sold" in page
    assert "too high by 11.1%; the 80% bands held 50%." in page


def test_sales_are_taken_apart_when_asked_for(forecasts: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/series?region=North").text
    assert 'href="/series?parts=1&amp;region=North#parts-title"' in page
    page = viewer.get("/series?region=North&parts=1").text
    assert "Trend, season and the rest" in page
    assert page.count('class="part-plot"') >= 2
    table = page[page.index("The figures") :]
    assert table.index("Mar 2023") < table.index("Jan 2022")


def test_the_number_of_queries_does_not_grow(app: Flask, forecasts: Session, viewer: FlaskClient) -> None:
    north = forecasts.scalars(
        sa.select(Series.id).where(Series.region == "North", Series.location_level == "region",
                                   Series.product_level == "total")
    ).one()  # fmt: skip
    path = "/series?region=North&earlier=1&parts=1"
    viewer.get(path)
    with statements(app) as few:
        viewer.get(path)
    facts = {"grain": "monthly", "value": 9000.0, "usual": 100.0, "score": 9.0, "reason": "much"}
    for month in range(1, 13):
        forecasts.add(Anomaly(series_id=north, period=date(2022, month, 1), kind="spike", **facts))
        days = {"starts_on": date(2022, month, 10), "ends_on": date(2022, month, 20)}
        forecasts.add(Event(key=bytes([month] * 16), kind="promotion", name=f"Sale {month}", **days))
    forecasts.commit()
    with statements(app) as many:
        page = viewer.get(path).text
    assert len(chart(page)["marks"]) == 24
    assert len(few) == len(many) <= 45
