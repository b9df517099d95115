"""What every answer carries: a request id, and headers that keep browsers from being tricked."""

from __future__ import annotations

import re
import uuid

from flask import Flask, g, request
from werkzeug.wrappers import Response

from webapp.config import WebSettings
from webapp.errors import FieldError, InvalidRequestError

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def init_app(app: Flask, settings: WebSettings) -> None:
    """Number the requests of `app` and dress its answers."""
    headers = dict(HEADERS)
    if settings.https:
        headers["Strict-Transport-Security"] = "max-age=31536000"

    @app.before_request
    def number_request() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    app.before_request(refuse_nul)

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-ID"] = g.get("request_id", "")
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def refuse_nul() -> None:
    """Refuse query parameters with the character NUL, at which databases fail."""
    found = [name for name, text in request.args.items(multi=True) if "\0" in name + text]
    if found:
        raise InvalidRequestError([FieldError(name, "this holds the character NUL (%00)") for name in found])
