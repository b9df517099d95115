"""What taking an import back would change: told by page and API alike, and true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, Rows, assert_problem, upload

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.results import ForecastRun, ModelVersion
from ml.pipelines.ingest import load_import
from ml.pipelines.take_back import TakeBackResult, take_back

Load = Callable[..., int]

IMPORTS = "/api/v1/imports"
HEADER = "Date,City,Product ID,Amount,Line\n"
FIRST = f"{HEADER}2024-01-30,Ayton,P-1,5,L1\n2024-01-31,Ayton,P-1,6,L2\n"
SECOND = f"{HEADER}2024-02-05,Ayton,P-2,7.5,L1\n2024-01-31,Ayton,P-1,6,L2\n2024-03-01,Byfield,P-1,1,L3\n"


@pytest.fixture
def planner(api: ClientFor) -> FlaskClient:
    return api("planner")


@pytest.fixture
def load(planner: FlaskClient, sessions: sessionmaker[Session], store: ArtifactStore) -> Load:
    """Uploads a file and loads it, as the job does; gives the import's id."""

    def load_one(content: str, **fields: str) -> int:
        answer = planner.post(IMPORTS, **upload(content, **fields))
        with sessions() as session:
            load_import(session, store, answer.json["import_id"])
            session.commit()
        return answer.json["import_id"]

    return load_one


def publish(rows: Rows, as_of: date) -> None:
    """A published forecast that learned up to the month of `as_of`."""
    common = {"location_level": "area", "product_level": "product", "grain": "monthly"}
    model = ModelVersion(
        model_name="sales-monthly", model_type="naive", version=1, path="", metrics={}, parameters={}, features=[],
        data_from=as_of, data_to=as_of, series_count=1, checksum="", libraries={}, **common,
    )  # fmt: skip
    rows.add(model)
    published = {"state": "published", "slot": "monthly", "published_at": utc_now()}
    rows.add(ForecastRun(model_id=model.id, as_of=as_of, horizon=1, **published, **common))


def test_effects_are_those_of_taking_back(
    planner: FlaskClient, browser: ClientFor, load: Load, sessions: sessionmaker[Session]
) -> None:
    mapping = {"mapping": '{"line_ref": "Line"}'}
    load(FIRST, **mapping)
    second = load(SECOND, **mapping)
    found = planner.get(f"{IMPORTS}/{second}/effects")
    assert found.status_code == 200, found.json
    assert found.json == {
        "removed": 2, "restored": 1, "kept": 0, "series": 3, "days": 3, "weeks": 3, "months": 3, "forecasts": 0,
        "by_month": [
            {"month": "2024-02-01", "rows": 1, "amount": 7.5},
            {"month": "2024-03-01", "rows": 1, "amount": 1.0},
        ],
    }  # fmt: skip
    assert "Totals of 3 days, 3 weeks and 3 months" in browser("planner").get(f"/imports/{second}/take-back").text
    done = undone(sessions, second)
    assert (done.removed, done.restored, done.kept) == (2, 1, 0)
    assert_problem(planner.get(f"{IMPORTS}/{second}/effects"), 409, "conflict")


def undone(sessions: sessionmaker[Session], import_id: int) -> TakeBackResult:
    """Take it back, as the job does."""
    with sessions.begin() as session:
        return take_back(session, import_id, "ann")


def test_forecasts_that_learned_from_it_are_counted(planner: FlaskClient, load: Load, rows: Rows) -> None:
    import_id = load(FIRST)
    publish(rows, date(2023, 12, 1))
    assert planner.get(f"{IMPORTS}/{import_id}/effects").json["forecasts"] == 0
    rows.change(ForecastRun, rows.last(ForecastRun).id, as_of=date(2024, 1, 1))
    assert planner.get(f"{IMPORTS}/{import_id}/effects").json["forecasts"] == 1


def test_effects_of_records_count_what_was_made_and_what_was_changed(planner: FlaskClient, load: Load) -> None:
    load("Article,Price\nP-1,2.50\n", dataset="products")
    second = load("Article,Price\nP-1,3.00\nP-2,1.00\nP-3,1.00\n", dataset="products")
    found = planner.get(f"{IMPORTS}/{second}/effects").json
    assert (found["removed"], found["restored"], found["series"], found["by_month"]) == (2, 1, 0, [])


def test_only_who_may_take_back_is_told_and_only_of_what_is_loaded(planner: FlaskClient, api: ClientFor) -> None:
    import_id = planner.post(f"{IMPORTS}?start=false", **upload()).json["id"]
    assert_problem(planner.get(f"{IMPORTS}/{import_id}/effects"), 409, "conflict")
    assert_problem(planner.get(f"{IMPORTS}/999/effects"), 404, "not-found")
    assert_problem(api("viewer").get(f"{IMPORTS}/{import_id}/effects"), 403, "forbidden")
