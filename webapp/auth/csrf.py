"""Protection of page writes against requests that another site makes a browser send.

The token is bound to the sign-in, not to an access token, so that a renewal breaks no
open form. It travels as the hidden field `csrf_token` or the header `X-CSRF-Token`.
"""

from __future__ import annotations

import hashlib
import hmac

from flask import current_app, request

from webapp.auth.next_url import split_url
from webapp.auth.user import current_user
from webapp.errors import ForbiddenError

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def csrf_token() -> str:
    """The token for forms of the current user; '' without a sign-in."""
    user = current_user()
    return token_of(user.session_id) if user else ""


def token_of(session_id: str) -> str:
    """The token of a sign-in: HMAC-SHA256 of its id."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, f"csrf:{session_id}".encode(), hashlib.sha256).hexdigest()


def check_token(session_id: str) -> None:
    """Raise ForbiddenError unless the request carries the token of its sign-in."""
    sent = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not hmac.compare_digest(sent.encode(), token_of(session_id).encode()):
        raise ForbiddenError(
            "csrf", "This form is too old or was not sent by this site. Load the page again and repeat what you did."
        )


def check_same_origin() -> None:
    """Raise ForbiddenError for a write without a sign-in (the login form) that another site sent.

    Browsers send Sec-Fetch-Site; older ones send Origin. What sends neither is no
    browser and holds no cookies to abuse.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        same = site in {"same-origin", "none"}
    else:
        same = origin is None or split_url(origin).netloc == request.host
    if not same:
        raise ForbiddenError("cross-site", "This form was sent by another site. Open the sign-in page itself.")
