"""Partitions: parts of the series, by place and then by product, each small enough for one machine's memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.hierarchy import LOCATION_LEVELS, LOCATION_NAMES, PRODUCT_LEVELS

if TYPE_CHECKING:
    from ml.etl.extract import Level

PLACES = 200
"""Places of a partition at most: each is a condition of its queries."""

Names = tuple[str, ...]


@dataclass(frozen=True)
class Partition:
    """The leaves (area x product) of some places of a level, and of a range of products; all of them by default.

    `places` are the names of each place down to `level`, `products` the first and last product's number, `leaves` how
    many there are. `stored` names the levels (place, product) of a run that has several partitions; with one its own
    data does.
    """

    level: str = "total"
    places: tuple[Names, ...] = ()
    products: tuple[int, int] | None = None
    leaves: int = field(default=0, compare=False)
    stored: tuple[tuple[str, str], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it holds all series."""
        return not self.places and self.products is None

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        """From what `as_dict` gave."""
        places = tuple(tuple(names) for names in stored["places"])
        products = tuple(stored["products"]) if stored["products"] else None
        levels = tuple((place, product) for place, product in stored["stored"])
        return cls(stored["level"], places, products, stored["leaves"], levels)

    def holds(self, level: Level) -> bool:
        """Whether each node of a level lies in one partition as a whole."""
        below = LOCATION_LEVELS.index(level.location) >= LOCATION_LEVELS.index(self.level)
        return self.whole or (below and (self.products is None or level.product == "product"))

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What tells its series (of levels that it holds) from others."""
        columns = [getattr(Series, name) for name in LOCATION_NAMES[self.level]]
        found: list[sa.ColumnElement[bool]] = []
        if self.places and columns:
            named = (sa.and_(*(column == name for column, name in zip(columns, names, strict=True)))
                     for names in self.places)  # fmt: skip
            found.append(sa.or_(*named))
        if self.products is not None:
            found.append(Series.product_id.between(*self.products))
        return found

    def series(self, *levels: Level) -> sa.Select[int]:
        """The numbers of its series of some levels, of all that there are by default."""
        query = sa.select(Series.id).where(*self.conditions())
        return query.where(sa.or_(*map(of_level, levels))) if levels else query

    def only(self, column: Any, *levels: Level) -> list[sa.ColumnElement[bool]]:
        """That `column` refers to one of its series (of some levels); nothing to ask where it holds all."""
        return [] if self.whole else [column.in_(self.series(*levels))]

    def leaf_only(self, column: Any) -> list[sa.ColumnElement[bool]]:
        """That `column` refers to one of its leaves."""
        return [] if self.whole else [column.in_(self.series().where(IS_LEAF))]


WHOLE = Partition()
IS_LEAF = sa.and_(Series.location_level == "area", Series.product_level == "product")


def of_level(level: Level) -> sa.ColumnElement[bool]:
    """The series of a level."""
    return sa.and_(Series.location_level == level.location, Series.product_level == level.product)


def split(session: Session, base: Level, most: int) -> list[Partition]:
    """Partitions of at most `most` leaves where a place and product allows it, none of which cuts a node of `base`.

    Places of the coarsest level that suffices stay together, neighbours first; a place with more is cut by product,
    where the base names products.
    """
    by_place = list(session.execute(
        sa.select(Series.region, Series.territory, Series.area, sa.func.count())
        .where(IS_LEAF)
        .group_by(Series.region, Series.territory, Series.area)
    ))  # fmt: skip
    leaves = sum(count for *_, count in by_place)
    if leaves <= most:
        return [Partition(leaves=leaves)]
    levels = LOCATION_LEVELS[: LOCATION_LEVELS.index(base.location) + 1]
    for level in levels:
        counts = _counts([(tuple(names), count) for *names, count in by_place], len(LOCATION_NAMES[level]))
        if level == levels[-1] or max(counts.values()) <= most:
            break
    stored = tuple(_stored(session, base))
    parts = _packed(session, level, counts, most, by_product=base.product == "product")
    return [replace(part, stored=stored) for part in parts]


def _stored(session: Session, base: Level) -> Iterator[tuple[str, str]]:
    """The levels from `base` upwards that the leaves name at all, coarse to fine."""
    columns = (Series.region, Series.territory, Series.area, Product.category, Product.subcategory)
    query = sa.select(*(sa.func.max(column) for column in columns)).select_from(Series)
    found = session.execute(query.join(Product, Product.id == Series.product_id).where(IS_LEAF)).one()
    named = {"total", "product", *(column.key for column, name in zip(columns, found, strict=True) if name)}
    for place in LOCATION_LEVELS[: LOCATION_LEVELS.index(base.location) + 1]:
        for product in PRODUCT_LEVELS[: PRODUCT_LEVELS.index(base.product) + 1]:
            if place in named and product in named:
                yield place, product


def _counts(by_place: Sequence[tuple[Names, int]], depth: int) -> dict[Names, int]:
    """Leaves by the first `depth` names, in the order of names."""
    cut = sorted((names[:depth], count) for names, count in by_place)
    return {names: sum(count for _, count in group) for names, group in groupby(cut, key=lambda one: one[0])}


def _packed(
    session: Session, level: str, counts: dict[Names, int], most: int, *, by_product: bool
) -> Iterator[Partition]:
    together: list[Names] = []
    size = 0
    for names, count in counts.items():
        if together and (size + count > most or len(together) == PLACES):
            yield Partition(level, tuple(together), leaves=size)
            together, size = [], 0
        if count > most and by_product:
            yield from _cut(session, Partition(level, (names,) if names else ()), most)
            continue
        together.append(names)
        size += count
    if together:
        yield Partition(level, tuple(together), leaves=size)


def _cut(session: Session, place: Partition, most: int) -> Iterator[Partition]:
    """One place as ranges of products."""
    query = (
        sa.select(Series.product_id, sa.func.count())
        .where(IS_LEAF, *place.conditions())
        .group_by(Series.product_id)
        .order_by(Series.product_id)
    )
    first: int | None = None
    last = size = 0
    for product, count in [(int(product or 0), int(count)) for product, count in session.execute(query)]:
        if first is not None and size + count > most:
            yield Partition(place.level, place.places, (first, last), size)
            first, size = None, 0
        first, last, size = first or product, product, size + count
    if first is not None:
        yield Partition(place.level, place.places, (first, last), size)
