"""What the forms of administration share: which places somebody sees, and what is wrong, beside its field."""

from __future__ import annotations

from flask import request
from pydantic import ValidationError
from sqlalchemy.orm import Session

from ml.errors import ConflictError
from webapp.auth.permissions import (
    CATALOG_WRITE,
    FORECASTS_MAKE,
    JOBS_MANAGE,
    JOBS_READ,
    MODELS_READ,
    SALES_IMPORT,
    SALES_READ,
    SOURCES_MANAGE,
    USERS_MANAGE,
)
from webapp.error_responses import invalid_request
from webapp.errors import FieldError, InvalidRequestError
from webapp.pages.formats import sentence
from webapp.queries.access import list_places
from webapp.queries.scope import Scope

BETWEEN = "\t"
"""Between region and territory in the value of a box: names hold single spaces alone (ml.db.keys.normalise)."""

PERMISSION_NAMES = {
    SALES_READ: "See sales, forecasts and accuracy",
    MODELS_READ: "See models",
    JOBS_READ: "See jobs",
    SALES_IMPORT: "Load and push sales",
    CATALOG_WRITE: "Keep products, customers and events",
    FORECASTS_MAKE: "Train, forecast, promote, change forecasts",
    JOBS_MANAGE: "Run, retry and cancel jobs",
    SOURCES_MANAGE: "Keep sources and webhooks",
    USERS_MANAGE: "Keep accounts and tokens, read the audit log",
}

REFUSALS = (InvalidRequestError, ConflictError, ValidationError)
"""What a service or a schema says of a form that cannot be used."""


def typed_scope() -> Scope | None:
    """The places that were ticked, perhaps none; None where everything is to be seen."""
    if request.form.get("sees") != "some":
        return None
    pairs = (value.partition(BETWEEN) for value in request.form.getlist("territory"))
    return Scope.made(request.form.getlist("region"), [(region, name) for region, _, name in pairs])


def chosen_scope() -> Scope | None:
    """The same; raises InvalidRequestError where no place was ticked."""
    scope = typed_scope()
    if scope is not None and not scope.regions and not scope.territories:
        raise InvalidRequestError([FieldError("scope", "tick at least one region or territory, or choose everything")])
    return scope


def places_beside(session: Session, scope: Scope | None) -> dict[str, list[str]]:
    """Territories by region: all that sales name, and those of the scope, which sales may not name yet."""
    found = list_places(session)
    for region in scope.regions if scope else ():
        found.setdefault(region, [])
    for region, name in scope.territories if scope else ():
        if name not in found.setdefault(region, []):
            found[region].append(name)
    return found


def errors_of(error: Exception, conflict: str) -> dict[str, str]:
    """What is wrong, by input; a conflict is about the input `conflict`."""
    if isinstance(error, ValidationError):
        error = invalid_request(error)
    if isinstance(error, InvalidRequestError):
        found = {
            one.field.partition(".")[0]: sentence(one.message.removeprefix("Value error, ")) for one in error.errors
        }
        return {name: f"{text.rstrip('.')}." for name, text in found.items()}
    return {conflict: sentence(str(error))}
