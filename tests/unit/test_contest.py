"""Champion against challenger: the rule, and the words for it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from panels import panel_of

from ml.artifacts import ArtifactStore
from ml.db.results import ModelVersion
from ml.etl.cleaning.clean import Cleaned
from ml.etl.extract import Level
from ml.evaluation.joint import JointBacktest
from ml.evaluation.metrics import Scores
from ml.evaluation.selection import Choice
from ml.grains import MONTHLY, WEEKLY
from ml.models import create
from ml.pipelines.contest import contest, judge, outlived, period_name, rival_scores
from ml.pipelines.race import Field, Race, same_kind
from ml.progress import silent
from ml.settings import ModelRules

BASE = Level("area", "product")
PARAMETERS = {"leaves": 31, "threads": 2}


def scores(wql: float | None) -> Scores:
    return {"wql": wql, "wape": wql, "rows": 36.0}


def field(months: int = 48) -> Field:
    """A field over the months from January 2019 on."""
    panel = panel_of({"a": np.arange(1.0, months + 1), "b": [5.0] * months})
    cleaned = Cleaned(panel, panel, panel.frame["y"].to_numpy(), pd.DataFrame(), pd.DataFrame())
    return Field.of(cleaned, BASE, MONTHLY)


def race(floor: float | None = 0.5, boosted: float | None = 0.4, where: Field | None = None) -> Race:
    """A race of two, won by the boosted model, or by the floor where there is no other."""
    frame = pd.DataFrame({"unique_id": ["a"], "cutoff": pd.Timestamp("2021-12-01"), "ds": pd.Timestamp("2022-01-01")})
    names = {"seasonal_naive": scores(floor), "lightgbm": scores(boosted)}
    backtests = {name: frame.assign(y=3.0) for name in names}
    parameters: dict[str, dict[str, Any]] = {"seasonal_naive": {}, "lightgbm": PARAMETERS}
    over = where or field()
    joint = JointBacktest({}, over.cleaned.panel, over.cutoffs, over.grain.horizon)
    return Race(over, Choice("lightgbm", "It is best.", names), backtests, parameters, joint)


def champion(**columns: Any) -> ModelVersion:
    facts: dict[str, Any] = {
        "model_name": "sales-monthly",
        "model_type": "lightgbm",
        "version": 3,
        "grain": "monthly",
        "location_level": "area",
        "product_level": "product",
        "data_from": date(2019, 1, 1),
        "data_to": date(2022, 11, 1),
        "metrics": {"scores": {"lightgbm": scores(0.41)}},
        "parameters": PARAMETERS,
        "libraries": {},
        "path": "models/gone",
    }
    return ModelVersion(**{**facts, **columns})


@pytest.mark.parametrize(
    ("old", "new", "margin", "promoted", "words"),
    [
        (0.40, 0.396, 0.01, True, "a weighted quantile loss of 0.396 against 0.400 (1.00% less)."),
        (0.40, 0.397, 0.01, False, "0.397 against 0.400 (0.75% less, where 1.00% less is asked for)."),
        (0.40, 0.44, 0.01, False, "0.440 against 0.400 (10.00% more, where 1.00% less is asked for)."),
        (0.40, 0.40, 0.01, False, "0.400 against 0.400 (the same, where 1.00% less is asked for)."),
        (0.40, 0.40, 0.00, False, "0.400 against 0.400 (the same, where less is asked for)."),
        (0.40, 0.399, 0.00, True, "0.399 against 0.400 (0.25% less)."),
        (0.00, 0.00, 0.01, False, "0.000 against 0.000 (the same, where 1.00% less is asked for)."),
    ],
)
def test_it_replaces_the_champion_when_it_wins_by_the_margin(
    old: float, new: float, margin: float, promoted: bool, words: str
) -> None:
    verdict = judge(race(boosted=new), champion(), scores(old), margin)
    assert verdict.promoted == promoted
    start = "It replaces" if promoted else "It does not replace"
    assert verdict.reason.startswith(
        f"{start} version 3 (lightgbm): over the same 3 backtest windows of up to 12 months"
    )
    assert verdict.reason.endswith(words)


@pytest.mark.parametrize(("new", "promoted"), [(0.40, True), (0.39, True), (0.41, False)])
def test_a_champion_that_drifted_is_replaced_by_its_equal(new: float, promoted: bool) -> None:
    verdict = judge(race(boosted=new), champion(), scores(0.40), 0.05, drifted=True)
    assert verdict.promoted == promoted
    assert ("drifted" in verdict.reason) == promoted


def test_a_champion_that_does_not_beat_the_floor_has_no_margin_to_defend() -> None:
    verdict = judge(race(floor=0.400, boosted=0.3999), champion(), scores(0.4003), 0.01)
    assert verdict.promoted
    assert "does not beat seasonal_naive over the same 3 backtest windows" in verdict.reason


def test_the_floor_itself_defends_the_margin() -> None:
    assert not judge(race(0.4, 0.399), champion(model_type="seasonal_naive"), scores(0.4), 0.01).promoted


def test_without_sales_in_the_windows_the_champion_stays() -> None:
    verdict = judge(race(None, None), champion(), scores(None), 0.01)
    assert not verdict.promoted
    assert verdict.reason.startswith("Version 3 (lightgbm) stays in charge: nothing was sold")


@pytest.mark.parametrize(
    ("columns", "days", "words"),
    [
        (
            {"data_to": date(2022, 9, 1)},
            91,
            "up to September 2022 only, 91 days before the last complete period (91 days",
        ),
        ({"data_from": date(2020, 12, 1)}, 90, "learned from 24 months, while the sales cover 48 by now"),
        ({"location_level": "region"}, 90, "forecasts region by product, while the sales call for area by product"),
        ({"data_to": date(2022, 9, 1)}, 92, None),
        ({"data_from": date(2020, 11, 1)}, 90, None),
    ],
)
def test_a_champion_is_outlived_by_age_by_growth_and_by_its_level(
    columns: dict[str, Any], days: int, words: str | None
) -> None:
    why = outlived(champion(**columns), race(), ModelRules(champion_days=days))
    assert (why is None) if words is None else (words in (why or ""))


def test_the_first_model_serves(store: ArtifactStore) -> None:
    verdict = contest(None, race(), store, ModelRules(), silent)
    assert (verdict.promoted, verdict.reason) == (True, "It is the first model of monthly forecasts.")


def test_a_champion_that_cannot_be_loaded_is_replaced(store: ArtifactStore) -> None:
    verdict = contest(champion(), race(), store, ModelRules(), silent)
    assert verdict.promoted
    assert "which is of no use any more: model sales-monthly/3 was saved with layout 1" in verdict.reason


def test_scores_over_the_same_windows_are_not_measured_again() -> None:
    metrics = {"scores": {"lightgbm": scores(0.123)}, "windows": race().windows()}
    found = rival_scores(champion(metrics=metrics), create("seasonal_naive"), race(), silent)
    assert found["wql"] == 0.123


def test_the_same_kind_of_model_has_the_scores_of_the_race_whatever_its_threads() -> None:
    serving = champion(parameters={**PARAMETERS, "threads": 8})
    assert rival_scores(serving, create("seasonal_naive"), race(boosted=0.321), silent)["wql"] == 0.321


def test_another_kind_of_model_is_tried_over_the_windows_of_the_race() -> None:
    """Its own forecaster is learned anew: seasonal naive is a season behind a series that rises by 1 a month."""
    serving = champion(parameters={"leaves": 7})
    found = rival_scores(serving, create("seasonal_naive"), race(), silent)
    assert found["rows"] == 2 * 3 * 12
    assert found["mae"] == pytest.approx(6.0)  # 12 a month for one series of two


def test_windows_differ_when_an_actual_a_cutoff_or_the_horizon_does() -> None:
    one, other = race(), race()
    assert one.windows() == other.windows()
    other.backtests["seasonal_naive"]["y"] += 1e-9
    assert one.windows()["actuals"] != other.windows()["actuals"]
    assert race(where=field(47)).windows()["cutoffs"] != one.windows()["cutoffs"]


def test_parameters_other_than_threads_make_another_kind() -> None:
    assert same_kind({"leaves": 3, "threads": 1}, {"leaves": 3})
    assert same_kind({"weights": {}}, {"weights": {"theta": 1.0}})
    assert not same_kind({"leaves": 3}, {"leaves": 4})


def test_periods_are_named_by_their_grain() -> None:
    assert period_name(date(2024, 6, 3), MONTHLY) == "June 2024"
    assert period_name(date(2024, 6, 3), WEEKLY) == "3 June 2024"
