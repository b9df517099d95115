"""What moves demand from outside: events and external regressors."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base
from ml.db.types import Amount, BigId, Day, HashKey, Name, Real

EVENT_KINDS = ("promotion", "holiday", "price", "other")


class Event(Base):
    """A promotion, holiday, price plan or other event, both days included.

    Places and products that are left open ('' or null) are all of them. `value` is the discount of a promotion (a
    share: 0.2 is 20 % off), the price from then on of a price plan, and null otherwise.
    """

    __tablename__ = "events"
    __table_args__ = (
        sa.CheckConstraint(sa.column("kind").in_(EVENT_KINDS), "kind"),
        sa.Index(None, "starts_on", "ends_on"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # kind, name, first day, places, product
    kind: Mapped[str] = mapped_column(Name(16))
    name: Mapped[str] = mapped_column(Name(120), default="")
    starts_on: Mapped[date] = mapped_column(Day)
    ends_on: Mapped[date] = mapped_column(Day)
    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")
    product_id: Mapped[int | None] = mapped_column(sa.ForeignKey("products.id"), index=True)
    value: Mapped[float | None] = mapped_column(Amount)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class Regressor(Base):
    """The value of an external figure, such as a temperature or a price index, on a day, in a region or everywhere."""

    __tablename__ = "regressors"
    __table_args__ = (sa.Index(None, "name", "day"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # name, day, region
    name: Mapped[str] = mapped_column(Name(120))
    day: Mapped[date] = mapped_column(Day)
    region: Mapped[str] = mapped_column(Name(120), default="")
    value: Mapped[float] = mapped_column(Real)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)
