"""Logs trained versions to MLflow as well, where it is set up. An optional extra: nothing here depends on it.

The registry of the database says which version serves; MLflow is told how each training ended.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml.artifacts import ArtifactStore
from ml.db.results import ModelVersion
from ml.errors import ArtifactError

log = logging.getLogger(__name__)

FOLDER = "model"
LONGEST_PARAMETER = 500
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""For a server that does not answer, unless the environment says otherwise: MLflow's own patience takes minutes."""


def track(row: ModelVersion, store: ArtifactStore, uri: str, experiment: str) -> str | None:
    """Log a committed version as a run with its scores, and its artifact as a version of a registered model.

    Returns the id of the run; None without a `uri`, and where MLflow is not installed or fails, which is logged.
    """
    if not uri:
        return None
    try:
        mlflow = load_mlflow()
    except ModuleNotFoundError as error:
        log.warning(
            "MLFLOW_TRACKING_URI is set, but %s is not installed; run pip install -r requirements-mlflow.in",
            error.name,
        )
        return None
    try:
        return _log(mlflow.MlflowClient(tracking_uri=uri), row, store.get(row.path, row.checksum), experiment)
    except (mlflow.exceptions.MlflowException, ArtifactError, OSError) as error:
        log.warning("version %s/%s was not logged to MLflow: %s", row.model_name, row.version, error)
        return None


def load_mlflow() -> Any:
    """The library; raises ModuleNotFoundError where it is not installed."""
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    importlib.import_module("mlflow.exceptions")
    return importlib.import_module("mlflow")


def _log(client: Any, row: ModelVersion, content: bytes, experiment: str) -> str:
    known = client.get_experiment_by_name(experiment)
    experiment_id = known.experiment_id if known else client.create_experiment(experiment)
    run = client.create_run(experiment_id, run_name=f"{row.model_name}/{row.version}", tags=_tags(row))
    run_id: str = run.info.run_id
    for name, value in row.parameters.items():
        client.log_param(run_id, name, json.dumps(value)[:LONGEST_PARAMETER])
    for name, score in _scores(row):
        client.log_metric(run_id, name, score)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(row.path).name
        file.write_bytes(content)
        client.log_artifact(run_id, str(file), FOLDER)
    client.set_terminated(run_id)
    if not client.search_registered_models(f"name = '{row.model_name}'"):
        client.create_registered_model(row.model_name)
    source = f"{run.info.artifact_uri}/{FOLDER}"
    client.create_model_version(
        row.model_name, source, run_id, tags=_tags(row), description=f"{row.reason} {row.verdict}"
    )
    return run_id


def _tags(row: ModelVersion) -> dict[str, str]:
    """What identifies the version, as text."""
    facts = {
        "version": row.version,
        "model_type": row.model_type,
        "grain": row.grain,
        "segment": row.segment,
        "level": f"{row.location_level}/{row.product_level}",
        "data_from": row.data_from,
        "data_to": row.data_to,
        "series": row.series_count,
        "outcome": row.alias or "",
        "checksum": row.checksum,
        **{f"library.{name}": version for name, version in row.libraries.items()},
    }
    return {f"forecastle.{name}": str(value) for name, value in facts.items()}


def _scores(row: ModelVersion) -> Iterator[tuple[str, float]]:
    """The version's own scores by name, and those of the other candidates as `model.name`."""
    for model, scores in row.metrics["scores"].items():
        prefix = "" if model == row.model_type else f"{model}."
        yield from ((prefix + name, value) for name, value in scores.items() if value is not None)
