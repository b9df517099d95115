"""What all runs have that replace what readers see: one of them is the published one."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from ml.db.base import unique_where_present
from ml.db.types import BigId, Name


class PublishedRun:
    """Columns of a run with one of STATES. Readers look at the published one, whose `slot` is not null: publishing
    moves it in one transaction, so that nobody reads half a run."""

    STATES: ClassVar[tuple[str, ...]]
    __tablename__: str

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slot: Mapped[str | None] = mapped_column(Name(16))
    state: Mapped[str] = mapped_column(Name(16), default="running")

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - of the class that has these columns
        return (
            sa.CheckConstraint(sa.column("state").in_(cls.STATES), "state"),
            unique_where_present(f"uq_{cls.__tablename__}_slot", "slot"),
        )
