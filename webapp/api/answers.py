"""How API views answer, and what the description says of their errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response
from pydantic import BaseModel

DOCUMENT = {"$ref": "#/components/schemas/ProblemDocument"}


def answer(body: BaseModel, status: int = 200, **headers: str) -> Response:
    """A model as JSON; headers by name with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body.model_dump_json(), status, named, mimetype="application/json")


def problems(*statuses: int) -> dict[str | int | HTTPStatus, Any]:
    """The description of the problem documents that an operation may answer with."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": DOCUMENT}},
        }
        for status in statuses
    }
