"""What customers owe and paid."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base
from ml.db.types import Amount, BigId, Day, Flag, HashKey, Name


class Invoice(Base):
    """An invoice, or a credit note (a negative amount)."""

    __tablename__ = "invoices"
    __table_args__ = (sa.Index(None, "customer_id", "issued_on"), sa.Index(None, "due_on"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # invoice_ref
    invoice_ref: Mapped[str] = mapped_column(Name(80))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"))
    issued_on: Mapped[date] = mapped_column(Day)
    due_on: Mapped[date | None] = mapped_column(Day)
    amount: Mapped[float] = mapped_column(Amount)
    currency: Mapped[str] = mapped_column(Name(8), default="")
    region: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")  # product group
    disputed: Mapped[bool | None] = mapped_column(Flag)
    paperless: Mapped[bool | None] = mapped_column(Flag)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class Payment(Base):
    """Money that came in for an invoice; several may share one."""

    __tablename__ = "payments"
    __table_args__ = (sa.Index(None, "invoice_ref"), sa.Index(None, "paid_on"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # payment_ref, or invoice, day and number on that day
    payment_ref: Mapped[str] = mapped_column(Name(80), default="")
    invoice_ref: Mapped[str] = mapped_column(Name(80))
    paid_on: Mapped[date] = mapped_column(Day)
    amount: Mapped[float] = mapped_column(Amount)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)
