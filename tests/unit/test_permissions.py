"""The permission table and its marks."""

from __future__ import annotations

import pytest

from webapp.auth import CurrentUser, public, requires
from webapp.auth.permissions import (
    CATALOG_WRITE,
    FORECASTS_MAKE,
    JOBS_MANAGE,
    PERMISSIONS,
    PUBLIC,
    SALES_IMPORT,
    SIGNED_IN,
    SOURCES_MANAGE,
    USERS_MANAGE,
    required_permission,
)


def user(role: str) -> CurrentUser:
    return CurrentUser(1, "a@example.com", "A", role, "sid")


def test_every_role_may_do_what_a_viewer_may() -> None:
    assert all(allowed >= PERMISSIONS["viewer"] for allowed in PERMISSIONS.values())


def test_admin_may_do_what_anybody_may() -> None:
    assert set().union(*PERMISSIONS.values()) == PERMISSIONS["admin"]


@pytest.mark.parametrize(
    ("role", "extra"),
    [
        ("viewer", set()),
        ("planner", {SALES_IMPORT, CATALOG_WRITE, FORECASTS_MAKE}),
        ("operator", {SALES_IMPORT, CATALOG_WRITE, FORECASTS_MAKE, JOBS_MANAGE, SOURCES_MANAGE}),
        ("admin", {SALES_IMPORT, CATALOG_WRITE, FORECASTS_MAKE, JOBS_MANAGE, SOURCES_MANAGE, USERS_MANAGE}),
    ],
)
def test_roles_differ_in_what_they_change(role: str, extra: set[str]) -> None:
    assert PERMISSIONS[role] - PERMISSIONS["viewer"] == extra


def test_unknown_role_may_nothing_but_sign_out() -> None:
    stranger = user("emperor")
    assert stranger.permissions == frozenset()
    assert stranger.can(SIGNED_IN)
    assert not stranger.can(SALES_IMPORT)


def test_marks_are_read_back() -> None:
    assert required_permission(requires(SALES_IMPORT)(lambda: None)) == SALES_IMPORT
    assert required_permission(public(lambda: None)) == PUBLIC
    assert required_permission(lambda: None) is None


def test_misspelled_permission_fails_at_import() -> None:
    with pytest.raises(ValueError, match="sales:imprt"):
        requires("sales:imprt")
