"""Versions logged to MLflow as well, with a module in its place."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ml.artifacts import ArtifactStore
from ml.db.results import ModelVersion
from ml.registry.tracking import track

URI = "http://mlflow:5000"


class MlflowError(Exception):
    """As `mlflow.exceptions.MlflowException`."""


class Client:
    """Writes down what it is told, where `mlflow.MlflowClient` would send it."""

    def __init__(self, tracking_uri: str) -> None:
        self.uri = tracking_uri
        self.told: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def tell(*args: Any, **named: Any) -> Any:
            self.told.append((name, args, named))
            return ANSWERS.get(name)

        return tell

    def log_artifact(self, run_id: str, file: str, folder: str) -> None:
        """The file is a temporary one: read it at once."""
        self.told.append(("log_artifact", (run_id, f"{folder}/{Path(file).name}", Path(file).read_bytes()), {}))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """What followed the run's id in each call of that name."""
        return [args[1:] for told, args, _ in self.told if told == name]


class Silent(Client):
    """The client of a server that does not answer."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise MlflowError("the server does not answer")


ANSWERS = {
    "create_experiment": "1",
    "create_run": SimpleNamespace(info=SimpleNamespace(run_id="r-1", artifact_uri="store/r-1")),
}


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of that name, which keeps the clients that are made of it in `clients`."""
    module, exceptions = ModuleType("mlflow"), ModuleType("mlflow.exceptions")
    clients: list[Client] = []

    def connect(tracking_uri: str) -> Client:
        clients.append(Client(tracking_uri))
        return clients[-1]

    vars(exceptions).update(MlflowException=MlflowError)
    vars(module).update(MlflowClient=connect, exceptions=exceptions, clients=clients)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.exceptions", exceptions)
    return module


@pytest.fixture
def row(store: ArtifactStore) -> ModelVersion:
    """A version whose artifact is stored."""
    path = "models/sales-monthly/3-abc.joblib"
    return ModelVersion(
        model_name="sales-monthly",
        model_type="lightgbm",
        version=3,
        path=path,
        checksum=store.put(path, b"the model"),
        metrics={"scores": {"seasonal_naive": {"wql": 0.5, "mase": None}, "lightgbm": {"wql": 0.4, "mase": 0.9}}},
        alias="challenger",
        grain="monthly",
        segment="",
        location_level="area",
        product_level="product",
        parameters={"leaves": 31, "lags": [1, 12]},
        features=["lag_1"],
        data_from=date(2021, 1, 1),
        data_to=date(2023, 12, 1),
        series_count=7,
        reason="It is best.",
        verdict="It does not replace version 2.",
        libraries={"numpy": "2.4.6"},
    )


def test_a_version_is_logged_with_scores_parameters_and_its_artifact(
    mlflow: ModuleType, row: ModelVersion, store: ArtifactStore
) -> None:
    assert track(row, store, URI, "sales") == "r-1"
    (client,) = mlflow.clients
    assert client.uri == URI
    assert dict(client.of("log_metric")) == {"wql": 0.4, "mase": 0.9, "seasonal_naive.wql": 0.5}
    assert dict(client.of("log_param")) == {"leaves": "31", "lags": "[1, 12]"}
    assert client.of("log_artifact") == [("model/3-abc.joblib", b"the model")]
    named = {name: details for name, _, details in client.told}
    assert named["create_run"]["run_name"] == "sales-monthly/3"
    tags = named["create_run"]["tags"]
    assert (tags["forecastle.outcome"], tags["forecastle.data_to"]) == ("challenger", "2023-12-01")
    assert tags["forecastle.library.numpy"] == "2.4.6"
    assert client.of("create_model_version") == [("store/r-1/model", "r-1")]
    assert named["create_model_version"]["description"] == "It is best. It does not replace version 2."
    told = [name for name, _, _ in client.told]
    assert told.index("create_registered_model") < told.index("create_model_version")


def test_without_an_address_nothing_is_logged(mlflow: ModuleType, row: ModelVersion, store: ArtifactStore) -> None:
    assert track(row, store, "", "sales") is None
    assert mlflow.clients == []


def test_a_server_that_does_not_answer_costs_no_training(
    mlflow: ModuleType, row: ModelVersion, store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    vars(mlflow).update(MlflowClient=Silent)
    with caplog.at_level(logging.WARNING):
        assert track(row, store, URI, "sales") is None
    assert "sales-monthly/3 was not logged to MLflow: the server does not answer" in caplog.text


def test_without_the_library_it_says_how_to_install_it(
    row: ModelVersion, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with caplog.at_level(logging.WARNING):
        assert track(row, store, URI, "sales") is None
    assert "pip install -r requirements-mlflow.in" in caplog.text
