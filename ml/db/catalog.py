"""What sales refer to: products, customers, and the series of the hierarchy."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base
from ml.db.types import Amount, BigId, Day, HashKey, Name


class Product(Base):
    """An article. Facts hold `id`; the business says `code`."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # hash_key(code)
    code: Mapped[str] = mapped_column(Name(80), index=True)
    name: Mapped[str] = mapped_column(Name(250), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")
    subcategory: Mapped[str] = mapped_column(Name(120), default="")
    price: Mapped[float | None] = mapped_column(Amount)  # list price of a unit
    cost: Mapped[float | None] = mapped_column(Amount)  # of a unit
    lead_time_days: Mapped[float | None] = mapped_column(Amount)
    supplier: Mapped[str] = mapped_column(Name(120), default="")
    pack_size: Mapped[float | None] = mapped_column(Amount)  # units that are ordered together
    import_id: Mapped[int | None] = mapped_column(BigId)  # that wrote it last; null: sales or a person did


class Customer(Base):
    """Somebody who buys."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # hash_key(code)
    code: Mapped[str] = mapped_column(Name(80), index=True)
    name: Mapped[str] = mapped_column(Name(250), default="")
    segment: Mapped[str] = mapped_column(Name(120), default="")
    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    payment_terms_days: Mapped[float | None] = mapped_column(Amount)
    credit_limit: Mapped[float | None] = mapped_column(Amount)
    import_id: Mapped[int | None] = mapped_column(BigId)  # as for products


class Series(Base):
    """One node of the hierarchy: a place level crossed with a product level.

    A name that the node leaves open is ''; `product_id` is null but at product level.
    Leaves (area x product) carry the facts; the levels above the forecast's base are
    stored with their results. `location_parent_id` is the same product node one place
    level up, `product_parent_id` the same place one product level up.
    """

    __tablename__ = "series"
    __table_args__ = (
        sa.Index(None, "location_level", "product_level"),
        sa.Index(None, "region", "territory", "area"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # see ml.hierarchy.node_key
    location_level: Mapped[str] = mapped_column(Name(16))  # total, region, territory, area
    product_level: Mapped[str] = mapped_column(Name(16))  # total, category, subcategory, product
    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")
    subcategory: Mapped[str] = mapped_column(Name(120), default="")
    product_id: Mapped[int | None] = mapped_column(sa.ForeignKey("products.id"), index=True)
    location_parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("series.id"), index=True)
    product_parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("series.id"), index=True)
    first_sale: Mapped[date | None] = mapped_column(Day)
    last_sale: Mapped[date | None] = mapped_column(Day)
