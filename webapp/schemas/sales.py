"""Sales as they are pushed and read, and rows of any other data set."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from webapp.queries.sales import Key, SalesFilter
from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, Request
from webapp.schemas.days import Day, iso_day

DEFAULT_LIMIT, MOST = 100, 1_000


def encode_key(key: Key | None) -> str | None:
    """Where the next page begins, as text that callers pass back and need not understand."""
    if key is None:
        return None
    parts = [part.isoformat() if isinstance(part, date) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode_key(cursor: object) -> Key:
    """The key that a cursor stands for: a day, and ids; raises ValueError for text that is no cursor."""
    text = str(cursor)
    try:
        day, *ids = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not all(type(part) is int and 0 < part <= LARGEST_ID for part in ids) or len(ids) > 2:
            raise ValueError
        return (iso_day(day), *ids)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValueError("this is no cursor; take `next_cursor` of the answer before as it is") from None


def length_of_key(parts: int) -> BeforeValidator:
    """A cursor whose key has as many parts as the list is sorted by."""

    def check(cursor: object) -> Key:
        key = decode_key(cursor)
        if len(key) != parts:
            raise ValueError("this is a cursor of another list; take `next_cursor` of the answer before as it is")
        return key

    return BeforeValidator(check, json_schema_input_type=str)


Name = Field("", max_length=120)
CURSOR = "Where to go on: `next_cursor` of the answer before."


class WhichSales(Request):
    """What every list of sales can be narrowed by."""

    since: Day | None = Field(None, alias="from", description="The first day.")
    until: Day | None = Field(None, alias="to", description="The last day, included.")
    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product: str = Field("", max_length=80, description="The product's code, or its number here.")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MOST, description="How many items at most.")

    def filter(self) -> SalesFilter:
        """The same as the queries take it."""
        return SalesFilter(**self.model_dump(exclude={"limit", "cursor", "by"}))


class SalesQuery(WhichSales):
    """Which rows of sales."""

    customer: str = Field("", max_length=80, description="The customer's code.")
    channel: str = Field("", max_length=80)
    order_ref: str = Field("", max_length=80)
    import_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    cursor: Annotated[Key, length_of_key(3)] | None = Field(None, description=CURSOR)


class PeriodQuery(WhichSales):
    """Which sales, and how they are summed up."""

    by: Literal["total", "series"] = Field(
        "total", description="One item a period, or one a period and series (area and product)."
    )
    cursor: Annotated[Key, BeforeValidator(decode_key, json_schema_input_type=str)] | None = Field(
        None, description=CURSOR
    )


class SaleAnswer(Answer):
    """A row of sales as it was loaded."""

    id: int
    sale_date: date
    region: str
    territory: str
    area: str
    product_id: int
    product_code: str
    product_name: str
    customer_code: str | None
    order_ref: str
    channel: str
    sales_amount: Figure
    sales_qty: Figure
    import_id: int = Field(description="The import that brought it.")


class SaleList(ListAnswer):
    """Rows of sales, newest day first."""

    items: list[SaleAnswer]


class PeriodAnswer(Answer):
    """Sales of a period; the names are null where all series are summed up."""

    period: date = Field(description="Its first day; weeks begin on Monday.")
    transactions: int = Field(description="Rows of sales.")
    total_sales: Figure
    total_qty: Figure
    partial: bool = Field(description="Whether the data covers the period only in part.")
    region: str | None
    territory: str | None
    area: str | None
    product_id: int | None
    product_code: str | None


class PeriodList(ListAnswer):
    """Sales by period, newest first."""

    items: list[PeriodAnswer]
