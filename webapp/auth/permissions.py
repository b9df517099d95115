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

SERVICE = "service"
"""The role that a service token shows; what it may do is its own."""

FOR_TOKENS = PERMISSIONS["admin"] - {USERS_MANAGE}
"""What a service token may be given: none makes accounts or tokens."""

SIGNED_IN = "signed-in"
"""What a route asks for that anybody who signed in may use, such as signing out."""

READING = VIEWER | {SIGNED_IN}
"""What is asked for by views that change nothing of the business."""

PUBLIC = "public"
MARK = "required_permission"
SCOPED_MARK = "scoped"


def requires(permission: str, *, scoped: bool = False) -> Callable[[View], View]:
    """Mark a view as open to whoever has `permission`.

    Views that read are open to callers who are limited to regions: their queries are limited too
    (webapp.queries.scope). All others are closed to them unless they are `scoped`: they change only what lies inside.
    So whatever concerns everybody (models, policies, products, sources, accounts, files of all regions) is closed.

    The marks are only read here; `webapp.auth.guard` enforces them before the view, its
    validation of the request and everything else run, and refuses a view without one.
    """
    if permission != SIGNED_IN and permission not in PERMISSIONS["admin"]:
        raise ValueError(f"unknown permission {permission!r}; expected one of {sorted(PERMISSIONS['admin'])}")

    def mark(view: View) -> View:
        setattr(view, MARK, permission)
        setattr(view, SCOPED_MARK, scoped or permission in READING)
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


def is_scoped(view: Callable[..., Any]) -> bool:
    """Whether a view is open to callers who are limited to regions."""
    return bool(getattr(view, SCOPED_MARK, False))
