"""What is stored of a version: written once, checked whenever it is read, and never loaded blindly."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import joblib
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.bulk import lock_for_writing
from ml.db.results import ModelVersion
from ml.errors import ArtifactError
from ml.etl.extract import Level
from ml.evaluation.intervals import ConformalBands
from ml.models.auto import CombinedForecaster
from ml.reconcile import Reconciler
from ml.registry.libraries import changed_libraries, library_versions
from ml.registry.promotion import label
from ml.registry.versions import next_version


@dataclass(frozen=True)
class Bundle:
    """What is needed to forecast: the fitted model, its level, the bands of the levels above, and what reconciles."""

    forecaster: CombinedForecaster
    base: Level
    bands: ConformalBands  # grouped by level, "place/product"
    reconciler: Reconciler


def register(session: Session, store: ArtifactStore, bundle: Bundle, **columns: Any) -> ModelVersion:
    """Store the artifact and add the version's row, neither champion nor challenger yet; the caller commits.

    `columns` are the remaining columns of ModelVersion. The artifact is written first: a row never
    points to a file that is not there.
    """
    content = dump(bundle)
    lock_for_writing(session, ModelVersion)
    name = columns["model_name"]
    version = next_version(session, name)
    path = f"models/{name}/{version}-{hashlib.sha256(content).hexdigest()[:12]}.joblib"
    checksum = store.put(path, content)
    row = ModelVersion(
        version=version, path=path, checksum=checksum, artifact_bytes=len(content), libraries=library_versions(),
        **columns,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def dump(bundle: Bundle) -> bytes:
    """The bundle as bytes."""
    buffer = io.BytesIO()
    joblib.dump(bundle, buffer, compress=3)
    return buffer.getvalue()


def load(store: ArtifactStore, row: ModelVersion) -> Bundle:
    """The stored model of a version.

    Raises ArtifactError where the file is missing or damaged, where a library that wrote it has
    another minor version now (such files may load and forecast something else), or where it does not load.
    """
    check_libraries(row)
    content = store.get(row.path, row.checksum)
    try:
        bundle = joblib.load(io.BytesIO(content))
    except (AttributeError, ImportError, TypeError, ValueError, LookupError, EOFError) as error:
        raise _unreadable(row, f"{type(error).__name__}: {error}") from error
    if not isinstance(bundle, Bundle):
        raise _unreadable(row, f"it holds a {type(bundle).__name__}")
    return bundle


def check_libraries(row: ModelVersion) -> None:
    """Raises ArtifactError naming the libraries whose minor version differs from the stored one."""
    if changed := changed_libraries(row.libraries):
        raise ArtifactError(
            f"{label(row)} was saved with {', '.join(changed)} and is not loaded blindly. "
            "Train again, or install the versions it was saved with."
        )


def _unreadable(row: ModelVersion, why: str) -> ArtifactError:
    return ArtifactError(f"the artifact of {label(row)} is no model that this release can load ({why}). Train again.")
