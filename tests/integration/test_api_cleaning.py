"""The cleaning policy and the flags through the API."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.catalog import Series
from ml.db.cleaning import CleaningFlag, CleaningPolicy
from ml.etl.cleaning.policy import CHOICES, DEFAULT
from webapp.schemas import cleaning as schemas
from worker.models import JobRun

URL = "/api/v1/cleaning"


@pytest.fixture
def flags(rows: Rows) -> list[int]:
    """Two outliers and a stockout of one series."""
    series = Series(key=b"s" * 16, location_level="area", product_level="category", area="Ayton", category="Tools")
    rows.add(series)
    made = [
        CleaningFlag(
            series_id=series.id, grain="monthly", period=date(2024, month, 1), kind=kind,
            value=500.0, corrected=corrected, score=9.3, reason="4.1 times the usual 120 of a March",
        )
        for month, kind, corrected in ((3, "outlier", 120.0), (4, "outlier", 110.0), (5, "stockout", None))
    ]  # fmt: skip
    rows.add(*made)
    return [flag.id for flag in made]


def test_the_defaults_hold_until_somebody_sets_a_policy(api: ClientFor) -> None:
    found = api("viewer").get(f"{URL}/policy").json
    assert found == {"id": None, "settings": DEFAULT.to_dict(), "created_by": "", "created_at": None}


def test_a_policy_is_set_with_a_job_and_kept_in_the_history(api: ClientFor, rows: Rows) -> None:
    client = api("planner")
    first = client.put(f"{URL}/policy", json={"outliers": "correct", "threshold": 5})
    second = client.put(f"{URL}/policy", json={"gaps": "interpolate"})
    assert (first.status_code, second.status_code) == (202, 202)
    assert rows.get(JobRun, second.json["job_id"]).kind == "clean"
    assert client.get(f"{URL}/policy").json["settings"] == {**DEFAULT.to_dict(), "gaps": "interpolate"}
    history = client.get(f"{URL}/policies").json["items"]
    assert [(item["settings"]["outliers"], item["created_by"]) for item in history] == [
        ("flag", "planner@example.com"),
        ("correct", "planner@example.com"),
    ]


@pytest.mark.parametrize(
    ("body", "field"), [({"gaps": "magic"}, "gaps"), ({"threshold": 0}, "threshold"), ({"outlier": "flag"}, "outlier")]
)
def test_a_wrong_setting_is_named(api: ClientFor, rows: Rows, body: dict[str, object], field: str) -> None:
    errors = assert_problem(api("planner").put(f"{URL}/policy", json=body), 422, "invalid-request")["errors"]
    assert [error["field"] for error in errors] == [field]
    assert rows.count(CleaningPolicy) == 0


def test_what_the_api_offers_is_what_the_policy_knows() -> None:
    kinds = {"gaps": schemas.Gaps, "returns": schemas.Returns, "outliers": schemas.Outliers}
    kinds["stockouts"] = schemas.Stockouts
    assert {name: list(get_args(kind)) for name, kind in kinds.items()} == {k: list(v) for k, v in CHOICES.items()}


def test_flags_are_listed_with_names_and_amounts_page_by_page(api: ClientFor, flags: list[int]) -> None:
    client = api("viewer")
    page = client.get(f"{URL}/flags?limit=2").json
    assert [item["id"] for item in page["items"]] == flags[:0:-1]
    stockout = page["items"][0]
    assert (stockout["series"]["area"], stockout["series"]["category"]) == ("Ayton", "Tools")
    assert (stockout["value"], stockout["corrected"], stockout["applied"]) == (500.0, None, True)
    rest = client.get(f"{URL}/flags?limit=2&cursor={page['next_cursor']}").json
    assert [item["id"] for item in rest["items"]] == flags[:1]
    assert rest["next_cursor"] is None
    assert len(client.get(f"{URL}/flags?kind=outlier&verdict=open").json["items"]) == 2


def test_a_flag_is_decided_and_the_verdict_taken_back(api: ClientFor, flags: list[int]) -> None:
    client = api("planner")
    accepted = client.post(f"{URL}/flags/{flags[0]}", json={"verdict": "accepted"}).json
    assert (accepted["verdict"], accepted["decided_by"], accepted["applied"]) == (
        "accepted",
        "planner@example.com",
        True,
    )
    opened = client.post(f"{URL}/flags/{flags[0]}", json={"verdict": "open"}).json
    assert (opened["verdict"], opened["decided_by"], opened["applied"]) == ("open", "", False)


def test_a_flag_that_is_not_there_and_a_verdict_that_is_none_are_refused(api: ClientFor, flags: list[int]) -> None:
    client = api("planner")
    assert_problem(client.post(f"{URL}/flags/{flags[-1] + 1}", json={"verdict": "accepted"}), 404, "not-found")
    assert_problem(client.post(f"{URL}/flags/{flags[0]}", json={"verdict": "maybe"}), 422, "invalid-request")


def test_cleaning_is_run_as_a_job(api: ClientFor, rows: Rows) -> None:
    answer = api("planner").post(f"{URL}/run")
    assert answer.status_code == 202, answer.json
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['id']}"
    job = rows.get(JobRun, answer.json["id"])
    assert (job.kind, job.state, job.requested_by) == ("clean", "queued", "planner@example.com")


def test_viewers_may_look_but_not_change(api: ClientFor, rows: Rows, flags: list[int]) -> None:
    client = api("viewer")
    assert_problem(client.post(f"{URL}/run"), 403, "forbidden")
    assert rows.count(JobRun) == 0
    assert_problem(client.put(f"{URL}/policy", json={}), 403, "forbidden")
    assert_problem(client.post(f"{URL}/flags/{flags[0]}", json={"verdict": "accepted"}), 403, "forbidden")
