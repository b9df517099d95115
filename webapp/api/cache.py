"""Answers that many ask for, kept in Redis until the data changes.

Whatever changes data records an event in the same transaction (`worker.events.record`), so the last event and the
last one handled name the state of the data. They are part of the key: nothing has to be deleted, old answers
run out. Without Redis every answer is computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Response, current_app, g, request

from webapp.api.listing import JSON, accepted
from webapp.extensions import db, quick_redis
from webapp.queries.data_version import data_version
from webapp.queries.scope import current_scope

MARK = "cached_answer"
KEEP_SECONDS = 3600
LARGEST = 1 << 20
"""Bytes; longer answers are not kept."""

View = TypeVar("View", bound=Callable[..., Any])


def cached(view: View) -> View:
    """Mark a GET view whose JSON depends on nothing but its address, the caller's scope, and recorded data; but for
    requests with a `refresh`, which want what is new."""
    setattr(view, MARK, True)
    return view


def find() -> Response | None:
    """The kept answer to the present request, if there is one."""
    view = current_app.view_functions[str(request.endpoint)]
    if not getattr(view, MARK, False) or accepted() != JSON or request.args.get("refresh"):
        return None
    key = key_of(data_version(db.session()))
    kept = cast("bytes | None", quick_redis().run(lambda client: client.get(key)))
    if kept is None:
        g.cache_key = key
        return None
    head, _, body = kept.partition(b"\n")
    return Response(body, headers={**json.loads(head), "Age": "0"}, mimetype=JSON)


def keep(response: Response) -> Response:
    """Keep a success for the next who asks."""
    key = g.pop("cache_key", None)
    if key is None or response.status_code != 200 or response.is_streamed:
        return response
    body = response.get_data()
    if len(body) <= LARGEST:
        head = json.dumps({name: response.headers[name] for name in ("ETag",) if name in response.headers})
        quick_redis().run(lambda client: client.set(key, head.encode() + b"\n" + body, ex=KEEP_SECONDS))
    return response


def key_of(version: str) -> str:
    """Where the answer to the present request is kept."""
    asked = json.dumps([version, repr(current_scope()), request.path, sorted(request.args.items())])
    return f"forecastle:answer:{hashlib.sha256(asked.encode()).hexdigest()}"
