"""Days as callers write them."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, WithJsonSchema

ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?")


def iso_day(value: object) -> object:
    """The day of an ISO date or date-time, as it is written; raises ValueError for anything else.

    pydantic alone would take numbers for seconds since 1970.
    """
    if isinstance(value, date):
        return value
    if isinstance(value, str) and ISO.fullmatch(value.strip()):
        try:
            return datetime.fromisoformat(value.strip()).date()
        except ValueError:
            pass
    raise ValueError(f"expected a day such as 2024-01-31, found {str(value)[:40]!r}")


def iso_instant(value: object) -> object:
    """An ISO date-time with its time zone; raises ValueError for anything else."""
    if isinstance(value, str) and ISO.fullmatch(value.strip()):
        return value.strip()
    raise ValueError(f"expected an instant such as 2024-01-31T12:00:00Z, found {str(value)[:40]!r}")


Instant = Annotated[AwareDatetime, BeforeValidator(iso_instant)]
Day = Annotated[date, BeforeValidator(iso_day), WithJsonSchema({"type": "string", "format": "date"})]
