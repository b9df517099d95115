"""Errors as answers: which status each one gets, and what it says.

The API answers with RFC 9457 problem documents, pages with a friendly page. Both are
made of the same `Problem`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from flask import g, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from ml.db.session import is_full
from ml.errors import (
    ConflictError,
    DataError,
    ForecastleError,
    MappingError,
    NoChampionError,
    NotEnoughHistoryError,
    NotFoundError,
    SourceError,
    StorageFullError,
    UpstreamError,
)
from worker.errors import JobRequestError

TYPE_PREFIX = "urn:forecastle:problem:"
RETRY_SECONDS = 5
MOST_NAMES = 10
"""Fields that the message of an invalid request names; its errors name them all."""
API_PREFIXES = ("/api/", "/health", "/ready", "/metrics")


class UnauthenticatedError(ForecastleError):
    """The request does not say, or not credibly, who sent it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ForbiddenError(ForecastleError):
    """The caller is known and may not do this."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NoForecastError(ForecastleError):
    """There is no published forecast for what was asked."""

    code = "no-forecast"


class ReusedKeyError(ForecastleError):
    """An idempotency key comes again with another request."""

    code = "reused-key"


class TooManyAttemptsError(ForecastleError):
    """Too many wrong passwords; the account has to wait."""

    code = "too-many-attempts"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many wrong passwords for this account. Try again in {seconds} seconds.")
        self.seconds = seconds


class TooManyRequestsError(ForecastleError):
    """More requests in a minute than a caller may make of a route."""

    code = "rate-limited"

    def __init__(self, limit: int, seconds: int) -> None:
        super().__init__(f"more than {limit} requests in a minute. Try again in {seconds} seconds.")
        self.seconds = seconds


class ChangedMeanwhileError(ForecastleError):
    """The record is not any more as the caller read it."""

    code = "changed-meanwhile"

    def __init__(self) -> None:
        super().__init__(
            "this was changed since you read it. Read it again, then repeat the change under its new ETag."
        )


class InvalidRequestError(ForecastleError):
    """Fields of a request are missing, malformed or unknown."""

    code = "invalid-request"

    def __init__(self, errors: list[FieldError]) -> None:
        fields = list(dict.fromkeys(error.field for error in errors if error.field))
        names = ", ".join(sorted(fields[:MOST_NAMES])) + (", …" if len(fields) > MOST_NAMES else "")
        super().__init__(f"the request is not valid; see the errors of: {names or 'the body'}.")
        self.errors = errors


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request ('' is the request as a whole)."""

    field: str
    message: str


class UnmappedColumnsError(MappingError):
    """A file's columns do not match, field by field."""

    def __init__(self, message: str, errors: list[FieldError]) -> None:
        super().__init__(message)
        self.errors = errors


@dataclass(frozen=True)
class Problem:
    """An answer that says what went wrong: RFC 9457's members and two of our own."""

    status: int
    code: str
    title: str
    detail: str
    errors: list[FieldError] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {
            "type": TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": g.get("request_id", ""),
        }
        if self.errors:
            body["errors"] = [{"field": error.field, "message": error.message} for error in self.errors]
        return body


STATUSES: dict[type[ForecastleError], tuple[int, str]] = {
    UnauthenticatedError: (401, "Not signed in"),
    ForbiddenError: (403, "Not allowed"),
    NotFoundError: (404, "Not found"),
    ConflictError: (409, "Not possible now"),
    NotEnoughHistoryError: (409, "Not enough history"),
    NoChampionError: (409, "No model yet"),
    NoForecastError: (409, "No forecast yet"),
    InvalidRequestError: (422, "Invalid request"),
    MappingError: (422, "Columns do not match"),
    SourceError: (422, "Unreadable file"),
    DataError: (422, "Unusable data"),
    JobRequestError: (422, "No such job"),
    ReusedKeyError: (422, "Key used before"),
    TooManyAttemptsError: (429, "Too many attempts"),
    TooManyRequestsError: (429, "Too many requests"),
    ChangedMeanwhileError: (412, "Changed meanwhile"),
    UpstreamError: (502, "The source does not answer"),
    StorageFullError: (507, "No space left"),
}
"""The status and title of each error; what is not listed is the server's own fault."""

UNAVAILABLE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, RedisError)


def problem_of(error: Exception) -> Problem:
    """The answer to an error."""
    if isinstance(error, ForecastleError):
        return problem_of_own(error)
    if isinstance(error, HTTPException):
        return problem_of_http(error)
    if is_full(error):
        return problem_of_own(
            StorageFullError("the database has no space left; nothing was changed. Whoever runs it has to make room.")
        )
    if isinstance(error, UNAVAILABLE):
        return Problem(
            503,
            "unavailable",
            "Temporarily unavailable",
            "the database or Redis does not answer. Try again in a few seconds; /ready tells which one it is.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    return Problem(
        500, "internal", "Internal error", "something went wrong here. The log has the details under the request id."
    )


def problem_of_own(error: ForecastleError) -> Problem:
    status, title = next(
        (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), (500, "Server misconfigured")
    )
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = 'Bearer realm="forecastle"'
    if isinstance(error, (TooManyAttemptsError, TooManyRequestsError)):
        headers["Retry-After"] = str(error.seconds)
    return Problem(status, error.code, title, str(error), list(getattr(error, "errors", [])), headers)


def problem_of_http(error: HTTPException) -> Problem:
    status = HTTPStatus(error.code or 500)
    kept = {"Allow", "Retry-After"}
    headers = {name: value for name, value in error.get_headers() if name in kept}
    detail = error.description or status.description
    return Problem(status, status.phrase.lower().replace(" ", "-"), status.phrase, detail, headers=headers)


def is_api_request() -> bool:
    """Whether a program rather than a person waits for the answer."""
    return request.path.startswith(API_PREFIXES)
