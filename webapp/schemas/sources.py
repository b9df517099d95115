"""Sources: where rows come from again and again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from webapp.schemas.base import LARGEST_ID, Answer, Flag, ListAnswer, PageQuery, Request
from webapp.schemas.imports import POLICY, DatasetName, Mapping
from webapp.services.sources import SourceDraft

SourceKind = Literal["file", "sql", "http"]
MOST_SECONDS = 25
"""How long a caller may wait for a pull: less than what proxies and browsers bear with."""


class SourcePath(Request):
    """Which source."""

    source_id: int = Field(ge=1, le=LARGEST_ID)


class SourceQuery(PageQuery):
    """Which sources."""

    kind: SourceKind | None = None


class SourceBody(Request):
    """All that a source says of itself; what is left out is taken back to its default, but for the secret."""

    name: str = Field(min_length=1, max_length=120)
    kind: SourceKind
    dataset: DatasetName = "sales"
    settings: dict[str, Any] = Field(
        default_factory=dict, description="How it is reached and read; depends on the kind, see docs/sources.md."
    )
    secret: dict[str, str] | None = Field(
        None,
        repr=False,
        description='Credentials, such as {"password": "…"} or {"token": "…"}: kept encrypted and never answered. '
        "Left out, what is stored stays; {} forgets it.",
        json_schema_extra={"writeOnly": True},
    )
    mapping: Mapping = Field(
        default_factory=dict, description="What fills each field; only a ready-made extract can be pulled without."
    )
    policy: dict[str, Any] = Field(default_factory=dict, description=POLICY)
    cron: str = Field("", max_length=60, description="When it is pulled by itself, such as 15 6 * * mon-fri.")
    active: Flag = True

    def draft(self) -> SourceDraft:
        """The same as the service takes it."""
        return SourceDraft(**self.model_dump())


class PreviewBody(SourceBody):
    """A source that is not saved, or saved otherwise."""

    name: str = Field("preview", min_length=1, max_length=120)
    source_id: int | None = Field(
        None, ge=1, le=LARGEST_ID, description="The saved source whose stored credentials are used, at its own address."
    )

    def draft(self) -> SourceDraft:
        """The same as the service takes it."""
        return SourceDraft(**self.model_dump(exclude={"source_id"}))


class SourceAnswer(Answer):
    """A source without its credentials."""

    id: int
    name: str
    kind: SourceKind
    dataset: str
    settings: dict[str, Any]
    has_secret: bool = Field(description="Whether credentials are stored.")
    mapping: dict[str, Any]
    policy: dict[str, Any]
    watermark: str | None = Field(description="Up to where its rows were loaded; null before the first pull.")
    cron: str
    active: bool
    created_by: str
    created_at: datetime
    updated_at: datetime


class SourceList(ListAnswer):
    """Sources, newest first."""

    items: list[SourceAnswer]


class SourcePreview(Answer):
    """The first rows of a source, as text, with what was guessed to fill each field. Nothing of it is stored."""

    columns: list[str]
    rows: list[dict[str, str]]
    mapping: dict[str, Any]
    shape: dict[str, str] = Field(description="The kind of each field of an API's answer.")
    notes: list[str]


class PullQuery(Request):
    """How to pull, and whether to wait for it."""

    full: bool = Field(False, description="Fetch everything again, whatever was fetched before.")
    dry_run: bool = Field(
        False,
        description="Fetch and check the rows and report what would happen, but load nothing and stay where the source "
        "is read up to. What was fetched is an import (`import_id` in the result) that can be started afterwards.",
    )
    wait: int = Field(
        0,
        ge=0,
        le=MOST_SECONDS,
        description="Seconds to wait for the end: then 200 with the result, or 502 where the source failed.",
    )
