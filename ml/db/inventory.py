"""Stock and what moves it: levels, purchase orders, and consumption by job orders."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base
from ml.db.types import Amount, BigId, Day, HashKey, Name


class StockLevel(Base):
    """How much of a product was on hand in an area at the end of a day."""

    __tablename__ = "stock_levels"
    __table_args__ = (sa.Index(None, "product_id", "area", "day"), sa.Index(None, "day"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # area, product, day
    day: Mapped[date] = mapped_column(Day)
    area: Mapped[str] = mapped_column(Name(120), default="")  # a store or a warehouse
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"))
    on_hand: Mapped[float] = mapped_column(Amount)
    reserved: Mapped[float | None] = mapped_column(Amount)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class PurchaseOrder(Base):
    """A line of an order to a supplier."""

    __tablename__ = "purchase_orders"
    __table_args__ = (sa.Index(None, "product_id", "expected_on"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # order, line or else product
    order_ref: Mapped[str] = mapped_column(Name(80))
    line_ref: Mapped[str] = mapped_column(Name(80), default="")
    supplier: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")  # where it is delivered
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"))
    ordered_on: Mapped[date] = mapped_column(Day)
    expected_on: Mapped[date | None] = mapped_column(Day)
    received_on: Mapped[date | None] = mapped_column(Day)
    qty_ordered: Mapped[float] = mapped_column(Amount)
    qty_received: Mapped[float | None] = mapped_column(Amount)
    unit_cost: Mapped[float | None] = mapped_column(Amount)
    status: Mapped[str] = mapped_column(Name(40), default="")
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class JobOrder(Base):
    """What a production or service order consumes of a product."""

    __tablename__ = "job_orders"
    __table_args__ = (sa.Index(None, "product_id", "needed_on"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # order, line or else product
    order_ref: Mapped[str] = mapped_column(Name(80))
    line_ref: Mapped[str] = mapped_column(Name(80), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"))  # that is consumed
    needed_on: Mapped[date] = mapped_column(Day)  # or was consumed on
    qty: Mapped[float] = mapped_column(Amount)
    status: Mapped[str] = mapped_column(Name(40), default="")
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)
