"""Sales facts: raw rows, what imports replaced or repeated, and the aggregates by day, week and month."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, on_servers
from ml.db.types import Amount, BigId, Day, HashKey, Name


class SalesRow:
    """The columns that raw rows and superseded rows share.

    `row_key` hashes the normalised fields of the row and its occurrence number among
    equal rows of one file, so that a file loaded twice changes nothing while true
    duplicates inside it are kept. Where the source numbers its lines, `row_key` hashes
    the source and that number instead, and `content_key` the fields: a line that comes
    again with another content replaces the earlier one.
    """

    row_key: Mapped[bytes] = mapped_column(HashKey)
    content_key: Mapped[bytes | None] = mapped_column(HashKey)  # null where `row_key` is of the content
    sale_date: Mapped[date] = mapped_column(Day)
    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    product_id: Mapped[int] = mapped_column(BigId)
    sales_amount: Mapped[float] = mapped_column(Amount)
    sales_qty: Mapped[float] = mapped_column(Amount)
    channel: Mapped[str] = mapped_column(Name(80), default="")
    customer_id: Mapped[int | None] = mapped_column(BigId)
    order_ref: Mapped[str] = mapped_column(Name(80), default="")
    series_id: Mapped[int] = mapped_column(BigId)
    import_id: Mapped[int] = mapped_column(BigId)


class SalesRaw(SalesRow, Base):
    """One line of a sale (or a return, with negative figures) as it was imported."""

    __tablename__ = "sales_raw"
    __table_args__ = (
        sa.UniqueConstraint("row_key"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"]),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"]),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"]),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"]),
        sa.Index(None, "sale_date", "series_id"),
        sa.Index(None, "import_id"),
        on_servers("ix_sales_raw_customer_id", "customer_id IS NOT NULL", "customer_id", "sale_date", "series_id"),
        on_servers("ix_sales_raw_order_ref", "order_ref <> ''", "order_ref"),
        on_servers("ix_sales_raw_channel", "channel <> ''", "channel", "sale_date", "series_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)


class SalesSuperseded(SalesRow, Base):
    """A row that a later import replaced, kept so that this import can be taken back.

    The versions of a row form a chain: `replaced_by` is the import of the next one, and the last is in `sales_raw`.
    """

    __tablename__ = "sales_superseded"
    __table_args__ = (
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"]),
        sa.ForeignKeyConstraint(["replaced_by"], ["imports.id"]),
        sa.Index(None, "row_key"),
        sa.Index(None, "replaced_by"),
        sa.Index(None, "import_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    replaced_by: Mapped[int] = mapped_column(BigId)


class SalesRepeat(Base):
    """A row of an import that was in `sales_raw` already: taking back the import that owns it must not lose it."""

    __tablename__ = "sales_repeats"
    __table_args__ = (sa.Index(None, "row_key"), sa.Index(None, "import_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("imports.id"))
    row_key: Mapped[bytes] = mapped_column(HashKey)
    content_key: Mapped[bytes | None] = mapped_column(HashKey)


class AggregateRow:
    """The columns that the aggregates of all grains share.

    They are made of `sales_raw` alone, whose products and series are checked there: foreign keys here would check them
    again, a million times in a large import.
    """

    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    total_sales: Mapped[float] = mapped_column(Amount)
    total_qty: Mapped[float] = mapped_column(Amount)
    transactions: Mapped[int] = mapped_column(sa.Integer())  # sales rows summed up


class SalesMonthly(AggregateRow, Base):
    """Sales of an area and product in a calendar month."""

    __tablename__ = "sales_agg_monthly"
    __table_args__ = (sa.UniqueConstraint("series_id", "yearmonth"), sa.Index(None, "yearmonth"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    year: Mapped[int] = mapped_column(sa.Integer())
    month: Mapped[int] = mapped_column(sa.Integer())
    yearmonth: Mapped[str] = mapped_column(Name(7))  # 'YYYY-MM'
    product_id: Mapped[int] = mapped_column(BigId)
    series_id: Mapped[int] = mapped_column(BigId)


class SalesWeekly(AggregateRow, Base):
    """Sales of an area and product in a week, Monday to Sunday."""

    __tablename__ = "sales_agg_weekly"
    __table_args__ = (sa.UniqueConstraint("series_id", "week_start"), sa.Index(None, "week_start"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    week_start: Mapped[date] = mapped_column(Day)
    product_id: Mapped[int] = mapped_column(BigId)
    series_id: Mapped[int] = mapped_column(BigId)


class SalesDaily(AggregateRow, Base):
    """Sales of an area and product on a day.

    No index by day alone: `sales_raw` has one, and to keep another costs a large import a tenth of its time.
    """

    __tablename__ = "sales_agg_daily"
    __table_args__ = (sa.UniqueConstraint("series_id", "sale_date"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sale_date: Mapped[date] = mapped_column(Day)
    product_id: Mapped[int] = mapped_column(BigId)
    series_id: Mapped[int] = mapped_column(BigId)
