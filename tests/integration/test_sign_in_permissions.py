"""Every route carries a permission, and none is open by accident. Who may use which: test_access.py."""

from __future__ import annotations

from flask import Flask
from web_fixtures import ClientFor, assert_problem
from werkzeug.routing import Rule

from webapp.auth.permissions import PUBLIC, required_permission

OPEN = {
    "account.register",
    "account.registration",
    "account.sign_in",
    "account.sign_in_form",
    "api_auth.exchange",
    "api_auth.login",
    "api_auth.register",
    "api_docs.asset",
    "api_docs.description",
    "api_docs.page",
    "api_status.show_health",
    "health.health",
    "health.ready",
    "metrics.show",
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
