"""Products, customers and events as callers read and write them; their fields are those of the data sets."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, create_model, model_validator

from ml.etl.datasets import CUSTOMERS, DATASETS, EVENTS, PRODUCTS, Dataset
from webapp.schemas.base import LARGEST_ID, Answer, ListAnswer, PageQuery, Request, SortedQuery
from webapp.schemas.days import Day
from webapp.schemas.rows import described

Q = Field("", max_length=250, description="A part of the code or the name, in upper or lower case.")
NAME = Field("", max_length=120)


def body_model(name: str, dataset: Dataset, code: str = "", *, with_code: bool = True) -> type[BaseModel]:
    """The model of one record; the field `code` of the data set is called so, and may be left to the path."""
    fields: dict[str, Any] = {
        "code" if field.name == code else field.name: described(field)
        for field in dataset.fields
        if with_code or field.name != code
    }
    return create_model(name, __base__=Request, __doc__=dataset.help, **fields)


NewProduct = body_model("NewProduct", PRODUCTS, "product_code")
ProductBody = body_model("ProductBody", PRODUCTS, "product_code", with_code=False)
NewCustomer = body_model("NewCustomer", CUSTOMERS, "customer_code")
CustomerBody = body_model("CustomerBody", CUSTOMERS, "customer_code", with_code=False)
EventRow = body_model("EventRow", EVENTS)


class NewEvent(EventRow):  # type: ignore[misc, valid-type]
    """A promotion, holiday, price plan or other event, from a day to a day."""

    @model_validator(mode="after")
    def not_backwards(self) -> Self:
        """The last day does not come before the first."""
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on; expected the same day or a later one")
        return self


def values(body: BaseModel, dataset: Dataset) -> dict[str, Any]:
    """What a body gives; texts that are left out are ''."""
    given = body.model_dump()
    texts = {field.name for field in dataset.fields if field.kind == "text"}
    return {name: "" if value is None and name in texts else value for name, value in given.items()}


class ProductPath(Request):
    """Which product."""

    product: str = Field(max_length=80, description="Its id or its code.")


class CustomerPath(Request):
    """Which customer."""

    customer: str = Field(max_length=80, description="Its id or its code.")


class EventPath(Request):
    """Which event."""

    event_id: int = Field(ge=1, le=LARGEST_ID)


CodeSort = Literal["-id", "id", "code", "-code"]
SORT = "The order: by id or code, with `-` before it downwards."


class ProductQuery(SortedQuery):
    """Which products."""

    q: str = Q
    category: str = NAME
    supplier: str = NAME
    sort: CodeSort = Field("-id", description=SORT)


class CustomerQuery(SortedQuery):
    """Which customers."""

    q: str = Q
    segment: str = NAME
    region: str = NAME
    sort: CodeSort = Field("-id", description=SORT)


class EventQuery(PageQuery):
    """Which events; they touch the days from `from` to `to`."""

    kind: Literal["", "promotion", "holiday", "price", "other"] = ""
    region: str = NAME
    since: Day | None = Field(None, alias="from")
    until: Day | None = Field(None, alias="to")


class ProductAnswer(Answer):
    """A product."""

    id: int
    code: str
    name: str
    category: str
    subcategory: str
    price: float | None
    cost: float | None
    lead_time_days: float | None
    supplier: str
    pack_size: float | None
    import_id: int | None = Field(description="The import that wrote it last; null where a person or the sales did.")


class ProductList(ListAnswer):
    """Products, newest first."""

    items: list[ProductAnswer]


class CustomerAnswer(Answer):
    """A customer."""

    id: int
    code: str
    name: str
    segment: str
    region: str
    territory: str
    area: str
    payment_terms_days: float | None
    credit_limit: float | None
    import_id: int | None = Field(description="The import that wrote it last; null where a person or the sales did.")


class CustomerList(ListAnswer):
    """Customers, newest first."""

    items: list[CustomerAnswer]


class EventAnswer(Answer):
    """An event."""

    id: int
    kind: str
    name: str
    starts_on: date
    ends_on: date
    region: str
    territory: str
    area: str
    category: str
    product_code: str = Field(description="'' for all products.")
    value: float | None
    import_id: int | None = Field(description="The import that wrote it last; null where a person did.")


class EventList(ListAnswer):
    """Events, newest first."""

    items: list[EventAnswer]


class HolidaysBody(Request):
    """Whose public holidays."""

    country: str = Field(min_length=2, max_length=3, description="An ISO code, such as DE.")
    subdivision: str = Field("", max_length=60, description="Such as BY; '' for what holds in the whole country.")
    region: str = Field("", max_length=120, description="The region of your sales that it stands for; '' for all.")
    years: list[int] = Field(min_length=1, max_length=50)


class HolidaysAnswer(Answer):
    """What was added."""

    added: int
    holidays: int = Field(description="How many there are in those years, old and new.")


class DatasetFieldAnswer(Answer):
    """A field of a data set."""

    name: str
    label: str
    required: bool
    kind: Literal["date", "text", "number", "flag"]
    help: str
    length: int = Field(description="The longest text; 0 for what is none.")
    minimum: float | None
    choices: list[str]


class DatasetAnswer(Answer):
    """A data set: what arrives."""

    name: str
    label: str
    help: str
    key: list[str] = Field(description="The fields that tell one record from another.")
    fields: list[DatasetFieldAnswer]


class DatasetList(Answer):
    """All data sets."""

    items: list[DatasetAnswer]


class TemplatePath(Request):
    """Which data set."""

    name: str = Field(max_length=32, description=f"One of {', '.join(DATASETS)}.")


class TemplateQuery(Request):
    """As what kind of file."""

    format: Literal["csv", "xlsx"] = "csv"
