"""Stock and what moves it: suppliers and their terms, levels, purchase orders, and consumption by job orders."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base
from ml.db.types import Amount, BigId, Day, HashKey, Name


class Supplier(Base):
    """Who delivers. Weekdays and closed days are as people write them: see `ml.inventory.calendars`."""

    __tablename__ = "suppliers"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # hash_key(name)
    name: Mapped[str] = mapped_column(Name(120))
    order_days: Mapped[str] = mapped_column(Name(40), default="")  # '': not known
    delivery_days: Mapped[str] = mapped_column(Name(40), default="")
    closed_days: Mapped[str] = mapped_column(Name(500), default="")
    lead_time_days: Mapped[float | None] = mapped_column(Amount)  # as agreed; measured ones go before it
    minimum_order: Mapped[float | None] = mapped_column(Amount)  # value of an order
    free_freight_from: Mapped[float | None] = mapped_column(Amount)  # the same
    import_id: Mapped[int | None] = mapped_column(BigId)


class SupplierProduct(Base):
    """On which terms a supplier delivers a product."""

    __tablename__ = "supplier_products"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # supplier, product
    supplier: Mapped[str] = mapped_column(Name(120))
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), index=True)
    unit_cost: Mapped[float | None] = mapped_column(Amount)
    pack_size: Mapped[float | None] = mapped_column(Amount)
    minimum_qty: Mapped[float | None] = mapped_column(Amount)
    lead_time_days: Mapped[float | None] = mapped_column(Amount)
    shelf_life_days: Mapped[float | None] = mapped_column(Amount)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class Place(Base):
    """A place that keeps stock and gets it from another one, as an area from its warehouse; places of which nothing is
    said get theirs from suppliers."""

    __tablename__ = "stock_places"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # hash_key(name)
    name: Mapped[str] = mapped_column(Name(120))  # as stock levels name it
    supplied_by: Mapped[str] = mapped_column(Name(120), default="")  # another place; '': suppliers
    transfer_days: Mapped[float | None] = mapped_column(Amount)  # from there to here
    region: Mapped[str] = mapped_column(Name(120), default="")  # that it belongs to, where it sells nothing itself
    territory: Mapped[str] = mapped_column(Name(120), default="")
    import_id: Mapped[int | None] = mapped_column(BigId)


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


CLOSED = ("closed", "cancelled", "canceled", "received", "delivered", "complete", "completed", "done")
"""States of orders of which nothing is to come."""


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

    @property
    def qty_open(self) -> float:
        """Units still to come of a line that is open."""
        return max(float(self.qty_ordered) - float(self.qty_received or 0.0), 0.0)


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
