"""Every module of `ml.db` with tables; importing this one makes `Base.metadata` complete."""

from __future__ import annotations

from ml.db import (
    audit,
    catalog,
    cleaning,
    drivers,
    imports,
    insights,
    inventory,
    overrides,
    profiles,
    receivables,
    restock,
    results,
    sales,
    scenarios,
)

__all__ = [
    "audit",
    "catalog",
    "cleaning",
    "drivers",
    "imports",
    "insights",
    "inventory",
    "overrides",
    "profiles",
    "receivables",
    "restock",
    "results",
    "sales",
    "scenarios",
]
