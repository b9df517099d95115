"""Names that people read."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from ml.db.base import utc_now
from webapp.pages import words
from webapp.queries.jobs import JobView, view_of
from webapp.queries.nodes import Node
from worker.models import JobRun


@pytest.fixture
def job() -> JobView:
    row = JobRun(id=1, kind="train", queue="train", arguments={}, state="queued", attempt=1, max_attempts=3)
    row.created_at, row.phase, row.done, row.total, row.requested_by = utc_now(), "", 0, 0, ""
    return view_of(row)


def test_unknown_names_are_still_readable() -> None:
    assert words.model_name("weighted_ensemble") == "Weighted ensemble"
    assert words.job_kind("drift_check") == "Drift check"


def test_known_models_say_what_they_are() -> None:
    assert words.model_name("seasonal_naive") == "Seasonal naive (the season before repeated)"


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Node(), "total"),
        (Node(region="West"), "region"),
        (Node(region="West", territory="Oregon", category="Paper", subcategory="Thin"), "territory and sub-category"),
    ],
)
def test_a_node_is_of_the_finest_kinds_it_names(node: Node, text: str) -> None:
    assert words.kind(node) == text


def test_time_of_a_job_counts_from_its_start(job: JobView) -> None:
    now = utc_now()
    ended = dataclasses.replace(job, started_at=now, finished_at=now + timedelta(seconds=7))
    running = dataclasses.replace(job, started_at=now - timedelta(seconds=5))
    assert words.took(job) is None
    assert words.took(ended) == 7
    assert 5 <= (words.took(running) or 0) < 60


def test_results_show_what_fits_on_a_line() -> None:
    result = {"rows_loaded": 9994, "model_id": 12345, "champion": True, "scores": {"wape": 0.2}, "notes": ["x"]}
    assert words.plain_facts(result) == [("Rows loaded", "9,994"), ("Model id", "12345"), ("Champion", "yes")]


def test_long_messages_are_cut_for_tables() -> None:
    assert words.first_line("first\nsecond") == "first"
    assert words.first_line(None) == ""
    assert len(words.first_line("x" * 500)) == 160


def test_sentences_of_the_engine_name_models_as_people_do() -> None:
    text = "lightgbm has a WAPE of 53% against 67% of seasonal_naive."
    assert words.readable(text) == "LightGBM has a WAPE of 53% against 67% of seasonal naive."
    assert words.readable("reading sales") == "Reading sales"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ({"type": "lightgbm", "wape": 0.53, "floor_wape": 0.67}, "21% closer than repeating last year"),
        (
            {"type": "lightgbm", "wape": 0.53, "floor_wape": 0.67, "total_wape": 0.11},
            "All sales together: 11% a month.",
        ),
        ({"type": "seasonal_naive", "wape": 0.67, "floor_wape": 0.67}, "no other model did better"),
        ({"type": "seasonal_naive", "wape": None, "floor_wape": None}, "Too little history"),
    ],
)
def test_skill_is_told_beside_the_naive_forecast(model: dict[str, object], text: str) -> None:
    assert text in words.skill({"total_wape": None, **model})
