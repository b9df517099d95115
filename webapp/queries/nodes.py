"""A node of the hierarchy as users name it, and the conditions that it puts on facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.keys import hash_key, normalise
from ml.errors import NotFoundError
from webapp.queries.scope import only_place

LOCATION_FIELDS = ("region", "territory", "area")
PRODUCT_FIELDS = ("category", "subcategory", "product")
FIELDS = (*LOCATION_FIELDS, *PRODUCT_FIELDS)


@dataclass(frozen=True)
class Node:
    """A place and a product, each as precise as the names that are given; '' leaves a name open."""

    region: str = ""
    territory: str = ""
    area: str = ""
    category: str = ""
    subcategory: str = ""
    product: str = ""  # the code
    product_name: str = field(default="", compare=False)  # for people; it identifies nothing

    @classmethod
    def of(cls, names: Mapping[str, str]) -> Self:
        """The node that query parameters name; other parameters are left alone."""
        return cls(**{name: normalise(names.get(name, "")) for name in FIELDS})

    @property
    def location_level(self) -> str:
        """The level of the finest place name given."""
        return next((name for name in reversed(LOCATION_FIELDS) if getattr(self, name)), "total")

    @property
    def product_level(self) -> str:
        """The level of the finest product name given."""
        return next((name for name in reversed(PRODUCT_FIELDS) if getattr(self, name)), "total")

    @property
    def label(self) -> str:
        """What to call it in a heading."""
        place = getattr(self, self.location_level, "")
        product = self.product_name or getattr(self, self.product_level, "")
        return " · ".join(part for part in (place, product) if part) or "All sales"

    @property
    def detail(self) -> str:
        """The product's code, where the label says its name."""
        return self.product if self.product_name not in ("", self.product) else ""

    def params(self) -> dict[str, str]:
        """The names given, as query parameters."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}

    def with_names(self, **names: str) -> Node:
        """The same node with some names replaced."""
        return replace(self, **names)


def conditions(node: Node, facts: Any) -> list[sa.ColumnElement[bool]]:
    """What the rows of `facts` (joined with Product) must meet to belong to `node`.

    `facts` is a table or class with the columns region, territory and area.
    """
    found = [getattr(facts, name) == getattr(node, name) for name in LOCATION_FIELDS if getattr(node, name)]
    found += [
        getattr(Product, name) == getattr(node, name) for name in ("category", "subcategory") if getattr(node, name)
    ]
    if node.product:
        found.append(Product.key == hash_key(normalise(node.product)))
    return found


def resolve(session: Session, node: Node) -> Node:
    """The node with the product's name, and with the names above those given where they are unambiguous. To who may
    see one region or territory alone, all places are that one.

    Raises NotFoundError naming the first name that no sale carries, or the combination.
    """
    if node.location_level == "total":
        node = node.with_names(**only_place())
    leaves = sa.select(Series).join(Product, Product.id == Series.product_id)
    leaves = leaves.where(Series.location_level == "area", Series.product_level == "product")
    columns = (
        Series.region, Series.territory, Series.area,
        Product.category, Product.subcategory, Product.code.label("product"),
    )  # fmt: skip
    extremes = [bound(column).label(f"{end}_{column.key}") for column in columns for end, bound in BOUNDS]
    extremes.append(sa.func.max(Product.name).label("product_name"))
    row = session.execute(leaves.with_only_columns(*extremes).where(*conditions(node, Series))).one()
    if row.low_region is None:
        _explain_unknown(session, node, leaves)
    filled = {
        name: getattr(row, f"low_{name}")
        for name in _above(node)
        if getattr(row, f"low_{name}") == getattr(row, f"high_{name}")
    }
    return node.with_names(**filled, product_name=row.product_name if node.product else "")


BOUNDS = (("low", sa.func.min), ("high", sa.func.max))


def _above(node: Node) -> list[str]:
    """The names above the finest ones given."""
    above: list[str] = []
    for fields, level in ((LOCATION_FIELDS, node.location_level), (PRODUCT_FIELDS, node.product_level)):
        above += fields[: fields.index(level)] if level != "total" else []
    return above


def _explain_unknown(session: Session, node: Node, leaves: sa.Select[Any]) -> None:
    if not node.params():
        return
    for name, value in node.params().items():
        alone = leaves.with_only_columns(sa.func.count()).where(*conditions(Node(**{name: value}), Series))
        if not session.scalar(alone):
            raise NotFoundError(f"{name} {value!r} has no sales; expected a name as it is spelled in the sales data.")
    named = ", ".join(f"{name} {value!r}" for name, value in node.params().items())
    raise NotFoundError(f"no sales carry {named} together; leave one of the names out.")
