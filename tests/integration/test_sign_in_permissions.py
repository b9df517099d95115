"""Every route carries a permission, and every role gets exactly what the table says."""

from __future__ import annotations

import pytest
from flask import Flask
from web_fixtures import ClientFor, assert_problem
from werkzeug.routing import Rule

from webapp.auth.permissions import PERMISSIONS, PUBLIC, SIGNED_IN, required_permission

OPEN = {
    "account.sign_in",
    "account.sign_in_form",
    "api_auth.exchange",
    "api_auth.login",
    "api_auth.register",
    "api_docs.asset",
    "api_docs.description",
    "api_docs.page",
    "health.health",
    "health.ready",
    "static",
}
"""The routes that need no sign-in; a new one must be added here deliberately."""


def permission(app: Flask, rule: Rule) -> str | None:
    return required_permission(app.view_functions[rule.endpoint])


def guarded(app: Flask, prefix: str) -> list[tuple[Rule, str, str]]:
    """Route, path and method of all guarded routes below a prefix."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OPEN or rule.rule.startswith("/api/") != (prefix == "/api/"):
            continue
        built = rule.build(dict.fromkeys(rule.arguments, 1))
        assert built is not None
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        found += [(rule, built[1], method) for method in methods]
    assert found
    return found


def test_every_route_has_a_permission(app: Flask) -> None:
    assert [rule.rule for rule in app.url_map.iter_rules() if permission(app, rule) is None] == []


def test_open_routes_are_those_listed(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules() if permission(app, rule) == PUBLIC} == OPEN


def test_route_without_a_permission_is_closed(app: Flask, browser: ClientFor) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = browser("admin").get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.get_data(as_text=True)


def test_every_guarded_route_refuses_strangers(app: Flask) -> None:
    client = app.test_client()
    for _, path, method in guarded(app, "/api/"):
        assert_problem(client.open(path, method=method), 401, "missing-token")
    for _, path, method in guarded(app, "/"):
        assert client.open(path, method=method).headers["Location"].startswith("/login")


@pytest.mark.parametrize("role", PERMISSIONS)
def test_each_role_is_refused_exactly_what_it_may_not_do(app: Flask, api: ClientFor, role: str) -> None:
    for rule, path, method in guarded(app, "/api/"):
        needed = permission(app, rule)
        if needed == SIGNED_IN:
            continue
        refused = api(role).open(path, method=method).status_code == 403
        assert refused == (needed not in PERMISSIONS[role]), f"{method} {path} as {role}"


@pytest.mark.parametrize("role", PERMISSIONS)
def test_each_role_is_refused_exactly_the_pages_it_may_not_use(app: Flask, browser: ClientFor, role: str) -> None:
    client = browser(role)
    for rule, path, method in guarded(app, "/"):
        needed = permission(app, rule)
        if needed == SIGNED_IN:
            continue
        refused = client.open(path, method=method).status_code == 403
        assert refused == (needed not in PERMISSIONS[role]), f"{method} {path} as {role}"
