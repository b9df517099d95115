"""A part of the business, and the series that lie inside it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import sqlalchemy as sa

from ml.db.catalog import Product, Series
from ml.db.results import ForecastRun
from ml.hierarchy import LOCATION_LEVELS, LOCATION_NAMES, PRODUCT_LEVELS, PRODUCT_NAMES

WHOLE = {"unscoped": "an override moves its whole part; who may make one is checked before"}
"""Which rows of a part are read or written is no matter of who asks (webapp.queries.scope)."""


@dataclass(frozen=True)
class Part:
    """A place and a product, each as precise as the names that are given; '' and None leave them open."""

    location_level: str = "total"
    product_level: str = "total"
    region: str = ""
    territory: str = ""
    area: str = ""
    category: str = ""
    subcategory: str = ""
    product_id: int | None = None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The part that a row with its columns names."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})

    def is_whole(self, run: ForecastRun) -> bool:
        """Whether the part is made of whole base series of the run."""
        place = LOCATION_LEVELS.index(self.location_level) <= LOCATION_LEVELS.index(run.location_level)
        return place and PRODUCT_LEVELS.index(self.product_level) <= PRODUCT_LEVELS.index(run.product_level)

    def around(self, run: ForecastRun) -> Part:
        """The finest part around this one that is made of whole base series; its levels say nothing."""
        names = (*LOCATION_NAMES[run.location_level], *PRODUCT_NAMES[run.product_level])
        return Part(**{name: getattr(self, name) for name in names})

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What series (left-joined with Product) must meet to lie inside."""
        found: list[sa.ColumnElement[bool]] = [
            getattr(Series, name) == value for name in ("region", "territory", "area") if (value := getattr(self, name))
        ]
        for name in ("category", "subcategory"):
            if value := getattr(self, name):
                found.append(product_name(name) == value)
        if self.product_id is not None:
            found.append(Series.product_id == self.product_id)
        return found


def product_name(name: str) -> sa.ColumnElement[Any]:
    """The category of a series (left-joined with Product): a product's own row tells it, since that may be corrected
    after its series was made."""
    return sa.func.coalesce(getattr(Product, name), getattr(Series, name))


def base_names(run: ForecastRun) -> list[Any]:
    """The columns that name the base series of a run; of a leaf, those that name the base series around it."""
    products = [
        Series.product_id if name == "product_id" else product_name(name) for name in PRODUCT_NAMES[run.product_level]
    ]
    return [*(getattr(Series, name) for name in LOCATION_NAMES[run.location_level]), *products]
