"""The OpenAPI description: true to the routes, and readable without a CDN."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from webapp.auth.permissions import PUBLIC, required_permission
from webapp.schemas.base import LARGEST_ID, Answer, Request

API = "/api/v1"


@pytest.fixture
def description(client: FlaskClient) -> dict:  # type: ignore[type-arg]
    return client.get(f"{API}/openapi.json").json


def operations(description: dict) -> dict[tuple[str, str], dict]:  # type: ignore[type-arg]
    return {(path, method): found for path, item in description["paths"].items() for method, found in item.items()}


def references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_it_describes_every_route_of_the_api(app: Flask, description: dict) -> None:  # type: ignore[type-arg]
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(API) and rule.endpoint != "api_docs.description"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(operations(description)) == routes
    assert description["openapi"] == "3.1.0"


def numbers(name: str, node: object, schemas: dict) -> Iterator[tuple[str, dict]]:  # type: ignore[type-arg]
    """The schemas of whole numbers in a part of the description, with the names that they go by."""
    if isinstance(node, list):
        for part in node:
            yield from numbers(name, part, schemas)
    elif isinstance(node, dict):
        if "$ref" in node:
            yield from numbers(name, schemas[node["$ref"].rpartition("/")[2]], schemas)
        if node.get("type") == "integer":
            yield name, node
        for key, part in node.items():
            known = key in ("items", "anyOf", "schema", "content", "properties", "application/json")
            yield from numbers((node["name"] if "in" in node else name) if known else key, part, schemas)


def test_no_id_is_larger_than_databases_hold(description: dict) -> None:  # type: ignore[type-arg]
    found = [
        (name, number)
        for operation in operations(description).values()
        for part in (operation.get("parameters", []), operation.get("requestBody", {}))
        for name, number in numbers("", part, description["components"]["schemas"])
        if name.endswith(("id", "ids"))
    ]
    assert {"job_id", "ids", "source_id"} <= {name for name, _ in found}
    assert [name for name, number in found if number.get("maximum", LARGEST_ID + 1) > LARGEST_ID] == []


def test_every_reference_leads_somewhere(description: dict) -> None:  # type: ignore[type-arg]
    schemas = description["components"]["schemas"]
    assert {reference.rpartition("/")[2] for reference in references(description)} <= set(schemas)


def test_errors_are_described_as_problem_documents(description: dict) -> None:  # type: ignore[type-arg]
    for where, operation in operations(description).items():
        errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        assert {"401", "422"} <= set(errors), where
        for answer in errors.values():
            assert set(answer["content"]) == {"application/problem+json"}, where


def test_operations_ask_for_a_token_where_their_routes_do(
    app: Flask,
    description: dict,  # type: ignore[type-arg]
) -> None:
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(API) or rule.endpoint == "api_docs.description":
            continue
        item = description["paths"][re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)]
        open_to_all = required_permission(app.view_functions[rule.endpoint]) == PUBLIC
        for operation in item.values():
            assert bool(operation.get("security")) != open_to_all, rule


def test_page_needs_no_other_host_and_no_inline_script(client: FlaskClient) -> None:
    with client.get("/api/docs") as page:
        html = page.get_data(as_text=True)
    assets = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert all(asset.startswith("/api/") for asset in assets)
    assert not re.search(r"<script>|<style| style=| on\w+=", html)
    for asset in assets:
        with client.get(asset) as answer:
            assert answer.status_code == 200, asset
    assert client.get("/api/docs/page.html").status_code == 404


def test_no_two_types_share_a_name() -> None:
    """In the description one would take the place of the other."""
    for kind in (Answer, Request):
        found = [model.__name__ for model in every_kind_of(kind) if model.__name__.endswith(("Answer", "List", "Body"))]
        assert sorted(found) == sorted(set(found))


def every_kind_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for kind in model.__subclasses__():
        if kind.__module__.startswith("webapp.schemas"):
            yield kind
        yield from every_kind_of(kind)
