"""Renders every error: as a problem document for programs, as a page for people."""

from __future__ import annotations

import json
import logging
from urllib.parse import urlencode

from flask import Flask, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, InternalServerError

from ml.errors import ForecastleError
from webapp.auth.cookies import clear_sign_in
from webapp.auth.next_url import split_url
from webapp.errors import (
    UNAVAILABLE,
    FieldError,
    InvalidRequestError,
    Problem,
    UnauthenticatedError,
    is_api_request,
    problem_of,
)
from webapp.extensions import db
from webapp.htmx import is_htmx

log = logging.getLogger(__name__)

MOST_ERRORS = 100


def init_app(app: Flask) -> None:
    """Answer every error of `app` here."""
    for kind in (ForecastleError, HTTPException, *UNAVAILABLE):
        app.register_error_handler(kind, answer)
    app.register_error_handler(InternalServerError, answer_unexpected)


def answer(error: Exception) -> ResponseReturnValue:
    """Answer an error that is understood."""
    if isinstance(error, HTTPException) and error.response is not None:
        return error.get_response()
    db.session.rollback()
    problem = problem_of(error)
    if problem.status >= 500:
        log.error("%s %s failed: %s", request.method, request.path, error, exc_info=error)
    if is_api_request():
        return problem_response(problem)
    if isinstance(error, UnauthenticatedError):
        return to_login()
    return page_response(problem)


def answer_unexpected(error: InternalServerError) -> ResponseReturnValue:
    """Answer an error that nobody foresaw; Flask has logged it with its traceback."""
    db.session.rollback()
    problem = problem_of(error.original_exception or error)  # type: ignore[arg-type]
    return problem_response(problem) if is_api_request() else page_response(problem)


def problem_response(problem: Problem) -> Response:
    """The problem as application/problem+json."""
    body = json.dumps(problem.document(), ensure_ascii=False)
    return Response(body, problem.status, problem.headers, mimetype="application/problem+json")


def page_response(problem: Problem) -> Response:
    """The problem as a page with the way out."""
    title, message = problem.title, problem.detail[:1].upper() + problem.detail[1:]
    html = render_template("errors/error.html", code=problem.status, title=title, message=message, problem=problem)
    return Response(html, problem.status, problem.headers, mimetype="text/html")


def to_login() -> ResponseReturnValue:
    """Send the browser to the sign-in page, and back here afterwards."""
    if is_htmx():
        url = login_url(split_url(request.headers.get("HX-Current-URL", "")))
        response = Response(status=401, headers={"HX-Redirect": url})
    else:
        here = split_url(request.full_path.rstrip("?") if request.method == "GET" else "")
        response = redirect(login_url(here), 303)  # type: ignore[assignment]
    clear_sign_in(response)
    return response


def login_url(here: object) -> str:
    """The sign-in page, told where to go next."""
    path, query = getattr(here, "path", ""), getattr(here, "query", "")
    target = f"{path}?{query}" if query else path
    return "/login" if target in {"", "/"} else f"/login?{urlencode({'next': target})}"


def invalid_request(error: ValidationError) -> InvalidRequestError:
    """A failed validation by pydantic as field errors, of very many the first."""
    items = error.errors(include_url=False, include_input=False, include_context=False)
    errors = [FieldError(".".join(map(str, item["loc"])), item["msg"]) for item in items[:MOST_ERRORS]]
    if len(items) > MOST_ERRORS:
        errors.append(FieldError("", f"{len(items) - MOST_ERRORS:,} more errors are not listed"))
    return InvalidRequestError(errors)
