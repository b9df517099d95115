"""Edits that notice each other: reads carry an `ETag`, and a write under `If-Match` of an older one is refused."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from ml.db.bulk import lock_for_writing
from webapp.api.answers import answer
from webapp.errors import ChangedMeanwhileError


def etag_of(body: BaseModel) -> str:
    """The tag of what is shown: another one whenever anything of it changes."""
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()[:32]


def tagged(body: BaseModel, status: int = 200, **headers: str) -> Response:
    """A model as JSON with its tag; 304 without a body for a reader that has it already."""
    tag = etag_of(body)
    if request.method == "GET" and tag in sent(request.if_none_match):
        return Response(status=304, headers={"ETag": f'"{tag}"'})
    return answer(body, status, ETag=f'"{tag}"', **headers)


def hold(session: Session, entity: Any) -> None:
    """Keep other writers away from a table until the commit, where the caller asks for an unchanged record."""
    if request.if_match:
        lock_for_writing(session, entity)


def check_unchanged(body: BaseModel) -> None:
    """Raise ChangedMeanwhileError unless the record is as the caller's `If-Match` knows it; without one, nothing."""
    if request.if_match and not request.if_match.star_tag and etag_of(body) not in sent(request.if_match):
        raise ChangedMeanwhileError


def sent(tags: Any) -> set[str]:
    """The tags of a header; compression adds its name to them behind a colon."""
    return {str(tag).partition(":")[0] for tag in tags.as_set(include_weak=True)}
