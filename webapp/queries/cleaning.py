"""Reads of cleaning: the policy that holds, its history, and what was flagged under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.cleaning import CleaningFlag, CleaningPolicy
from ml.errors import NotFoundError
from ml.etl.cleaning import policy as policies
from ml.etl.cleaning.policy import CleaningSettings
from webapp.queries.nodes import Node
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from webapp.queries.stored import within


@dataclass(frozen=True)
class PolicyView:
    """A policy; without `id` and `created_at`, the defaults that hold until somebody sets one."""

    id: int | None
    settings: CleaningSettings
    created_by: str
    created_at: datetime | None


@dataclass(frozen=True)
class FlagView:
    """A flag with the names of its series. `used` is what is learned from under the policy that holds now."""

    id: int
    series_id: int
    node: Node
    grain: str
    period: date
    kind: str  # outlier, stockout
    value: float  # as sold
    corrected: float | None  # None: left out
    score: float
    reason: str
    verdict: str  # open, accepted, dismissed
    decided_by: str
    created_at: datetime
    applied: bool  # whether the correction is learned from, under the policy that holds now

    @property
    def used(self) -> float | None:
        """What is learned from: the value as sold or the corrected one; None where the period is left out."""
        return self.corrected if self.applied else self.value


def current_policy(session: Session, dataset: str = policies.SALES) -> PolicyView:
    """The policy that holds."""
    row = policies.current(session, dataset)
    return PolicyView(None, policies.DEFAULT, "", None) if row is None else policy_view(row)


def list_policies(
    session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None, dataset: str = policies.SALES
) -> Page[PolicyView]:
    """All policies that ever held, newest first."""
    query = sa.select(CleaningPolicy).where(CleaningPolicy.dataset == dataset)
    page = newest_first(session, query, CleaningPolicy.id, limit, below)
    return Page([policy_view(row) for row in page.items], page.next_below)


def get_policy(session: Session, policy_id: int) -> CleaningPolicy:
    """One policy; raises NotFoundError."""
    found = session.get(CleaningPolicy, policy_id)
    if found is None:
        raise NotFoundError(f"there is no cleaning policy {policy_id}.")
    return found


def policy_view(row: CleaningPolicy) -> PolicyView:
    """A stored policy as pages and the API show it."""
    return PolicyView(row.id, CleaningSettings.from_dict(row.settings), row.created_by, row.created_at)


def list_flags(
    session: Session,
    *,
    kind: str | None = None,
    verdict: str | None = None,
    series_id: int | None = None,
    grain: str | None = None,
    node: Node | None = None,
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[FlagView]:
    """Flags with the names of their series, the last found first; filters narrow them down."""
    query = _flags()
    wanted = {
        CleaningFlag.kind: kind,
        CleaningFlag.verdict: verdict,
        CleaningFlag.series_id: series_id,
        CleaningFlag.grain: grain,
    }
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if node is not None:
        query = query.where(*within(node))
    if below is not None:
        query = query.where(CleaningFlag.id < below)
    rows = session.execute(query.order_by(CleaningFlag.id.desc()).limit(limit + 1)).all()
    views = flag_views(session, rows[:limit])
    return Page(views, views[-1].id if len(rows) > limit else None)


def get_flag(session: Session, flag_id: int) -> FlagView:
    """One flag; raises NotFoundError."""
    rows = session.execute(_flags().where(CleaningFlag.id == flag_id)).all()
    if not rows:
        raise no_flag(flag_id)
    return flag_views(session, rows)[0]


def no_flag(flag_id: int) -> NotFoundError:
    """What to say where there is no such flag: they come and go with the data."""
    return NotFoundError(f"there is no flag {flag_id}; it may have gone since the data or the policy changed.")


def count_flags(session: Session) -> dict[tuple[str, str], int]:
    """How many flags there are by kind and verdict; combinations without any are left out."""
    query = sa.select(CleaningFlag.kind, CleaningFlag.verdict, sa.func.count())
    rows = session.execute(query.group_by(CleaningFlag.kind, CleaningFlag.verdict))
    return {(kind, verdict): count for kind, verdict, count in rows}


def flag_views(session: Session, rows: Sequence[Any]) -> list[FlagView]:
    """Rows of flag, series, and the product's code, name, category and subcategory as pages and the API show them."""
    settings = current_policy(session).settings
    return [
        FlagView(
            flag.id, flag.series_id, node_of(series, *product), flag.grain, flag.period, flag.kind, flag.value,
            flag.corrected, flag.score, flag.reason, flag.verdict, flag.decided_by, flag.created_at,
            settings.applies(flag.kind, flag.verdict),
        )
        for flag, series, *product in rows
    ]  # fmt: skip


def _flags() -> sa.Select[Any]:
    columns: list[Any] = [CleaningFlag, Series, Product.code, Product.name, Product.category, Product.subcategory]
    return (
        sa.select(*columns)
        .join(Series, Series.id == CleaningFlag.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
    )


def node_of(series: Series, code: str | None, name: str | None, category: str | None, subcategory: str | None) -> Node:
    """The node of a series joined with the product's code, name, category and subcategory."""
    return Node(
        series.region,
        series.territory,
        series.area,
        category or series.category,
        subcategory or series.subcategory,
        code or "",
        name or "",
    )
