"""The page of models: who is in charge, why, and putting another version there."""

from __future__ import annotations

from datetime import date

import pytest
from web_fixtures import ClientFor, Rows

from ml.db.base import utc_now
from ml.db.results import ModelPromotion, ModelVersion
from ml.registry.libraries import library_versions
from worker.models import JobRun

SCORES = {"wape": 0.2, "bias": 0.01, "mase": 0.9, "cover80": 0.8, "above90": 0.1}


def version(number: int, alias: str | None, verdict: str) -> ModelVersion:
    return ModelVersion(
        id=number,
        model_name="sales-monthly",
        model_type="lightgbm",
        version=number,
        path=f"models/{number}",
        metrics={
            "scores": {"seasonal_naive": SCORES, "lightgbm": SCORES},
            "floor": "seasonal_naive",
            "steps": {"seasonal_naive": [0.3, None], "lightgbm": [0.2, 0.25]},
        },
        alias=alias,
        slot="monthly" if alias == "champion" else None,
        grain="monthly",
        location_level="territory",
        product_level="subcategory",
        parameters={},
        features=[],
        data_from=date(2021, 1, 1),
        data_to=date(2023, 12, 1),
        series_count=7,
        reason="lightgbm has the least loss.",
        verdict=verdict,
        checksum="0" * 64,
        libraries=library_versions(),
    )


@pytest.fixture
def versions(rows: Rows) -> None:
    """Three versions: the second serves, after the first; the third did not win."""
    rows.add(
        version(1, None, "It is the first model."),
        version(2, "champion", "It replaces version 1 (lightgbm): 7.0% less."),
        version(3, "challenger", "It does not replace version 2 (lightgbm): 0.2% less."),
    )
    facts = {"grain": "monthly", "kind": "trained"}
    rows.add(ModelPromotion(model_id=1, reason="It is the first model.", **facts))
    rows.add(ModelPromotion(model_id=2, previous_id=1, reason="It replaces version 1 (lightgbm).", **facts))


@pytest.mark.usefixtures("versions")
def test_it_says_who_is_in_charge_and_why(browser: ClientFor) -> None:
    html = browser("viewer").get("/models").get_data(as_text=True)
    assert "In charge: LightGBM (one model over all series), version 2" in html
    assert "It replaces version 1 (LightGBM): 7.0% less." in html
    assert "It does not replace version 2 (LightGBM): 0.2% less." in html
    assert "Who was in charge" in html
    assert "Errors by step ahead" in html
    assert "25.0%" in html
    assert ">challenger<" in html


@pytest.mark.usefixtures("versions")
def test_only_those_who_may_see_the_buttons(browser: ClientFor) -> None:
    shown = {role: browser(role).get("/models").get_data(as_text=True) for role in ("viewer", "planner")}
    assert "Put in charge" not in shown["viewer"]
    assert "Go back a version" not in shown["viewer"]
    assert shown["planner"].count('action="/models/') == 2 + 1 + 1  # two versions, going back, and training
    assert "Go back a version" in shown["planner"]


@pytest.mark.usefixtures("versions")
def test_the_champion_is_shown_beside_a_page_of_older_versions(browser: ClientFor) -> None:
    html = browser("viewer").get("/models?below=2").get_data(as_text=True)
    assert "In charge: LightGBM (one model over all series), version 2" in html


@pytest.mark.usefixtures("versions")
def test_a_version_is_put_in_charge_and_gone_back_from(browser: ClientFor, rows: Rows) -> None:
    planner = browser("planner")
    assert planner.post("/models/3/promote").location == "/models"
    assert rows.get(ModelVersion, 3).alias == "champion"
    html = planner.get("/models").get_data(as_text=True)
    assert "Put in charge by planner@example.com." in html
    assert planner.post("/models/rollback").location == "/models"
    assert rows.get(ModelVersion, 2).alias == "champion"
    assert rows.last(ModelPromotion).promoted_by == "planner@example.com"


@pytest.mark.usefixtures("versions")
def test_a_version_whose_artifact_was_deleted_has_no_button(browser: ClientFor, rows: Rows) -> None:
    rows.change(ModelVersion, 1, artifact_deleted_at=utc_now())
    planner = browser("planner")
    html = planner.get("/models").get_data(as_text=True)
    assert "/models/1/promote" not in html
    assert "Deleted, too old" in html
    refused = planner.post("/models/1/promote")
    assert refused.status_code == 409
    assert "The artifact of model sales-monthly/1 was deleted" in refused.get_data(as_text=True)


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("path", ["/models/3/promote", "/models/rollback"])
def test_viewer_may_not_change_what_serves(browser: ClientFor, rows: Rows, path: str) -> None:
    assert browser("viewer").post(path).status_code == 403
    assert rows.get(ModelVersion, 2).alias == "champion"


def test_without_a_model_it_says_when_there_will_be_one(browser: ClientFor) -> None:
    html = browser("planner").get("/models").get_data(as_text=True)
    assert "No model yet" in html
    assert "Go back a version" not in html


@pytest.mark.parametrize(("chosen", "models"), [("auto", None), ("combination", ["combination"])])
def test_a_model_is_trained_by_name_from_the_page(
    browser: ClientFor, rows: Rows, chosen: str, models: list[str] | None
) -> None:
    answer = browser("planner").post("/models/train", data={"model_type": chosen})
    assert answer.status_code == 303
    assert rows.last(JobRun).arguments.get("models") == models


def test_a_model_that_there_is_not_is_refused(browser: ClientFor, rows: Rows) -> None:
    answer = browser("planner").post("/models/train", data={"model_type": "oracle"})
    assert answer.status_code == 422
    assert "There is no model &#39;oracle&#39;" in answer.get_data(as_text=True)
    assert rows.count(JobRun) == 0
