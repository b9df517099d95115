"""What holds for many operations, added to the description that the views' types make."""

from __future__ import annotations

import copy
import re
from threading import Lock
from typing import Any

from flask_openapi.openapi import OpenAPI

from webapp.api.blueprint import DescribedBlueprint
from webapp.api.idempotency import HEADER, LONGEST, MARK
from webapp.api.listing import CSV, LINES
from webapp.auth.permissions import PUBLIC, required_permission

KEPT = "forecastle.description"
MAKING = Lock()
VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
ADDED = ("get", "post", "put", "delete", "patch")

KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
    "description": "A name of this request, chosen by you: sent again, it answers as before and writes nothing twice.",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of the record as you read it; where it was changed since, 412.",
}
RATE_HEADERS = {
    "RateLimit-Limit": {"description": "Requests of this route in a minute.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "How many of them are left.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until they are all back.", "schema": {"type": "integer"}},
}


def described(app: OpenAPI) -> dict[str, Any]:
    """The whole description, made once."""
    with MAKING:
        if KEPT not in app.extensions:
            app.extensions[KEPT] = describe(app)
    return dict(app.extensions[KEPT])


def describe(app: OpenAPI) -> dict[str, Any]:
    """The description of all blueprints."""
    for blueprint in app.blueprints.values():
        if isinstance(blueprint, DescribedBlueprint):
            blueprint.describe()
            app.tags += blueprint.tags
            app.paths.update(blueprint.paths)
            app.components_schemas.update(blueprint.components_schemas)
    document: dict[str, Any] = copy.deepcopy(app.api_doc)
    lists = paged_lists(document["components"]["schemas"])
    keyed = keyed_routes(app)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ADDED:
                complete(operation, lists, keyed=method == "post" and path in keyed)
    return document


def complete(operation: dict[str, Any], lists: set[str], *, keyed: bool) -> None:
    """Add headers and formats to one operation."""
    headers = [KEY] if keyed else []
    if "412" in operation["responses"]:
        headers.append(IF_MATCH)
    if headers:
        operation["parameters"] = [*operation.get("parameters", []), *headers]
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["headers"] = {**answer.get("headers", {}), **RATE_HEADERS}
    content = operation["responses"].get("200", {}).get("content", {})
    name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    if name in lists:
        content[CSV] = {"schema": {"type": "string", "description": "The items; without limit and cursor, all."}}
        content[LINES] = {"schema": {"type": "string", "description": "One item a line; else as CSV."}}


def paged_lists(schemas: dict[str, Any]) -> set[str]:
    """The names of the models that are pages of a list."""
    return {name for name, schema in schemas.items() if "next_cursor" in schema.get("properties", {})}


def keyed_routes(app: OpenAPI) -> set[str]:
    """The paths whose POST takes a key and does not say so itself."""
    found = set()
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if "POST" in (rule.methods or ()) and not hasattr(view, MARK) and required_permission(view) != PUBLIC:
            found.add(VARIABLE.sub(r"{\1}", rule.rule))
    return found
