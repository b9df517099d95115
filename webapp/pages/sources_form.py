"""The forms of sources: which inputs each kind has, and the draft that they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.db.imports import Source
from ml.errors import SourceError
from webapp.services.sources import SourceDraft

KINDS = {"sql": "Database", "http": "HTTP API", "file": "Uploaded files"}
KIND_HELP = {
    "sql": "SQL Server, PostgreSQL, MySQL, MariaDB or SQLite, read only.",
    "http": "A JSON API with pages, read through https.",
    "file": "A mapping and limits kept under a name for files that people upload.",
}


@dataclass(frozen=True)
class Input:
    """One setting as an input. `kind` is text, number, area, json or choice; `choices` are words by value, the default
    first."""

    name: str
    label: str
    help: str = ""
    kind: str = "text"
    choices: Mapping[str, str] = field(default_factory=dict)
    placeholder: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Group:
    """Inputs under a title; those that few people need are folded away."""

    title: str
    inputs: tuple[Input, ...]
    folded: bool = False


PLACES = {
    "sql": Input(
        "url", "Address", "Without the password.", placeholder="postgresql://reader@erp.local/sales", wide=True
    ),
    "http": Input("url", "Address", "", placeholder="https://erp.example.com/api/orders", wide=True),
}
EXTRACTS = {
    "": "None",
    "sales_orders": "Sales orders",
    "purchase_orders": "Purchase orders",
    "job_orders": "Job orders",
    "items": "Items",
}
AUTHS = {
    "none": "No token",
    "bearer": "Bearer token",
    "header": "In a header of its own",
    "query": "As a parameter of the address",
}
PAGES = {
    "none": "One answer holds all",
    "page": "By their numbers",
    "cursor": "By a cursor",
    "next": "By the address of the next page",
}
DATES = {
    "date": "Days (2026-01-31)",
    "datetime": "Points in time (2026-01-31T06:15:00)",
    "unix": "Seconds since 1970",
    "value": "As the field holds them",
}
GROUPS: dict[str, tuple[Group, ...]] = {
    "file": (),
    "sql": (
        Group("Where the rows are", (PLACES["sql"],)),
        Group(
            "Which rows: one of these",
            (
                Input("table", "Table or view"),
                Input("schema", "Its schema"),
                Input("extract", "Ready-made extract", "Joins header, lines and items.", "choice", EXTRACTS),
                Input("query", "Query", "One SELECT; it cannot write.", "area", wide=True),
            ),
        ),
        Group(
            "Reading on",
            (
                Input("watermark_column", "Column to read on by", "Such as updated_at; empty reads all each time."),
                Input("overlap", "Fetch again", "Days, or units of a number, for rows written late.", "number"),
            ),
        ),
        Group(
            "Other names and limits",
            (
                Input("extractor", "Names of tables and columns", "JSON, for a ready-made extract.", "json", wide=True),
                Input("timeout", "Longest time in seconds", "", "number", placeholder="600"),
            ),
            folded=True,
        ),
    ),
    "http": (
        Group(
            "Where the rows are",
            (
                PLACES["http"],
                Input("records", "Path of the list", "Empty where the answer is the list.", placeholder="data"),
                Input("expand", "A list within each record", "Such as lines; one row each."),
                Input("params", "Other parameters", 'JSON, such as {"status": "paid"}.', "json", wide=True),
            ),
        ),
        Group(
            "Signing in",
            (
                Input("auth", "How the token is sent", "", "choice", AUTHS),
                Input("auth_name", "Name of the header or parameter", placeholder="X-API-Key"),
            ),
        ),
        Group(
            "Pages",
            (
                Input("pagination", "How pages follow", "", "choice", PAGES),
                Input("page_size", "Rows of a page", "", "number"),
                Input("size_param", "Parameter of the rows of a page", placeholder="per_page"),
                Input("page_param", "Parameter of the page", placeholder="page"),
                Input("first_page", "First page", "", "number", placeholder="1"),
                Input("last_page_path", "Path of the last page's number", placeholder="meta.last_page"),
                Input("cursor_param", "Parameter of the cursor", placeholder="cursor"),
                Input("cursor_path", "Path of the next cursor", placeholder="meta.next_cursor"),
                Input("next_path", "Path of the next address", placeholder="links.next"),
            ),
            folded=True,
        ),
        Group(
            "Reading on",
            (
                Input("watermark_field", "Field to read on by", "Empty reads all each time."),
                Input(
                    "since_param", "Parameter of the first date", "Sent how far was read.", placeholder="updated_since"
                ),
                Input("until_param", "Parameter of the last date", "Sent the present day."),
                Input("start", "First date of all", "Sent by the first pull.", placeholder="2024-01-01"),
                Input("date_format", "How dates are sent", "", "choice", DATES),
                Input("overlap", "Fetch again", "Days, or units of a number, for rows written late.", "number"),
            ),
        ),
        Group(
            "Limits",
            (
                Input("connect_timeout", "Seconds to connect", "", "number", placeholder="10"),
                Input("read_timeout", "Seconds to wait for an answer", "", "number", placeholder="30"),
                Input("total_timeout", "Seconds in all", "", "number", placeholder="3600"),
                Input("max_answer_mb", "Largest answer in MB", "", "number", placeholder="32"),
                Input("tries", "Tries", "", "number", placeholder="5"),
                Input(
                    "backoff",
                    "Seconds before the second try",
                    "Doubled before each further one.",
                    "number",
                    placeholder="1",
                ),
            ),
            folded=True,
        ),
    ),
}
SECRETS = {"sql": ("password", "Password"), "http": ("token", "Token or key")}


def draft_of(form: Mapping[str, str], kind: str, before: Source | None) -> SourceDraft:
    """What the form says; mapping and policy stay as they are, and JSON that cannot be read as it was typed.

    An empty password keeps the stored one, unless the box that forgets it is ticked.
    """
    typed = form.get("secret", "")
    name = SECRETS.get(kind, ("", ""))[0]
    secret = {name: typed} if typed and name else {} if form.get("forget_secret") else None
    return SourceDraft(
        name=form.get("name", ""),
        kind=kind,
        dataset=before.dataset if before and kind == "file" else form.get("dataset", "sales"),
        settings=settings_of(form, kind),
        secret=secret,
        mapping=before.mapping if before else {},
        policy=before.policy if before else {},
        cron=form.get("cron", ""),
        active=bool(form.get("active")),
    )


def settings_of(form: Mapping[str, str], kind: str) -> dict[str, Any]:
    """The settings that were filled in, by name, but for choices that are the default."""
    typed = [(one, form.get(f"settings.{one.name}", "").strip()) for one in inputs_of(kind)]
    return {one.name: read_value(one, text) for one, text in typed if text and text != next(iter(one.choices), "")}


def inputs_of(kind: str) -> list[Input]:
    """All inputs of a kind of source."""
    return [one for group in GROUPS[kind] for one in group.inputs]


def read_value(one: Input, text: str) -> Any:
    """A value as JSON, or as it was typed where that cannot be read; numbers stay texts, which the settings' reader
    takes."""
    if one.kind != "json":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def check_json(draft: SourceDraft) -> None:
    """Raise SourceError where JSON was typed that cannot be read."""
    for one in inputs_of(draft.kind):
        typed = draft.settings.get(one.name)
        if one.kind == "json" and isinstance(typed, str):
            try:
                json.loads(typed)
            except ValueError as error:
                raise SourceError(f"{one.label} cannot be read as JSON: {error}.") from None


def shown(one: Input, settings: Mapping[str, Any]) -> str:
    """A setting as its input shows it."""
    value = settings.get(one.name)
    if value in (None, "", {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def draft_from(source: Source) -> SourceDraft:
    """A saved source as a draft, without its credentials."""
    return SourceDraft(
        source.name,
        source.kind,
        source.dataset,
        source.settings or {},
        None,
        source.mapping or {},
        source.policy or {},
        source.cron,
        source.active,
    )
