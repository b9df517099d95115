"""Sources: saved under a name, tried before they are saved, pulled on demand. Shared by page and API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.imports import SOURCE_KINDS, Import, Source
from ml.errors import ConflictError
from ml.etl.datasets import get_dataset
from ml.etl.policy import Policy
from ml.etl.rules import rules
from ml.etl.sources.chunks import Connection
from ml.etl.sources.pulled import LEARNED, Preview, checked_settings, preview, split_secret
from ml.secrets import Secret, decrypt, encrypt
from ml.settings import Settings
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.sources import get_source
from webapp.services.schedules import take_back
from worker.lease import hold_off
from worker.models import JobRun
from worker.pulls import request_pull
from worker.schedule import LEASE, SOURCE
from worker.slots import check_cron

PREVIEW_ROWS = 20


@dataclass(frozen=True)
class SourceDraft:
    """All that a person says about a source. `settings` depends on the kind (docs/sources.md).

    `secret` is {"password": …} or {"token": …}; None keeps what is stored, {} forgets it.
    """

    name: str
    kind: str
    dataset: str = "sales"
    settings: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, str] | None = field(default=None, repr=False)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    cron: str = ""
    active: bool = True


def create_source(session: Session, engine: Settings, draft: SourceDraft, user: str) -> Source:
    """Save a new source; commits.

    Raises InvalidRequestError, SourceError where the settings are wrong, and ConflictError where the name is taken.
    """
    source = Source(created_by=user)
    _write(session, engine, source, draft)
    session.add(source)
    session.flush()
    audit.record(session, "create", "source", source.id, after=public(source))
    session.commit()
    return source


def update_source(session: Session, engine: Settings, source_id: int, draft: SourceDraft) -> Source:
    """Replace all that a source says of itself, but for credentials that the draft leaves out; commits.

    What its answers looked like so far is forgotten: the next pull accepts what it meets. Where the rows come
    from elsewhere now (another address, table, query or watermark column), so is the watermark. Where it is pulled at
    other times, what the old ones promised is taken back.
    """
    hold_off(session, LEASE)
    source = get_source(session, source_id)
    before = public(source)
    _write(session, engine, source, draft)
    if before["cron"] != source.cron:
        take_back(session, f"{SOURCE}{source.id}")
    audit.record(session, "update", "source", source.id, before=before, after=public(source))
    session.commit()
    return source


def reset_watermark(session: Session, source_id: int) -> Source:
    """Let the next pull fetch everything again; commits."""
    source = get_source(session, source_id)
    audit.record(session, "reset_watermark", "source", source.id, before={"watermark": source.watermark})
    source.watermark, source.updated_at = None, utc_now()
    session.commit()
    return source


def delete_source(session: Session, source_id: int) -> None:
    """Delete a source that never brought anything; commits.

    Its number is part of the keys of its rows, so raises ConflictError once there are imports.
    """
    hold_off(session, LEASE)
    source = get_source(session, source_id)
    if session.scalar(sa.select(Import.id).where(Import.source_id == source_id).limit(1)) is not None:
        raise ConflictError(f"{source.name} has imports, so it has to stay; switch it off instead.")
    take_back(session, f"{SOURCE}{source.id}")
    audit.record(session, "delete", "source", source.id, before=public(source))
    session.delete(source)
    session.commit()


def preview_source(session: Session, engine: Settings, source_id: int) -> Preview:
    """The first rows of a saved source, with a guessed mapping; stores nothing. Raises UpstreamError or SourceError."""
    source = get_source(session, source_id)
    secret = decrypt(engine.secret_keys, source.secret)
    connection = Connection(source.kind, source.settings, secret, engine)
    session.rollback()  # the other side may be slow; no transaction waits for it
    return preview(connection, get_dataset(source.dataset), PREVIEW_ROWS)


def preview_draft(session: Session, engine: Settings, draft: SourceDraft, source_id: int | None = None) -> Preview:
    """As `preview_source`, of a source that is not saved yet, or saved otherwise: then with its stored credentials.

    These are only sent where they were sent before: with another address the draft has to bring them.
    """
    _check(draft)
    settings, secret = split_secret(draft.kind, draft.settings, draft.secret)
    if secret is None and source_id is not None:
        source = get_source(session, source_id)
        _same_address(source, settings)
        secret = decrypt(engine.secret_keys, source.secret)
    session.rollback()
    connection = Connection(draft.kind, checked_settings(draft.kind, settings), secret or Secret(), engine)
    return preview(connection, get_dataset(draft.dataset), PREVIEW_ROWS)


def pull_source(session: Session, source_id: int, user: str, *, full: bool = False, dry_run: bool = False) -> JobRun:
    """Ask for the job that pulls a source, or get the one that runs already; commits.

    `full` fetches everything, whatever was fetched before. With `dry_run` the job only reports what would happen; what
    it fetched is an import that can be started afterwards.
    """
    source = get_source(session, source_id)
    if source.kind == "file":
        raise ConflictError(f"{source.name} is a source of uploaded files; there is nothing to pull. Upload a file.")
    if not source.active:
        raise ConflictError(f"{source.name} is switched off; switch it on, then pull it.")
    job = request_pull(session, source_id, full=full, dry_run=dry_run, requested_by=user)
    audit.record(session, "pull", "source", source_id, after={"job_id": job.id, "full": full, "dry_run": dry_run})
    session.commit()
    return job


def public(source: Source) -> dict[str, Any]:
    """What the audit log keeps of a source: all but its credentials, of which only whether there are any."""
    names = ("name", "kind", "dataset", "settings", "mapping", "policy", "cron", "active")
    return {**{name: getattr(source, name) for name in names}, "has_secret": source.secret is not None}


def _write(session: Session, engine: Settings, source: Source, draft: SourceDraft) -> None:
    _check(draft)
    taken = sa.select(Source.id).where(Source.name == draft.name.strip(), Source.id != (source.id or 0))
    if session.scalar(taken) is not None:
        raise ConflictError(f"there is a source {draft.name!r} already; choose another name.")
    settings, secret = split_secret(draft.kind, draft.settings, draft.secret)
    settings = checked_settings(draft.kind, settings)
    if source.id is not None and _place(source.kind, source.dataset, source.settings) != _place(
        draft.kind, draft.dataset, settings
    ):
        source.watermark = None
    elif source.id is not None and "watermark_kind" in (source.settings or {}):
        settings["watermark_kind"] = source.settings["watermark_kind"]
    if secret is not None:
        source.secret = encrypt(engine.secret_keys, secret)
    elif source.secret is not None:
        _same_address(source, settings)
    source.name, source.kind, source.dataset = draft.name.strip(), draft.kind, draft.dataset
    source.settings, source.mapping, source.policy = settings, dict(draft.mapping), dict(draft.policy)
    source.cron, source.active, source.updated_at = draft.cron.strip(), draft.active, utc_now()


def _check(draft: SourceDraft) -> None:
    errors = []
    if not 0 < len(draft.name.strip()) <= 120:
        errors.append(FieldError("name", "give it a name of at most 120 characters"))
    if draft.kind not in SOURCE_KINDS:
        errors.append(FieldError("kind", f"expected one of {', '.join(SOURCE_KINDS)}"))
    if errors:
        raise InvalidRequestError(errors)
    dataset = get_dataset(draft.dataset)
    Policy.from_dict(draft.policy, dataset)
    rules(draft.mapping, dataset)
    if draft.cron.strip():
        check_cron(draft.cron.strip())


def _same_address(source: Source, settings: Mapping[str, Any]) -> None:
    """Stored credentials must not be sent to a place that somebody else names later."""
    if source.secret and (source.settings or {}).get("url") != settings.get("url"):
        raise InvalidRequestError([FieldError("secret", "the address changed: enter the credentials again")])


def _place(kind: str, dataset: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """What decides which rows a source has."""
    return {"": (kind, dataset), **{name: value for name, value in (settings or {}).items() if name not in LEARNED}}
