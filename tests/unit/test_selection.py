"""Which model serves, and that the reason says why."""

from __future__ import annotations

import pytest

from ml.errors import DataError
from ml.evaluation.metrics import Scores
from ml.evaluation.selection import choose


def scores(wql: float | None, wape: float | None = None) -> Scores:
    return {"wql": wql, "wape": wql if wape is None else wape, "rows": 1200.0}


def test_the_better_model_serves_with_both_numbers_in_the_reason() -> None:
    choice = choose({"seasonal_naive": scores(0.13, 0.2), "lightgbm": scores(0.107, 0.16)})
    assert choice.name == "lightgbm"
    for part in ("0.107", "0.130", "18% less", "16.0%", "20.0%", "1,200"):
        assert part in choice.reason


def test_a_model_that_does_not_beat_the_floor_is_not_served() -> None:
    for loss in (0.13, 0.2, None):
        choice = choose({"seasonal_naive": scores(0.13), "lightgbm": scores(loss)})
        assert choice.name == "seasonal_naive"
        assert "No model beat seasonal_naive" in choice.reason


def test_better_bands_do_not_outweigh_a_much_worse_median() -> None:
    assert choose({"seasonal_naive": scores(0.13, 0.2), "x": scores(0.12, 0.25)}).name == "seasonal_naive"


def test_the_best_of_several_serves() -> None:
    assert choose({"seasonal_naive": scores(0.13), "a": scores(0.12), "b": scores(0.11)}).name == "b"


def test_the_cost_of_stock_may_choose_instead_of_the_loss() -> None:
    floor, bold, safe = scores(0.13), scores(0.11), scores(0.12)
    for model, cost in ((floor, 0.05), (bold, 0.045), (safe, 0.03)):
        model["stock_cost"] = cost
    all_of_them = {"seasonal_naive": floor, "bold": bold, "safe": safe}
    assert choose(all_of_them).name == "bold"
    choice = choose(all_of_them, "stock_cost")
    assert (choice.name, choice.loss) == ("safe", "stock_cost")
    assert "a stock cost of 0.030 against 0.050 of seasonal_naive (40% less)" in choice.reason


def test_without_sales_or_rivals_the_floor_serves_and_says_so() -> None:
    nothing = choose({"seasonal_naive": scores(None), "lightgbm": scores(None)})
    assert nothing.name == "seasonal_naive"
    assert "nothing was sold" in nothing.reason
    assert "only model" in choose({"seasonal_naive": scores(0.1)}).reason


def test_a_choice_needs_models() -> None:
    with pytest.raises(DataError, match="no model to choose from"):
        choose({})
