"""One URL serves the page and its fragment: the same context, rendered whole or one block of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, render_template, request


def wants_fragment() -> bool:
    """Whether htmx will swap the answer into a part of the page (and is not restoring history)."""
    return request.headers.get("HX-Request-Type") == "partial"


def render(template: str, *, block: str, **context: Any) -> str:
    """The page, or only its `block` where htmx asks for a part."""
    if not wants_fragment():
        return render_template(template, **context)
    return render_block(template, block, **context)


def render_block(template: str, block: str, **context: Any) -> str:
    """One named block of a template, with the context that Flask gives to templates."""
    current_app.update_template_context(context)
    loaded = current_app.jinja_env.get_template(template)
    return "".join(loaded.blocks[block](loaded.new_context(context)))


def unless_seen(version: str, body: Callable[[], str]) -> str | Response:
    """204 where the fragment on the page is of this version already; else the body, which is only then made."""
    return Response(status=204) if wants_fragment() and request.args.get("seen") == version else body()


def version_of(*parts: object) -> str:
    """A short tag that changes when any of the parts does."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()
