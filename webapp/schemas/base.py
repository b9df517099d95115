"""What all requests and answers share."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

from webapp.queries.paging import DEFAULT_LIMIT

LARGEST_ID = 2**63 - 1


class Request(BaseModel):
    """Something that a caller sends: unknown fields and query parameters are refused."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As of pydantic; the usual one is made once, since each request with a query reads it."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else cls._usual_schema()

    @classmethod
    @cache
    def _usual_schema(cls) -> dict[str, Any]:
        return super().model_json_schema()


AMOUNT, RATIO = 4, 6
"""Decimals of figures that were computed: sums and means of floats have digits that mean nothing."""


def to_decimals(value: Any, decimals: int) -> Any:
    """A number, or all numbers inside JSON, to so many decimals and without negative zeros; the rest as it is."""
    if isinstance(value, float):
        return round(value, decimals) + 0.0
    if isinstance(value, dict):
        return {key: to_decimals(part, decimals) for key, part in value.items()}
    if isinstance(value, list):
        return [to_decimals(part, decimals) for part in value]
    return value


Figure = Annotated[float, AfterValidator(lambda value: to_decimals(value, AMOUNT))]
"""An amount that was computed, to the decimals that the tables keep. What people entered, such as a price or the value
of a regressor, is shown as it was entered."""
Ratio = Annotated[float, AfterValidator(lambda value: to_decimals(value, RATIO))]
"""A share, a factor or a probability."""
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Id = Annotated[int, Strict(), Field(ge=1, le=LARGEST_ID)]
Number = Annotated[float, Strict()]
"""Values in JSON bodies, which are what they say: neither 0 nor "no" is false there, and "5" is no number."""
Measured = Annotated[dict[str, Any], AfterValidator(lambda value: to_decimals(value, RATIO))]
"""JSON with figures in it."""


class Answer(BaseModel):
    """Something that a caller gets, read from dataclasses and rows alike."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)


def encode_cursor(below: int | None) -> str | None:
    """Where the next page begins, as text that callers pass back and need not understand."""
    return None if below is None else base64.urlsafe_b64encode(f"below:{below}".encode()).decode().rstrip("=")


def decode_cursor(cursor: object) -> int:
    """The id that a cursor stands for; raises ValueError for text that is no cursor."""
    text = str(cursor)
    try:
        kind, _, below = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
        if kind != "below" or not 0 < int(below) <= LARGEST_ID:
            raise ValueError
    except (ValueError, binascii.Error):
        raise ValueError("this is no cursor; take `next_cursor` of the answer before as it is") from None
    return int(below)


def encode_sorted(sort: str, after: Sequence[Any] | None) -> str | None:
    """Where the next page of a sorted list begins, as text that callers pass back."""
    if after is None:
        return None
    return base64.urlsafe_b64encode(json.dumps([sort, *after]).encode()).decode().rstrip("=")


def decode_sorted(cursor: object) -> list[Any]:
    """The order that a cursor belongs to, and what the last item was sorted by; ValueError for what is no cursor."""
    text = str(cursor)
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        sort, *texts, last = found
        if not all(isinstance(part, str) and "\0" not in part for part in [sort, *texts]):
            raise ValueError
        if type(last) is not int or not 0 < last <= LARGEST_ID or len(texts) != (sort.removeprefix("-") != "id"):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValueError("this is no cursor; take `next_cursor` of the answer before as it is") from None
    return list(found)


class SortedQuery(Request):
    """Which part of a list whose order the caller chooses in `sort`."""

    sort: str
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=200, description="How many items at most.")
    cursor: Annotated[list[Any], BeforeValidator(decode_sorted, json_schema_input_type=str)] | None = Field(
        None, description="Where to go on: `next_cursor` of the answer before."
    )

    @model_validator(mode="after")
    def same_order(self) -> Self:
        """A cursor goes on in the order that it comes from."""
        if self.cursor is not None and self.cursor[0] != self.sort:
            raise ValueError("this is a cursor of another order; keep `sort` as it was")
        return self

    @property
    def after(self) -> list[Any] | None:
        """What the last item before was sorted by."""
        return None if self.cursor is None else self.cursor[1:]


class PageQuery(Request):
    """Which part of a list."""

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=200, description="How many items at most.")
    cursor: Annotated[int, BeforeValidator(decode_cursor, json_schema_input_type=str)] | None = Field(
        None, description="Where to go on: `next_cursor` of the answer before."
    )


class ListAnswer(Answer):
    """A part of a list, newest first."""

    next_cursor: str | None = Field(description="Pass it as `cursor` for the next part; null on the last one.")


class FieldProblem(Answer):
    """What is wrong with one field of the request."""

    field: str = Field(description="The field, with dots between levels; empty for the request as a whole.")
    message: str


class ProblemDocument(Answer):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="A stable name of the kind of error.")
    title: str
    status: int
    detail: str = Field(description="What happened, and what to do about it.")
    request_id: str = Field(description="What to look for in the log.")
    errors: list[FieldProblem] | None = None
