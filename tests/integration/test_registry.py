"""The registry: what is stored of versions, who serves, going back, and what is deleted."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import joblib
import pytest
import sqlalchemy as sa
from panels import panel_of
from sqlalchemy.orm import Session

from ml import registry
from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.results import ModelPromotion, ModelVersion
from ml.errors import ArtifactError, ConflictError, NoChampionError
from ml.etl.extract import Level
from ml.evaluation.intervals import ConformalBands
from ml.models import create
from ml.models.auto import CombinedForecaster
from ml.reconcile import Reconciler, Reconciliation
from ml.reconcile.reconciliation import BOTTOM_UP
from ml.registry import libraries
from ml.registry.artifacts import Bundle, dump, load, register
from ml.registry.retention import prune_artifacts

USER = "planner@example.com"
SUMS_ALONE = Reconciler(Reconciliation(BOTTOM_UP, "", {}))


@pytest.fixture(scope="module")
def forecaster() -> CombinedForecaster:
    """The cheapest model, fitted."""
    return create("seasonal_naive", horizon=3).fit(panel_of({"a": [*range(1, 25)], "b": [5.0, 7.0] * 12}))


@pytest.fixture
def versions(session: Session, store: ArtifactStore, forecaster: CombinedForecaster) -> list[ModelVersion]:
    """Three versions; the last one serves, after the first and the second."""
    rows = [add(session, store, forecaster) for _ in range(3)]
    for row in rows:
        registry.promote(session, row, "It is better.")
    session.commit()
    return rows


def add(session: Session, store: ArtifactStore, forecaster: CombinedForecaster, **columns: Any) -> ModelVersion:
    bundle = Bundle(forecaster, Level("total", "total"), ConformalBands({}, 0.0), SUMS_ALONE)
    facts: dict[str, Any] = {
        "model_name": "sales-monthly",
        "model_type": forecaster.name,
        "grain": "monthly",
        "segment": "",
        "location_level": "total",
        "product_level": "total",
        "metrics": {"scores": {}},
        "parameters": forecaster.parameters,
        "features": forecaster.features,
        "data_from": date(2022, 1, 1),
        "data_to": date(2023, 12, 1),
        "series_count": 1,
    }
    return register(session, store, bundle, **{**facts, **columns})


def served(session: Session) -> int:
    return registry.champion(session, "monthly").version


def test_what_was_stored_is_loaded_and_forecasts_the_same(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster
) -> None:
    row = add(session, store, forecaster)
    loaded = load(store, row)
    assert loaded.base == Level("total", "total")
    assert loaded.forecaster.predict(3).equals(forecaster.predict(3))
    assert row.artifact_bytes == len(store.get(row.path, row.checksum)) < 100_000


@pytest.mark.parametrize("name", ["numpy", "pandas", "scikit-learn", "lightgbm", "joblib", "python"])
def test_a_version_of_another_minor_release_of_a_library_is_refused(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster, name: str
) -> None:
    row = add(session, store, forecaster)
    now = row.libraries[name]
    row.libraries = {**row.libraries, name: "0.1.9"}
    with pytest.raises(
        ArtifactError, match=rf"sales-monthly/1 was saved with {name} 0\.1\.9 \(now {now}\).*Train again"
    ):
        load(store, row)


def test_a_patch_release_of_a_library_is_no_obstacle(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster
) -> None:
    row = add(session, store, forecaster)
    major, minor = row.libraries["numpy"].split(".")[:2]
    row.libraries = {**row.libraries, "numpy": f"{major}.{minor}.999"}
    assert load(store, row).forecaster.name == "seasonal_naive"


def test_a_version_of_a_library_that_is_gone_is_refused(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster
) -> None:
    row = add(session, store, forecaster)
    row.libraries = {**row.libraries, "catboost": "1.2.0"}
    with pytest.raises(ArtifactError, match=r"catboost 1\.2\.0 \(now absent\)"):
        load(store, row)


def test_a_version_of_another_layout_is_refused(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = add(session, store, forecaster)
    monkeypatch.setattr(libraries, "LAYOUT", "99")
    with pytest.raises(ArtifactError, match=rf"layout {row.libraries['layout']} \(now 99\)"):
        load(store, row)


def test_a_version_from_before_layouts_were_written_down_is_refused(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster
) -> None:
    row = add(session, store, forecaster)
    row.libraries = {name: version for name, version in row.libraries.items() if name != "layout"}
    with pytest.raises(ArtifactError, match="layout 1"):
        load(store, row)


def other_object() -> bytes:
    buffer = io.BytesIO()
    joblib.dump({"a": 1}, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (other_object(), "it holds a dict"),
        (b"cml.registry.gone\nBundle\n.", "ModuleNotFoundError"),
        (b"cml.registry\nGone\n.", "AttributeError"),
        (b"", "Error"),
    ],
    ids=["another object", "a module that is gone", "a class that is gone", "nothing"],
)
def test_a_file_that_is_no_model_is_refused_with_the_reason(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster, content: bytes, why: str
) -> None:
    row = add(session, store, forecaster)
    row.checksum = store.put(row.path, content)
    with pytest.raises(ArtifactError, match=f"no model that this release can load.*{why}.*Train again"):
        load(store, row)


def test_equal_models_give_equal_artifacts(forecaster: CombinedForecaster) -> None:
    bundle = Bundle(forecaster, Level("total", "total"), ConformalBands({}, 0.0), SUMS_ALONE)
    assert dump(bundle) == dump(bundle)


def test_one_version_serves_and_the_one_before_it_is_written_down(
    session: Session, versions: list[ModelVersion]
) -> None:
    assert [row.alias for row in versions] == [None, None, "champion"]
    made = session.scalars(sa.select(ModelPromotion).order_by(ModelPromotion.id)).all()
    first, second, third = (row.id for row in versions)
    assert [(one.model_id, one.previous_id) for one in made] == [(first, None), (second, first), (third, second)]
    assert {(one.kind, one.promoted_by) for one in made} == {("trained", "")}


def test_each_segment_of_a_grain_has_a_champion_of_its_own(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster, versions: list[ModelVersion]
) -> None:
    other = add(session, store, forecaster, model_name="sales-monthly-lumpy", segment="lumpy")
    registry.promote(session, other, "It is the first.")
    assert registry.champion(session, "monthly", "lumpy") is other
    assert registry.champion(session, "monthly") is versions[2]


def test_only_the_newest_that_lost_is_the_challenger(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster, versions: list[ModelVersion]
) -> None:
    for _ in range(2):
        registry.challenge(session, add(session, store, forecaster))
    session.expire_all()
    aliases = session.scalars(sa.select(ModelVersion.alias).order_by(ModelVersion.id)).all()
    assert aliases == [None, None, "champion", None, "challenger"]


def test_a_person_puts_a_version_in_charge(session: Session, versions: list[ModelVersion]) -> None:
    made = registry.promote_by_hand(session, versions[0], USER)
    assert served(session) == 1
    assert (made.kind, made.promoted_by, made.previous_id) == ("manual", USER, versions[2].id)


def test_what_serves_cannot_be_put_in_charge(session: Session, versions: list[ModelVersion]) -> None:
    with pytest.raises(ConflictError, match="sales-monthly/3 serves already"):
        registry.promote_by_hand(session, versions[2], USER)


def test_what_cannot_be_loaded_cannot_be_put_in_charge(session: Session, versions: list[ModelVersion]) -> None:
    versions[0].libraries = {**versions[0].libraries, "pandas": "1.5.3"}
    versions[1].artifact_deleted_at = utc_now()
    session.flush()
    with pytest.raises(ConflictError, match=r"pandas 1\.5\.3 .* cannot be loaded"):
        registry.promote_by_hand(session, versions[0], USER)
    with pytest.raises(ConflictError, match="sales-monthly/2 was deleted on"):
        registry.roll_back(session, "monthly", USER)
    assert served(session) == 3


def test_going_back_twice_goes_two_versions_back_and_no_further(session: Session, versions: list[ModelVersion]) -> None:
    made = registry.roll_back(session, "monthly", USER)
    assert (served(session), made.kind, made.promoted_by) == (2, "rollback", USER)
    assert made.reason == f"{USER} went back from version 3 to version 2."
    registry.roll_back(session, "monthly", USER)
    assert served(session) == 1
    with pytest.raises(ConflictError, match="no version served monthly forecasts before"):
        registry.roll_back(session, "monthly", USER)


def test_without_a_champion_there_is_nothing_to_go_back_from(session: Session) -> None:
    with pytest.raises(NoChampionError):
        registry.roll_back(session, "monthly", USER)


def stored(store: ArtifactStore, rows: list[ModelVersion]) -> list[bool]:
    return [store.exists(row.path) for row in rows]


def test_artifacts_of_old_versions_are_deleted(
    session: Session, store: ArtifactStore, forecaster: CombinedForecaster, versions: list[ModelVersion]
) -> None:
    session.execute(sa.update(ModelPromotion).values(promoted_at=utc_now() - timedelta(days=200)))
    rows = [*versions, *(add(session, store, forecaster) for _ in range(2))]
    registry.challenge(session, rows[3])
    assert prune_artifacts(session, store, keep=1, champion_days=180) == 2
    session.commit()
    assert stored(store, rows) == [False, False, True, True, True]  # the champion, the challenger and the newest
    assert [row.artifact_deleted_at is None for row in rows] == stored(store, rows)
    assert prune_artifacts(session, store, keep=1, champion_days=180) == 0


def test_artifacts_of_versions_that_served_lately_are_kept(
    session: Session, store: ArtifactStore, versions: list[ModelVersion]
) -> None:
    """The second served until 100 days ago, when the third replaced it."""
    days = {1: 400, 2: 300, 3: 100}
    for row in session.scalars(sa.select(ModelPromotion)):
        row.promoted_at = utc_now() - timedelta(days=days[row.model_id - versions[0].id + 1])
    assert prune_artifacts(session, store, keep=1, champion_days=180) == 1
    assert stored(store, versions) == [False, True, True]


def test_each_segment_keeps_its_newest(session: Session, store: ArtifactStore, forecaster: CombinedForecaster) -> None:
    rows = [
        add(session, store, forecaster, model_name=f"sales-monthly-{segment}", segment=segment)
        for segment in ("smooth", "smooth", "lumpy")
    ]
    prune_artifacts(session, store, keep=1, champion_days=1)
    assert stored(store, rows) == [False, True, True]
