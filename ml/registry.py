"""Model versions: their artifacts, and which one serves each grain."""

from __future__ import annotations

import hashlib
import io
import platform
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import joblib
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.results import ModelVersion
from ml.errors import ArtifactError, NoChampionError
from ml.etl.extract import Level
from ml.evaluation.intervals import ConformalBands
from ml.models.base import Forecaster

PICKLED_BY = ("numpy", "pandas", "scikit-learn", "lightgbm", "joblib")
"""Libraries whose objects an artifact holds; another minor version of one may read it wrongly."""


@dataclass(frozen=True)
class Bundle:
    """What is needed to forecast: the fitted model, its level, and the bands of the levels above."""

    forecaster: Forecaster
    base: Level
    bands: ConformalBands  # grouped by level, "place/product"


def library_versions() -> dict[str, str]:
    """The versions that an artifact depends on, Python's own included."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PICKLED_BY}}


def register(session: Session, store: ArtifactStore, bundle: Bundle, **columns: Any) -> ModelVersion:
    """Store the artifact and add the version's row; the caller commits.

    `columns` are the remaining columns of ModelVersion. The artifact is written first: a row never
    points to a file that is not there.
    """
    name = columns["model_name"]
    version = next_version(session, name)
    content = dump(bundle)
    path = f"models/{name}/{version}-{hashlib.sha256(content).hexdigest()[:12]}.joblib"
    checksum = store.put(path, content)
    row = ModelVersion(version=version, path=path, checksum=checksum, libraries=library_versions(), **columns)
    session.add(row)
    session.flush()
    return row


def next_version(session: Session, name: str) -> int:
    """One more than the newest version of that name."""
    newest = session.scalar(sa.select(sa.func.max(ModelVersion.version)).where(ModelVersion.model_name == name))
    return (newest or 0) + 1


def promote(session: Session, row: ModelVersion) -> None:
    """Make `row` the champion of its grain; the caller commits."""
    serving = sa.update(ModelVersion).where(ModelVersion.slot == row.grain)
    session.execute(serving.values(slot=None, alias=None))
    row.slot, row.alias = row.grain, "champion"
    session.flush()


def champion(session: Session, grain: str) -> ModelVersion:
    """The version that serves `grain`; raises NoChampionError where none does."""
    row = session.scalar(sa.select(ModelVersion).where(ModelVersion.slot == grain))
    if row is None:
        raise NoChampionError(f"no model serves {grain} forecasts yet. Import sales and train first.")
    return row


def dump(bundle: Bundle) -> bytes:
    """The bundle as bytes."""
    buffer = io.BytesIO()
    joblib.dump(bundle, buffer, compress=3)
    return buffer.getvalue()


def load(store: ArtifactStore, row: ModelVersion) -> Bundle:
    """The stored model of a version.

    Raises ArtifactError where the file is missing or damaged, or where a library that wrote it has
    another minor version now: such files may load and forecast something else.
    """
    check_libraries(row)
    bundle: Bundle = joblib.load(io.BytesIO(store.get(row.path, row.checksum)))
    return bundle


def check_libraries(row: ModelVersion) -> None:
    """Raises ArtifactError naming the libraries whose minor version differs from the stored one."""
    now = library_versions()
    changed = [
        f"{name} {then} (now {now.get(name, 'absent')})"
        for name, then in row.libraries.items()
        if _minor(then) != _minor(now.get(name, ""))
    ]
    if changed:
        raise ArtifactError(
            f"model {row.model_name}/{row.version} was saved with {', '.join(changed)} and is not loaded blindly. "
            "Train again, or install the versions it was saved with."
        )


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
