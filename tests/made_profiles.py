"""Profiles and cells of accuracy as rows, for tests of pages that need them and not how they were made."""

from __future__ import annotations

from datetime import date
from typing import Any

from ml.db.profiles import AccuracyCell, SeriesProfile

AS_OF = date(2024, 5, 1)


def a_profile(**values: Any) -> SeriesProfile:
    """A region's total that sold 1,200 in a year; keywords replace columns."""
    defaults: dict[str, Any] = {
        "location_level": "region", "product_level": "total", "region": "East", "as_of": AS_OF, "last12": 1200.0,
        "previous12": 1000.0, "next12": 1300.0, "growth": 0.2, "variation": 0.1, "volume_class": "A",
        "variability_class": "X", "trend": [100.0] * 24, "outlook": [108.0] * 12,
    }  # fmt: skip
    return SeriesProfile(**{**defaults, **values})


def a_cell(**values: Any) -> AccuracyCell:
    """One forecast of a region's total, a month ahead, a fifth too high."""
    defaults: dict[str, Any] = {
        "grain": "monthly", "location_level": "region", "product_level": "total", "period": AS_OF, "horizon": 1,
        "region": "East", "forecasts": 1, "actual": 100.0, "size": 100.0, "forecast": 120.0, "error": 20.0, "inside": 1,
    }  # fmt: skip
    return AccuracyCell(**{**defaults, **values})
