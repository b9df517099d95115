"""Who may do what: one table, and the two marks of which every route carries one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

SALES_READ = "sales:read"
SALES_IMPORT = "sales:import"
SOURCES_MANAGE = "sources:manage"
CATALOG_WRITE = "catalog:write"
FORECASTS_MAKE = "forecasts:make"
MODELS_READ = "models:read"
JOBS_READ = "jobs:read"
JOBS_MANAGE = "jobs:manage"
USERS_MANAGE = "users:manage"

VIEWER = frozenset({SALES_READ, JOBS_READ, MODELS_READ})
PERMISSIONS: dict[str, frozenset[str]] = {
    "viewer": VIEWER,
    "planner": VIEWER | {SALES_IMPORT, CATALOG_WRITE, FORECASTS_MAKE},
    "operator": VIEWER | {SALES_IMPORT, CATALOG_WRITE, FORECASTS_MAKE, JOBS_MANAGE, SOURCES_MANAGE},
    "admin": VIEWER | {SALES_IMPORT, CATALOG_WRITE, FORECASTS_MAKE, JOBS_MANAGE, SOURCES_MANAGE, USERS_MANAGE},
}
"""The permissions of each role."""

SIGNED_IN = "signed-in"
"""What a route asks for that anybody who signed in may use, such as signing out."""

PUBLIC = "public"
MARK = "required_permission"


def requires(permission: str) -> Callable[[View], View]:
    """Mark a view as open to whoever has `permission`.

    The mark is only read here; `webapp.auth.guard` enforces it before the view, its
    validation of the request and everything else run, and refuses a view without one.
    """
    if permission != SIGNED_IN and permission not in PERMISSIONS["admin"]:
        raise ValueError(f"unknown permission {permission!r}; expected one of {sorted(PERMISSIONS['admin'])}")

    def mark(view: View) -> View:
        setattr(view, MARK, permission)
        return view

    return mark


def public(view: View) -> View:
    """Mark a view as open to everybody."""
    setattr(view, MARK, PUBLIC)
    return view


def required_permission(view: Callable[..., Any]) -> str | None:
    """The permission that a view asks for; None where nobody marked it."""
    mark: str | None = getattr(view, MARK, None)
    return mark
