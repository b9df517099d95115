"""Reads of the profiles that each forecast leaves: nodes of a level, narrowed down, sorted, and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.profiles import SeriesProfile
from ml.db.results import ForecastRun
from ml.hierarchy import LOCATION_LEVELS, PRODUCT_LEVELS
from webapp.queries.names import any_named
from webapp.queries.nodes import LOCATION_FIELDS, Node, conditions

Level = tuple[str, str]


@dataclass(frozen=True)
class ProfileFilter:
    """Which profiles: those of a level within `node`, of a class where one is named, whose names hold `q`."""

    node: Node
    level: Level
    q: str = ""
    volume: str = ""  # A, B, C
    variability: str = ""  # X, Y, Z


@dataclass(frozen=True)
class ProfileView:
    """A profile with the node that it is of."""

    node: Node
    row: SeriesProfile

    @property
    def miss(self) -> float:
        """What the last month's forecast was off by; 0 where none was issued."""
        return abs((self.row.sold or 0.0) - (self.row.expected or 0.0)) if self.row.expected is not None else 0.0


@dataclass(frozen=True)
class ProfilePage:
    """Some of the profiles, and how many there are; of more than MOST_COUNTED, that there are `more`."""

    items: list[ProfileView]
    total: int
    more: bool = False


MOST_COUNTED = 10_000
LARGEST_FIRST = SeriesProfile.last12.desc()
SORTS: dict[str, Any] = {
    "volume": LARGEST_FIRST,
    "growth": SeriesProfile.growth.desc(),
    "decline": SeriesProfile.growth,
    "error": SeriesProfile.wape.desc(),
    "missed": SeriesProfile.missed.desc(),
    "bias": SeriesProfile.bias_size.desc(),
}
"""What profiles may be sorted by; those of which the figure is unknown come last."""
KNOWN: dict[str, Any] = {
    "growth": SeriesProfile.growth,
    "decline": SeriesProfile.growth,
    "error": SeriesProfile.wape,
    "missed": SeriesProfile.missed,
    "bias": SeriesProfile.bias_size,
}
SIZE = (LARGEST_FIRST, SeriesProfile.id.desc())
"""What decides between those that a sort puts alike: the larger comes first."""


def list_profiles(session: Session, wanted: ProfileFilter, sort: str, limit: int, offset: int = 0) -> ProfilePage:
    """A page of profiles, the largest of those that `sort` puts alike first."""
    columns: list[Any] = [SeriesProfile, Product.code, Product.name]
    query = narrowed(session, sa.select(*columns), wanted)
    rows = known_first(session, query, sort, limit, offset)
    total = counted(session, query)
    return ProfilePage([view_of(*row) for row in rows], min(total, MOST_COUNTED), total > MOST_COUNTED)


def known_first(session: Session, query: sa.Select[Any], sort: str, limit: int, offset: int) -> list[Any]:
    """Some rows by `sort`. Those without its figure are asked for once the others end: sorted together with them, no
    index would do."""
    known = query if sort not in KNOWN else query.where(KNOWN[sort].is_not(None))
    order = dict.fromkeys((SORTS[sort], *SIZE))  # SQL Server refuses a column that is named twice
    rows = list(session.execute(known.order_by(*order).limit(limit).offset(offset)))
    if sort not in KNOWN or len(rows) == limit:
        return rows
    before = offset + len(rows) if rows or not offset else count_of(session, known)
    unknown = query.where(KNOWN[sort].is_(None)).order_by(*SIZE)
    return rows + list(session.execute(unknown.limit(limit - len(rows)).offset(max(offset - before, 0))))


def counted(session: Session, query: sa.Select[Any]) -> int:
    """How many rows a query has; one more than MOST_COUNTED where there are more than that."""
    return count_of(session, query.limit(MOST_COUNTED + 1))


def count_of(session: Session, query: sa.Select[Any]) -> int:
    rows = query.with_only_columns(SeriesProfile.id, maintain_column_froms=True).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


def narrowed(session: Session, query: sa.Select[Any], wanted: ProfileFilter) -> sa.Select[Any]:
    query = query.select_from(SeriesProfile).outerjoin(Product, Product.id == SeriesProfile.product_id)
    query = query.where(*of_level(wanted.level), *within(wanted.node))
    if wanted.volume:
        query = query.where(SeriesProfile.volume_class == wanted.volume)
    if wanted.variability:
        query = query.where(SeriesProfile.variability_class == wanted.variability)
    return query.where(any_named(session, wanted.q, SeriesProfile)) if wanted.q else query


def of_level(level: Level) -> tuple[sa.ColumnElement[bool], ...]:
    return SeriesProfile.location_level == level[0], SeriesProfile.product_level == level[1]


def within(node: Node) -> list[sa.ColumnElement[bool]]:
    """The profiles that lie within `node`; a product's own row tells its category."""
    names = {name: getattr(node, name) for name in (*LOCATION_FIELDS, "category", "subcategory")}
    found: list[sa.ColumnElement[bool]] = [
        getattr(SeriesProfile, name) == value for name, value in names.items() if value
    ]
    return found + conditions(Node(product=node.product), SeriesProfile)


def view_of(row: SeriesProfile, code: str | None, name: str | None) -> ProfileView:
    node = Node(row.region, row.territory, row.area, row.category, row.subcategory, code or "", name or "")
    return ProfileView(node, row)


def known_levels(session: Session) -> list[Level]:
    """The levels that have profiles for the caller, coarse to fine; each is looked up, no row is read."""
    levels = [(place, product) for place in LOCATION_LEVELS for product in PRODUCT_LEVELS]
    there = (sa.select(SeriesProfile.id).where(*of_level(level)).exists() for level in levels)
    found = session.execute(sa.select(*(sa.case((one, 1), else_=0) for one in there))).one()
    return [level for level, known in zip(levels, found, strict=True) if known]


def level_within(node: Node, wanted: Level, known: list[Level]) -> Level:
    """The level to list within `node`: the one asked for, made as fine as the names given, where it is known.

    Of levels that are not known, the finest that is both known and coarser than asked for, else the first.
    """
    place = max(wanted[0], node.location_level, key=LOCATION_LEVELS.index)
    product = max(wanted[1], node.product_level, key=PRODUCT_LEVELS.index)
    if (place, product) in known or not known:
        return place, product
    fits = [one for one in known if is_at_least(one, (node.location_level, node.product_level))]
    return min(fits or known, key=lambda one: distance(one, (place, product)))


def is_at_least(level: Level, least: Level) -> bool:
    """Whether a level is as fine as another, in places and in products."""
    return LOCATION_LEVELS.index(level[0]) >= LOCATION_LEVELS.index(least[0]) and PRODUCT_LEVELS.index(
        level[1]
    ) >= PRODUCT_LEVELS.index(least[1])


def distance(one: Level, other: Level) -> int:
    """How many steps apart two levels are."""
    places = LOCATION_LEVELS.index(one[0]) - LOCATION_LEVELS.index(other[0])
    return abs(places) + abs(PRODUCT_LEVELS.index(one[1]) - PRODUCT_LEVELS.index(other[1]))


def forecast_misses(session: Session, run: ForecastRun, limit: int) -> tuple[list[ProfileView], int]:
    """The base series that left their 80 % band in the last month, by how much money; and how many did."""
    row = SeriesProfile
    outside = (
        row.location_level == run.location_level,
        row.product_level == run.product_level,
        sa.or_(row.sold < row.low, row.sold > row.high),
    )
    query = sa.select(row, Product.code, Product.name).outerjoin(Product, Product.id == row.product_id).where(*outside)
    found = session.execute(query.order_by(sa.func.abs(row.sold - row.expected).desc(), row.id).limit(limit)).all()
    count = session.scalar(sa.select(sa.func.count(row.id)).where(*outside)) or 0
    return [view_of(*one) for one in found], count
