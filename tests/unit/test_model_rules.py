"""The settings of when models are replaced."""

from __future__ import annotations

import pytest

from ml.errors import ConfigurationError
from ml.evaluation.selection import LOSSES
from ml.settings import CHOOSE_BY, ModelRules, Settings


def test_without_settings_one_percent_less_loss_is_asked_for() -> None:
    assert Settings.from_env({}).models == ModelRules(0.01, 90, 10, 180, "", "forecastle")


def test_rules_are_read_from_the_environment() -> None:
    env = {
        "FORECASTLE_PROMOTE_MARGIN": "0",
        "FORECASTLE_CHAMPION_DAYS": "31",
        "FORECASTLE_KEEP_MODELS": "3",
        "FORECASTLE_KEEP_CHAMPION_DAYS": "7",
        "MLFLOW_TRACKING_URI": " http://mlflow:5000 ",
        "MLFLOW_EXPERIMENT_NAME": "sales",
        "FORECASTLE_CHOOSE_BY": "stock_cost",
    }
    assert ModelRules.from_env(env) == ModelRules(0.0, 31, 3, 7, "http://mlflow:5000", "sales", "stock_cost")


def test_what_chooses_models_is_known() -> None:
    assert set(CHOOSE_BY) == set(LOSSES)
    with pytest.raises(ConfigurationError, match="FORECASTLE_CHOOSE_BY is 'price'; expected one of wql, stock_cost"):
        ModelRules.from_env({"FORECASTLE_CHOOSE_BY": "price"})


@pytest.mark.parametrize("margin", ["1", "-0.1", "nan", "a tenth"])
def test_a_margin_is_a_share(margin: str) -> None:
    with pytest.raises(ConfigurationError, match=r"FORECASTLE_PROMOTE_MARGIN is .*expected a share.*such as 0\.01"):
        ModelRules.from_env({"FORECASTLE_PROMOTE_MARGIN": margin})
