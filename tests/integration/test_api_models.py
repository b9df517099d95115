"""Training through the API, the list of models, and putting them in charge."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.results import ModelPromotion, ModelVersion
from ml.grains import GRAINS
from ml.models import NAMES
from ml.registry.libraries import library_versions
from webapp.schemas.training import Grain, ModelType
from worker.models import JobRun, OutboxEvent


def version(number: int, alias: str | None = None) -> ModelVersion:
    return ModelVersion(
        id=number,
        model_name="sales-monthly",
        model_type="lightgbm",
        version=number,
        path=f"models/{number}",
        metrics={"wape": 0.2},
        alias=alias,
        slot="monthly" if alias else None,
        grain="monthly",
        location_level="territory",
        product_level="subcategory",
        parameters={"lags": [1, 12]},
        features=["lag_1"],
        data_from=date(2021, 1, 1),
        data_to=date(2023, 12, 1),
        series_count=7,
        reason="better than seasonal naive",
        checksum="0" * 64,
        libraries=library_versions(),
    )


@pytest.fixture
def versions(rows: Rows) -> None:
    """Two versions, of which the second serves, after the first."""
    rows.add(version(1), version(2, "champion"))
    facts = {"grain": "monthly", "kind": "trained", "reason": "It is better."}
    rows.add(ModelPromotion(model_id=1, **facts), ModelPromotion(model_id=2, previous_id=1, **facts))


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ({}, {"grain": "monthly"}),
        ({"model_type": "auto"}, {"grain": "monthly"}),
        ({"grain": "monthly", "model_type": "lightgbm"}, {"grain": "monthly", "models": ["lightgbm"]}),
        (
            {"model_type": ["lightgbm", "seasonal_naive"]},
            {"grain": "monthly", "models": ["lightgbm", "seasonal_naive"]},
        ),
    ],
)
def test_training_is_accepted_as_a_job(
    api: ClientFor, rows: Rows, body: dict[str, object], arguments: dict[str, object]
) -> None:
    answer = api("planner").post("/api/v1/train", json=body)
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['id']}"
    assert (answer.json["kind"], answer.json["state"]) == ("train", "queued")
    assert rows.get(JobRun, answer.json["id"]).arguments == arguments


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"grain": "hourly"}, "grain"),
        ({"model_type": "oracle"}, "model_type"),
        ({"horizon": 3}, "horizon"),
        ([], ""),
    ],
)
def test_training_of_what_there_is_not_is_refused(api: ClientFor, rows: Rows, body: object, field: str) -> None:
    errors = assert_problem(api("planner").post("/api/v1/train", json=body), 422, "invalid-request")["errors"]
    assert all(error["field"].startswith(field) for error in errors)
    assert rows.count(JobRun) == 0


def test_models_and_grains_on_offer_are_those_that_the_engine_has() -> None:
    assert set(get_args(ModelType)) == set(NAMES)
    assert set(get_args(Grain)) == set(GRAINS)


def test_viewer_may_not_train(api: ClientFor) -> None:
    assert_problem(api("viewer").post("/api/v1/train", json={}), 403, "forbidden")


def test_models_come_newest_first(api: ClientFor, rows: Rows) -> None:
    rows.add(version(1), version(2, "champion"))
    items = api("viewer").get("/api/v1/models").json["items"]
    assert [(item["version"], item["alias"]) for item in items] == [(2, "champion"), (1, None)]
    assert items[0]["metrics"] == {"wape": 0.2}


def test_unknown_query_parameter_is_refused(api: ClientFor) -> None:
    errors = assert_problem(api("viewer").get("/api/v1/models?sort=name"), 422, "invalid-request")["errors"]
    assert errors[0]["field"] == "sort"


def serving(rows: Rows) -> list[str | None]:
    return [rows.get(ModelVersion, number).alias for number in (1, 2)]


@pytest.mark.usefixtures("versions")
def test_a_planner_puts_a_version_in_charge_and_it_is_written_down_who_did(api: ClientFor, rows: Rows) -> None:
    answer = api("planner").post("/api/v1/models/1/promote")
    assert answer.status_code == 200
    assert serving(rows) == ["champion", None]
    made = rows.last(ModelPromotion)
    assert (made.model_id, made.previous_id, made.kind, made.promoted_by) == (1, 2, "manual", "planner@example.com")
    assert answer.json["promoted_by"] == "planner@example.com"
    event = rows.last(OutboxEvent)
    assert (event.name, event.payload) == (
        "ModelPromoted",
        {"grain": "monthly", "model_id": 1, "user": "planner@example.com"},
    )


@pytest.mark.usefixtures("versions")
def test_going_back_lets_the_version_before_serve(api: ClientFor, rows: Rows) -> None:
    answer = api("planner").post("/api/v1/models/rollback", json={})
    assert (answer.status_code, answer.json["model_id"], answer.json["kind"]) == (200, 1, "rollback")
    assert serving(rows) == ["champion", None]
    again = api("planner").post("/api/v1/models/rollback", json={"grain": "monthly"})
    assert "none to go back to" in assert_problem(again, 409, "conflict")["detail"]


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/models/2/promote", 409, "conflict"),
        ("/api/v1/models/9/promote", 404, "not-found"),
        ("/api/v1/models/0/promote", 422, "invalid-request"),
    ],
)
def test_what_cannot_be_put_in_charge_is_refused(api: ClientFor, rows: Rows, path: str, status: int, code: str) -> None:
    assert_problem(api("planner").post(path), status, code)
    assert serving(rows) == [None, "champion"]
    assert rows.count(OutboxEvent) == 0


def test_there_is_nothing_to_go_back_from_before_the_first_model(api: ClientFor) -> None:
    assert_problem(api("planner").post("/api/v1/models/rollback", json={}), 409, "no-champion")


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("path", ["/api/v1/models/1/promote", "/api/v1/models/rollback"])
def test_viewer_may_not_change_what_serves(api: ClientFor, rows: Rows, path: str) -> None:
    assert_problem(api("viewer").post(path, json={}), 403, "forbidden")
    assert serving(rows) == [None, "champion"]


@pytest.mark.usefixtures("versions")
def test_what_was_put_in_charge_is_listed_newest_first(api: ClientFor) -> None:
    page = api("viewer").get("/api/v1/models/promotions?grain=monthly&limit=1").json
    assert [(item["model_id"], item["previous_id"], item["kind"]) for item in page["items"]] == [(2, 1, "trained")]
    rest = api("viewer").get(f"/api/v1/models/promotions?cursor={page['next_cursor']}").json
    assert [item["model_id"] for item in rest["items"]] == [1]


@pytest.mark.usefixtures("versions")
def test_one_version_is_read_by_its_id(api: ClientFor) -> None:
    found = api("viewer").get("/api/v1/models/1").json
    assert (found["version"], found["segment"], found["verdict"], found["artifact_deleted_at"]) == (1, "", "", None)
    assert_problem(api("viewer").get("/api/v1/models/9"), 404, "not-found")
