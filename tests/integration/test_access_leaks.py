"""Whatever is read, and however it is asked for: a limited caller is shown nothing of another region."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest
import sqlalchemy as sa
from access_table import ACCESS
from factories import Sale, load_sales
from flask import Flask
from flask.testing import FlaskClient
from made_receivables import Place, make_receivables
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, MakeApp, Rows
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.catalog import Series
from ml.db.imports import Import
from ml.etl.templates import FORMATS
from ml.grains import MONTHLY
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from webapp.auth.permissions import PERMISSIONS
from webapp.models import Role, User

HOME, ABROAD = "Homeland", "Farawayland"
API = "/api/"
NAMES = (ABROAD, "Farterritory", "Fararea", "Farshop")
MONTHS = 14
SALES = tuple(f"{thousands}{n:03}" for thousands in (777, 888) for n in range(MONTHS))
"""What is sold abroad in each month, at home it is some tens."""
OWED = Place(ABROAD, "Farshop", 666_000.0)
FIGURES = (*SALES, *(f"{OWED.amount(number):.0f}" for number in (1, 3, 5)))
"""These, and what customers abroad are invoiced; at home it is some hundreds."""

SHOW_PLACES = {
    "api_insights.list_anomalies GET",
    "api_insights.show_decomposition GET",
    "api_insights.show_factors GET",
    "api_insights.show_series_outlook GET",
    "api_sales.daily_sales GET",
    "api_sales.list_sales GET",
    "api_sales.monthly_sales GET",
    "api_sales.weekly_sales GET",
    "api_receivables.list_next_orders GET",
    "api_receivables.list_predictions GET",
    "api_receivables.show_next_order GET",
    "api_series.list_forecasts GET",
    "api_series.list_series GET",
    "api_series.show_facets GET",
    "api_series.show_series GET",
    "api_shortcuts.product_forecast GET",
    "explore.index GET",
    "next_orders.index GET",
    "overview.show GET",
    "receivables.index GET",
    "receivables.invoice GET",
    "series.find GET",
    "series.show GET",
}
"""Routes on which unlimited callers see other regions without asking for one: a walk that finds none there is blind."""
REFUSED = {401, 403, 429}
"""What would hide whether an answer leaks."""

SHAPES = {
    True: (
        ("", {}),
        ("", {"Accept": "text/csv"}),
        ("", {"Accept": "application/x-ndjson"}),
        ("by=series", {}),
        ("q=Far", {}),
        ("product_id=P-1", {}),
        (f"region={ABROAD}", {}),
    ),
    False: (
        ("", {}),
        ("by=territory&all=1", {"HX-Request": "true", "HX-Request-Type": "partial"}),
        ("q=Far", {}),
        (f"region={ABROAD}", {}),
    ),
}
"""Queries and headers that the API (True) and pages are asked with."""


@pytest.fixture
def app(make_app: MakeApp, rows: Rows) -> Flask:
    """An app without limits to the number of requests."""
    rows.add(*(Role(name=name, description=name) for name in PERMISSIONS))
    return make_app(API_READS_PER_MINUTE="1000000")


@pytest.fixture
def foreign(session: Session, tmp_path: Path, app: Flask) -> list[int]:
    """Two regions with all that the engine makes of them; ids of some series, most of them abroad."""
    load_sales(session, two_regions())
    store = ArtifactStore(str(tmp_path / "artifacts"))
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=2)
    make_receivables(session, store, (Place(HOME), OWED))
    counts = {"rows_total": 1, "rows_loaded": 1, "rows_unchanged": 0, "rows_changed": 0, "rows_rejected": 0}
    now = utc_now()
    session.execute(sa.update(Import).values(**counts, finished_at=now, artifact_deleted_at=now))  # there was no file
    kinds = (Series.location_level, Series.product_level)
    found = session.scalars(sa.select(sa.func.min(Series.id)).where(Series.region == ABROAD).group_by(*kinds)).all()
    session.commit()
    return [1, *(number for number in found[:4] if number is not None)]


def two_regions() -> Iterator[Sale]:
    for back in range(MONTHS):
        start = MONTHLY.shift(date(2023, 1, 1), back)
        for day in (start, MONTHLY.last_day(start)):
            half = 0.5 if day == start else -0.5
            yield Sale(day, 20.0 + back, HOME, "Hometerritory", "Homearea", "P-1", "Tools")
            yield Sale(day, (777000 + back) / 2 + half, ABROAD, "Farterritory", "Fararea", "P-1", "Tools")
            yield Sale(day, (888000 + back) / 2 + half, ABROAD, "Farterritory", "Fararea", "P-2", "Paint")


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("tsql_elsewhere")
def test_nothing_of_another_region_is_shown_by_any_route(
    app: Flask, api: ClientFor, browser: ClientFor, foreign: list[int], rows: Rows
) -> None:
    clients = {True: (api("admin"), api("planner")), False: (browser("admin"), browser("planner"))}
    with_limit = {"regions": [HOME], "territories": []}
    rows.change(User, user_id(app, "planner@example.com"), scope=with_limit)
    seen, found = set(), []
    wrong: set[str] = set()
    for key, rule in readable(app):
        whole, limited = clients[rule.rule.startswith(API)]
        for path, headers in requests_of(rule, foreign):
            if leaks(text_of(whole, path, headers), path):  # first, so that an answer kept in a cache would be found
                seen.add(key)
            answer = limited.get(path, headers=headers)
            if answer.status_code >= 500 or answer.status_code in REFUSED:
                wrong.add(f"{path} {headers}: {answer.status_code}")
            text = shown(answer)
            if leak := leaks(text, path):
                found.append((key, path, headers, leak, excerpt(text, leak[0])))
    assert found == []
    assert wrong == set()
    assert seen >= SHOW_PLACES, "the walk looks for the wrong figures: unlimited callers see none here"


def user_id(app: Flask, email: str) -> int:
    from webapp.extensions import db  # noqa: PLC0415

    with app.app_context():
        return int(db.session.scalars(sa.select(User.id).where(User.email == email)).one())


def readable(app: Flask) -> Iterator[tuple[str, Rule]]:
    """What is read behind a sign-in, and open to limited callers."""
    for rule in app.url_map.iter_rules():
        key = f"{rule.endpoint} GET"
        permission, for_limited = ACCESS.get(key, ("public", False))  # what is not in the table fails another test
        if permission != "public" and for_limited:
            yield key, rule


def requests_of(rule: Rule, series: list[int]) -> Iterator[tuple[str, dict[str, str]]]:
    names = {"name": "sales", "suffix": "csv", "dataset": "sales", "customer": "C-1", "invoice_ref": "I-5-39"}
    for number in series if "series_id" in rule.arguments else [1]:
        built = rule.build({name: names.get(name, number) for name in rule.arguments})
        assert built is not None
        for query, headers in SHAPES[rule.rule.startswith(API)]:
            yield f"{built[1]}?{query}".rstrip("?"), headers


TOKENS = re.compile(r"[0-9a-f]{32,}")


def text_of(client: FlaskClient, path: str, headers: dict[str, str]) -> str:
    return shown(client.get(path, headers=headers))


def shown(answer: TestResponse) -> str:
    """What an answer says; a workbook is a bundle of packed files, and a token may hold any digits by chance."""
    if answer.status_code != 200:
        return ""
    if answer.mimetype == FORMATS["xlsx"]:
        with ZipFile(io.BytesIO(answer.get_data())) as packed:
            return "\n".join(packed.read(name).decode() for name in packed.namelist())
    return TOKENS.sub("", answer.get_data(as_text=True))


def excerpt(text: str, leak: str) -> str:
    at = text.replace(",", "").find(leak)
    return text.replace(",", "")[max(0, at - 150) : at + 50]


def leaks(text: str, asked: str) -> list[str]:
    """Names of places abroad that an answer holds though they were not asked for, and figures of that size."""
    plain = text.replace(",", "")
    return [name for name in NAMES if name in text and name not in asked] + [
        figure for figure in FIGURES if figure in plain
    ]
