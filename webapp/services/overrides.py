"""Overrides as people make them: checked, spread at once over the published forecast, approved, taken back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.bulk import lock_for_writing
from ml.db.overrides import OVERRIDE_KINDS, OVERRIDE_REASONS, ForecastOverride, OverrideDelta, OverrideValue
from ml.db.results import ForecastRun
from ml.errors import ConflictError
from ml.grains import GRAINS
from ml.overrides import apply_override, reapply
from ml.overrides.apply import active_overrides
from webapp.errors import FieldError, ForbiddenError, InvalidRequestError, NoForecastError
from webapp.queries.nodes import Node, resolve
from webapp.queries.overrides import get_override
from webapp.queries.products import get_product
from webapp.queries.scope import UNSCOPED, current_scope
from webapp.queries.stored import published_run
from worker.events import ForecastOverridden, record

HIGHEST = {"value": 1e12, "percent": 10_000.0}
LOWEST = {"value": 0.0, "percent": -100.0}
LONGEST_COMMENT = 500
ALL = {UNSCOPED: "the order of overrides is one for all; nothing of them is shown"}


@dataclass(frozen=True)
class OverrideDraft:
    """What a person asks for: of which part, for which periods; values in currency, or percent of the forecast."""

    node: Node
    grain: str
    kind: str
    values: Mapping[date, float]
    reason: str = "other"
    comment: str = ""


def create_override(session: Session, draft: OverrideDraft, user: str, *, approval: bool) -> ForecastOverride:
    """Make an override; commits. It counts at once, or with `approval` when a second person has approved it.

    Raises InvalidRequestError naming what is wrong, NotFoundError for names without sales, NoForecastError, and
    ForbiddenError for a part that is not wholly inside of what the caller may see.
    """
    node = resolve(session, draft.node)
    check_inside(node)
    run = published_or_raise(session, draft.grain)
    check_draft(draft, run)
    lock_for_writing(session, ForecastOverride)
    row = ForecastOverride(
        grain=draft.grain, kind=draft.kind, reason=draft.reason, comment=draft.comment.strip(), state="waiting",
        created_by=user, **part_columns(session, node),
    )  # fmt: skip
    session.add(row)
    session.flush()
    values = (OverrideValue(override_id=row.id, period=period, value=value) for period, value in draft.values.items())
    session.add_all(values)
    session.flush()
    if not approval:
        activate(session, row, run)
    said = {f"{period}": value for period, value in sorted(draft.values.items())}
    after = {"part": node.params(), "kind": row.kind, "reason": row.reason, "state": row.state, "values": said}
    audit.record(session, "create", "override", row.id, after=after)
    finish(session, row)
    return row


def decide_override(session: Session, override_id: int, *, approve: bool, user: str) -> ForecastOverride:
    """Approve or refuse an override that waits; commits.

    Raises NotFoundError, ConflictError where it does not wait (any more), ForbiddenError for who made it.
    """
    lock_for_writing(session, ForecastOverride)
    row = get_override(session, override_id)
    if row.state != "waiting":
        raise ConflictError(f"override {override_id} is {row.state}; only one that waits can be decided.")
    if approve and row.created_by == user:
        raise ForbiddenError("own-override", "a second person has to approve this; you made it yourself.")
    row.decided_by = user
    if approve:
        activate(session, row, published_or_raise(session, row.grain))
    else:
        row.state = "refused"
    audit.record(session, "approve" if approve else "refuse", "override", row.id, after={"state": row.state})
    finish(session, row)
    return row


def withdraw_override(session: Session, override_id: int, user: str) -> ForecastOverride:
    """Take an override back; those after it are spread anew; commits. Raises NotFoundError and ConflictError."""
    lock_for_writing(session, ForecastOverride)
    row = get_override(session, override_id)
    if row.state not in ("waiting", "active"):
        raise ConflictError(f"override {override_id} is {row.state}; there is nothing to take back.")
    counted, last = (
        row.state == "active",
        session.scalars(active_overrides(row.grain), execution_options=ALL).all()[-1:],
    )
    before = {"state": row.state}
    row.state, row.ended_by, row.ended_at = "withdrawn", user, utc_now()
    session.flush()
    run = published_run(session, row.grain)
    if counted and run is not None:
        if last == [row]:
            mine = sa.delete(OverrideDelta).where(OverrideDelta.override_id == row.id)
            session.execute(mine, execution_options={**ALL, "synchronize_session": False})
        else:
            reapply(session, run)
    audit.record(session, "withdraw", "override", row.id, before=before, after={"state": row.state})
    finish(session, row)
    return row


def activate(session: Session, row: ForecastOverride, run: ForecastRun) -> None:
    """Let an override count from now on."""
    row.state, row.activated_at = "active", utc_now()
    apply_override(session, run, row)


def finish(session: Session, row: ForecastOverride) -> None:
    record(session, ForecastOverridden(row.id, row.grain, row.state))
    session.commit()


def published_or_raise(session: Session, grain: str) -> ForecastRun:
    """The run that overrides change; raises NoForecastError."""
    run = published_run(session, grain)
    if run is None:
        raise NoForecastError(f"there is no {grain} forecast to change yet. It appears when a model was trained.")
    return run


def check_inside(node: Node) -> None:
    """Raise ForbiddenError for a part that a limited caller does not see all of."""
    scope = current_scope()
    if scope is not None and not scope.covers(node.region, node.territory):
        raise ForbiddenError(
            "limited-scope",
            "you may see only a part of this, so you cannot change its forecast. Choose a region inside.",
        )


def check_draft(draft: OverrideDraft, run: ForecastRun) -> None:
    """Raise InvalidRequestError for what an override cannot be."""
    errors = []
    for name, known in (("kind", OVERRIDE_KINDS), ("reason", OVERRIDE_REASONS)):
        if getattr(draft, name) not in known:
            errors.append(FieldError(name, f"expected one of {', '.join(known)}"))
    if len(draft.comment.strip()) > LONGEST_COMMENT:
        errors.append(FieldError("comment", f"expected at most {LONGEST_COMMENT} characters"))
    if not draft.values:
        errors.append(FieldError("values", "expected a value for at least one period"))
    grain, known_kind = GRAINS[draft.grain], draft.kind in OVERRIDE_KINDS
    periods = {grain.shift(run.as_of, ahead) for ahead in range(1, run.horizon + 1)}
    for period, value in sorted(draft.values.items()):
        errors += check_value(draft.kind, period, value, periods) if known_kind else []
    if errors:
        raise InvalidRequestError(errors)


def check_value(kind: str, period: date, value: float, periods: Collection[date]) -> list[FieldError]:
    """What is wrong with the value of a period."""
    name = f"values.{period}"
    if period not in periods:
        return [FieldError(name, f"is not forecast; expected a period from {min(periods)} to {max(periods)}")]
    if not LOWEST[kind] <= value <= HIGHEST[kind]:
        unit = " percent" if kind == "percent" else ""
        return [FieldError(name, f"expected {LOWEST[kind]:,.0f} to {HIGHEST[kind]:,.0f}{unit}")]
    return []


def part_columns(session: Session, node: Node) -> dict[str, object]:
    """The columns that name a node; a product by its id alone."""
    columns: dict[str, object] = {name: getattr(node, name) for name in ("region", "territory", "area")}
    columns |= {"location_level": node.location_level, "product_level": node.product_level}
    if node.product:
        return {**columns, "product_id": get_product(session, node.product).id}
    return {**columns, "category": node.category, "subcategory": node.subcategory}
