"""Accuracy: errors of issued forecasts over time, by horizon and by group, with a heat map of numbers."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from made_profiles import AS_OF, a_cell, a_profile
from sqlalchemy.orm import Session
from statements import statements
from web_fixtures import ClientFor

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
APRIL = date(2024, 4, 1)


@pytest.fixture
def viewer(browser: ClientFor) -> FlaskClient:
    return browser("viewer")


@pytest.fixture
def cells(session: Session) -> Session:
    """A fifth too high in the east, half too low in the west, two months ahead worse than one."""
    session.add_all(
        [
            a_cell(),
            a_cell(horizon=2, forecast=140.0, error=40.0, inside=0),
            a_cell(period=APRIL, forecast=110.0, error=10.0),
            a_cell(region="West", forecast=50.0, error=50.0, inside=0),
            a_cell(location_level="total", region="", forecast=103.0, error=3.0),
            a_profile(region="West", missed=50.0, wape=0.5, bias=-0.5),
        ]
    )
    session.commit()
    return session


def heat(page: str) -> dict[str, list[tuple[str, str]]]:
    """Shades and numbers of the heat map's last two periods, by group."""
    table = page[page.index("heat-title") :]
    table = table[: table.index("</table>")]
    rows = re.findall(r'<tr><th scope="row" class="nowrap">([^<]*)</th>(.*?)</tr>', table, re.DOTALL)
    return {name: re.findall(r'heat-(\d)">([^<]*)<', cells)[-2:] for name, cells in rows}


def test_before_any_forecast_month_is_over_it_says_what_to_wait_for(viewer: FlaskClient) -> None:
    page = viewer.get("/accuracy").text
    assert "No forecast has been tested yet" in page
    assert "Look at the models" in page


def test_figures_are_sums_and_not_means_of_shares(cells: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/accuracy").text
    assert '<p class="figure-value">30.0%</p>' in page  # 120 of 400
    assert '<p class="figure-value">5.0%</p>' in page  # 420 were forecast
    assert '<p class="figure-value">50%</p>' in page


def test_the_heat_map_has_numbers_and_shades(cells: Session, viewer: FlaskClient) -> None:
    found = heat(viewer.get("/accuracy").text)
    assert found == {"East": [("1", "10%"), ("2", "30%")], "West": [("0", "–"), ("4", "50%")]}
    assert heat(viewer.get("/accuracy?measure=bias").text)["West"][-1] == ("4", "\N{MINUS SIGN}50%")
    assert heat(viewer.get("/accuracy?measure=coverage").text)["West"][-1] == ("4", "0%")


def test_the_url_says_level_and_names(cells: Session, viewer: FlaskClient) -> None:
    assert '<p class="figure-value">3.0%</p>' in viewer.get("/accuracy?level=total/total").text
    east = viewer.get("/accuracy?region=East").text
    assert "West" not in heat(east)
    assert "No forecast is like that" in viewer.get("/accuracy?region=Nowhere").text


def test_worst_offenders_lead_to_their_series(cells: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/accuracy").text
    worst = page[page.index("Worst offenders") :]
    assert 'href="/series?region=West"' in worst
    assert "sort=missed" in worst


def test_htmx_gets_the_results_alone(cells: Session, viewer: FlaskClient) -> None:
    answer = viewer.get("/accuracy?measure=bias", headers=FRAGMENT).text
    assert answer.lstrip().startswith('<div id="accuracy"')
    assert "<form" not in answer


def test_queries_do_not_grow_with_rows(app: Flask, cells: Session, viewer: FlaskClient) -> None:
    viewer.get("/accuracy")
    with statements(app) as few:
        viewer.get("/accuracy")
    for number in range(40):
        cells.add(a_cell(region=f"R{number}", period=AS_OF))
        cells.add(a_profile(region=f"R{number}", missed=1.0 * number))
    cells.commit()
    with statements(app) as many:
        viewer.get("/accuracy")
    assert len(many) <= len(few) <= 12
