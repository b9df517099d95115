"""Protection of page writes against requests that another site makes a browser send.

The token is bound to the sign-in, not to an access token, so that a renewal breaks no
open form. It travels as the hidden field `csrf_token` or the header `X-CSRF-Token`. Each page holds it under
another random mask: pages are compressed, and what is the same on each of them could be guessed from their lengths.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from flask import current_app, g, request

from webapp.auth.next_url import split_url
from webapp.auth.user import current_user
from webapp.errors import ForbiddenError

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SIZE = 32
"""Bytes of the secret, and of its mask."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def csrf_token() -> str:
    """The token for forms of the current user, the same in all of a page; '' without a sign-in."""
    user = current_user()
    if user is not None and "csrf_token" not in g:
        g.csrf_token = token_of(user.session_id)
    return str(g.get("csrf_token", ""))


def token_of(session_id: str) -> str:
    """A token of a sign-in: a random mask, and the secret under it; another text each time."""
    mask = secrets.token_bytes(SIZE)
    return (mask + xor(mask, secret_of(session_id))).hex()


def secret_of(session_id: str) -> bytes:
    """What a token has to hold: HMAC-SHA256 of the sign-in's id."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, f"csrf:{session_id}".encode(), hashlib.sha256).digest()


def xor(mask: bytes, text: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, text, strict=True))


def check_token(session_id: str) -> None:
    """Raise ForbiddenError unless the request carries a token of its sign-in."""
    if not hmac.compare_digest(sent_secret(), secret_of(session_id)):
        raise ForbiddenError(
            "csrf", "This form is too old or was not sent by this site. Load the page again and repeat what you did."
        )


def sent_secret() -> bytes:
    """What the token of the request holds; nothing where it is no token."""
    try:
        sent = bytes.fromhex(request.headers.get(HEADER) or request.form.get(FIELD, ""))
    except ValueError:
        return b""
    return xor(sent[:SIZE], sent[SIZE:]) if len(sent) == 2 * SIZE else b""


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
