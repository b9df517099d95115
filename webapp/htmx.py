"""What htmx asks of a server: to know its requests, and to send it elsewhere."""

from __future__ import annotations

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse


def is_htmx() -> bool:
    """Whether htmx sent this request and will swap in a fragment."""
    return request.headers.get("HX-Request") == "true"


def see_other(url: str) -> BaseResponse:
    """Send the browser to `url` with a GET; htmx loads it as a whole page."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)
