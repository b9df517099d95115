"""The versions of libraries that an artifact depends on. Reads package metadata only: no library is loaded."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

PICKLED_BY = (
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "lightgbm",
    "xgboost-cpu",
    "xgboost",
    "statsforecast",
    "prophet",
    "joblib",
)
"""Libraries whose objects an artifact may hold; another minor version of one may read it wrongly."""

LAYOUT = "5"
"""Of what a bundle holds. Raise it when a class that is pickled keeps other attributes than before, or moves to another
module, or a feature is measured in another way: artifacts that were saved before are then refused, and trained anew."""

FIRST_LAYOUT = "1"
"""That of versions that were saved before layouts were written down."""


def library_versions() -> dict[str, str]:
    """The versions that an artifact saved now depends on: Python's, the installed libraries', and the layout."""
    return {"python": platform.python_version(), "layout": LAYOUT, **dict(_installed())}


def changed_libraries(then: Mapping[str, str]) -> list[str]:
    """What has another major or minor version than `then`, as `numpy 2.3.1 (now 2.4.6)`; a patch does not count."""
    now = library_versions()
    saved = {"layout": FIRST_LAYOUT, **then}
    return [
        f"{name} {version} (now {now.get(name, 'absent')})"
        for name, version in saved.items()
        if _minor(version) != _minor(now.get(name, ""))
    ]


def _installed() -> list[tuple[str, str]]:
    found = []
    for name in PICKLED_BY:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return found


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
