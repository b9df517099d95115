"""Rows that are pushed in: one model for each data set, made of the data set's own fields."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model, model_validator
from pydantic import Field as Described

from ml.etl import datasets
from ml.etl.datasets import DATASETS, SALES, Dataset
from webapp.schemas.base import Request
from webapp.schemas.days import iso_day

MOST_ROWS = 10_000
LARGEST = 1e11
"""Figures stay below it, as in files: see `ml.etl.columns.LARGEST`."""
FIRST_DAY = date(1970, 1, 1)


class PushHeader(BaseModel):
    """What a push may say beside its rows."""

    key: str | None = Field(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A name of this push, chosen by you: sent again with the same rows it answers with the same job.",
    )


class DatasetPath(Request):
    """Which data set."""

    name: str = Field(max_length=32, description=f"One of {', '.join(DATASETS)}.")


def in_any_shape(schema: dict[str, Any]) -> None:
    """Describe that a row or a list of rows may stand for the whole body."""
    row, envelope = schema["properties"]["rows"]["items"], dict(schema)
    schema.clear()
    schema |= {
        "title": envelope["title"],
        "description": envelope["description"],
        "anyOf": [row, envelope, {"type": "array", "items": row, "maxItems": MOST_ROWS}],
    }


class Push(Request):
    """Rows of a data set: one, a list, or an object with `rows` and the source that they come from."""

    model_config = ConfigDict(json_schema_extra=in_any_shape)

    source: str | None = Field(
        None, max_length=120, description="The name of the source; its checks hold, and line_ref is unique within it."
    )
    rows: list[Any] = Field(min_length=1, max_length=MOST_ROWS)

    @model_validator(mode="before")
    @classmethod
    def of_any_shape(cls, body: Any) -> Any:
        """The body as an object with `rows`."""
        if isinstance(body, list):
            return {"rows": body}
        if isinstance(body, dict) and "rows" not in body:
            return {"source": body.get("source"), "rows": [{k: v for k, v in body.items() if k != "source"}]}
        return body


class AnyPush(Push):
    """Rows of any data set; their fields are those of the data set's template."""

    rows: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_ROWS)


def read_day(_field: datasets.Field, value: object) -> object:
    day = iso_day(value)
    if isinstance(day, date) and day < FIRST_DAY:
        raise ValueError("a date before 1970")
    return day


def read_text(field: datasets.Field, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected text, found {type(value).__name__}")
    text = " ".join(str(value).split())
    try:
        units = len(text.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise ValueError("the text holds half a character (a lone surrogate)") from None
    if "\0" in text:
        raise ValueError("the text holds NUL")
    if units > field.length:
        raise ValueError(f"the text has {units} characters; at most {field.length} are kept")
    if field.choices and text.casefold() not in field.choices:
        raise ValueError(f"expected one of {', '.join(field.choices)}, found {text[:40]!r}")
    return text.casefold() if field.choices else text


def read_number(field: datasets.Field, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a number, found {type(value).__name__}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"expected a number with a decimal point, found {str(value)[:40]!r}") from None
    if not abs(number) < LARGEST:
        raise ValueError(f"expected a number below {LARGEST:,.0f}")
    if field.minimum is not None and number < field.minimum:
        raise ValueError(f"expected at least {field.minimum:g}, found {number:g}")
    return number


def read_flag(_field: datasets.Field, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, found {str(value)[:40]!r}")
    return value


READERS: dict[str, tuple[type, Callable[[datasets.Field, Any], Any], list[dict[str, Any]]]] = {
    "date": (date, read_day, [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]),
    "text": (str, read_text, [{"type": "string"}, {"type": "number"}]),
    "number": (float, read_number, [{"type": "number"}, {"type": "string"}]),
    "flag": (bool, read_flag, [{"type": "boolean"}]),
}
"""By kind: what it becomes, how it is read, and what of JSON it is read from."""


def read(field: datasets.Field, value: object) -> object:
    """The value of a field; None where nothing is given and nothing need be."""
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required:
            raise ValueError(f"no {field.label.lower()} is given")
        return None
    return READERS[field.kind][1](field, value)


def row_model(dataset: Dataset) -> type[BaseModel]:
    """The model of a row of a data set."""
    fields: dict[str, Any] = {field.name: described(field) for field in dataset.fields}
    name = "".join(part.title() for part in dataset.name.split("_"))
    return create_model(f"{name}Row", __base__=Request, __doc__=dataset.help, **fields)


def described(field: datasets.Field) -> tuple[Any, Any]:
    kind, _, forms = READERS[field.kind]
    annotation: Any = Annotated[
        kind | None,
        BeforeValidator(partial(read, field)),
        WithJsonSchema({"anyOf": [*(form | limits(field, form) for form in forms), *absent(field)]}),
    ]
    return annotation, Described(... if field.required else None, description=field.help)


def limits(field: datasets.Field, form: dict[str, Any]) -> dict[str, Any]:
    """What a text of a field is held to, in one of its forms."""
    if field.kind != "text" or form["type"] != "string":
        return {}
    return {"enum": list(field.choices)} if field.choices else {"maxLength": field.length}


def absent(field: datasets.Field) -> list[dict[str, Any]]:
    """The form of a field that is not given."""
    return [] if field.required else [{"type": "null"}, {"type": "string", "maxLength": 0}]


SalesRow = row_model(SALES)


class SalesPush(Push):
    """Rows of sales: one, a list, or an object with `rows` and the source that they come from."""

    rows: list[SalesRow] = Field(min_length=1, max_length=MOST_ROWS)  # type: ignore[valid-type]


def push_model(dataset: Dataset) -> type[Push]:
    """The model of a push of a data set."""
    rows: Any = (list[row_model(dataset)], Field(min_length=1, max_length=MOST_ROWS))  # type: ignore[misc]
    return create_model(f"{dataset.name}_push", __base__=Push, __doc__=dataset.help, rows=rows)


PUSHES = {dataset.name: SalesPush if dataset is SALES else push_model(dataset) for dataset in DATASETS.values()}
