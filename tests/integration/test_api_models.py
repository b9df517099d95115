"""Training through the API, and the list of models."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.results import ModelVersion
from ml.grains import GRAINS
from ml.pipelines.train import CANDIDATES
from webapp.schemas.training import Grain, ModelType
from worker.models import JobRun


def version(number: int, alias: str | None = None) -> ModelVersion:
    return ModelVersion(
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
        libraries={"lightgbm": "4.7.0"},
    )


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
    assert set(get_args(ModelType)) == {"auto", *CANDIDATES}
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
