"""The blueprint that every part of the API is made with."""

from __future__ import annotations

import inspect
import json
from types import FunctionType
from typing import Any

from flask import Response, current_app, request
from flask_openapi.blueprint import APIBlueprint
from werkzeug.exceptions import BadRequest

from webapp.api import cache, idempotency, limits
from webapp.api.answers import problems
from webapp.errors import FieldError, InvalidRequestError

PREFIX = "/api/v1"
LARGEST_JSON = 16 << 20
"""Bytes of a JSON body, which is read as a whole: room for 10,000 rows of 1.6 kB."""

TOKEN: list[dict[str, list[str]]] = [{"bearer": []}]
"""How the description says that an operation needs a token."""


class DescribedBlueprint(APIBlueprint):
    """A blueprint that is described when somebody asks: making schemas of all types takes a fifth of the start."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._operations: list[tuple[str, FunctionType, dict[str, Any]]] = []

    def _collect_openapi_info(self, rule: str, func: FunctionType, **options: Any) -> Any:
        """What the view takes; the description of the operation waits."""
        self._operations.append((rule, func, options))
        return super()._collect_openapi_info(rule, func, **{**options, "doc_ui": False})

    def describe(self) -> None:
        """Make the descriptions that wait, into `tags`, `paths` and `components_schemas`."""
        for rule, func, options in self._operations:
            super()._collect_openapi_info(rule, func, **options)
        self._operations.clear()


def api_blueprint(tag: str, path: str = "", security: list[dict[str, list[str]]] = TOKEN) -> DescribedBlueprint:
    """A part of the API below `/api/v1` and `path`, under one heading of the description."""
    blueprint = DescribedBlueprint(
        f"api_{tag}",
        f"webapp.api.{tag}",
        url_prefix=PREFIX + path,
        abp_tags=[{"name": tag}],
        abp_security=security,
        abp_responses=problems(401, 403, 406, 422, 429, 503),
    )
    for before in (answer_options, limits.check, check_shape, cache.find, idempotency.begin):
        blueprint.before_request(before)
    for after in (limits.tell, cache.keep, idempotency.finish):
        blueprint.after_request(after)
    blueprint.teardown_request(idempotency.close)
    return blueprint


def answer_options() -> Response | None:
    """Which methods an address takes, which browsers ask before a script of another site calls: ahead of all that is
    checked, counted and kept of calls."""
    return current_app.make_default_options_response() if request.method == "OPTIONS" else None


def check_shape() -> None:
    """Refuse what validation by model does not see: query parameters that repeat or that
    nobody reads, and bodies that are no JSON (which it would take for empty ones)."""
    takes = inspect.signature(current_app.view_functions[str(request.endpoint)]).parameters
    unread = [] if "query" in takes else list(request.args)
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if unread or repeated:
        raise InvalidRequestError(
            [FieldError(name, "this query parameter is unknown") for name in unread]
            + [FieldError(name, "this query parameter is given more than once") for name in repeated]
        )
    if "body" in takes:
        request.max_content_length = min(LARGEST_JSON, request.max_content_length or LARGEST_JSON)
        read_json()
    if "form" in takes:
        check_form()


def read_json() -> None:
    """Parse the body; raises BadRequest or UnsupportedMediaType where it is no JSON."""
    try:
        request.get_json()
    except RecursionError:
        raise BadRequest("the JSON body is nested too deeply.") from None


def check_form() -> None:
    """Raise BadRequest where a field of the form is JSON that nests too deeply to be read."""
    for name, text in request.form.items():
        try:
            json.loads(text)
        except RecursionError:
            raise BadRequest(f"the JSON in the field {name} is nested too deeply.") from None
        except ValueError:
            pass  # no JSON: the model of the form says what it expects
