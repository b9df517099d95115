"""Lists of products and customers with search, and the form of one: the same pages for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from ml.errors import ConflictError
from ml.etl.datasets import Dataset
from webapp.auth import requires
from webapp.auth.permissions import CATALOG_WRITE, SALES_READ
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.imports_policy import plain
from webapp.pages.render import render
from webapp.queries.paging import Page
from webapp.schemas.catalog import values
from webapp.services import catalog as service


@dataclass(frozen=True)
class Catalog:
    """What tells products and customers apart on these pages."""

    entity: type[Any]
    dataset: Dataset
    code: str  # the data set's field of the code
    new_body: type[BaseModel]
    body: type[BaseModel]
    listing: Callable[[Session, str, int | None], Page[Any]]
    columns: tuple[str, ...]  # fields that the list shows
    one: str
    icon: str
    about: Callable[[Session, Any], Mapping[str, Any]] | None = None  # what its page says beside the fields
    about_template: str = ""


def add_pages(blueprint: Blueprint, catalog: Catalog) -> None:
    """Give a blueprint the list, the form for a new record, and that of one which is there."""
    here = blueprint.name

    @blueprint.get(f"/{here}")
    @requires(SALES_READ)
    def index() -> ResponseReturnValue:
        q = request.args.get("q", "").strip()
        page = catalog.listing(db.session(), q, below())
        return render("data/catalog.html", block="list", page=page, q=q, catalog=catalog, here=here)

    @blueprint.get(f"/{here}/new")
    @requires(CATALOG_WRITE)
    def new() -> ResponseReturnValue:
        return form_page(catalog, here, None, {}, {})

    @blueprint.post(f"/{here}/new")
    @requires(CATALOG_WRITE)
    def create() -> ResponseReturnValue:
        typed = typed_values(catalog.dataset)
        try:
            body = catalog.new_body.model_validate(given(typed, catalog, with_code=True))
            fields = values(body, catalog.dataset)
            service.create(db.session(), catalog.entity, fields.pop("code"), fields)
        except ValidationError as error:
            return form_page(catalog, here, None, typed, errors_of(error)), 422
        except ConflictError as error:
            return form_page(catalog, here, None, typed, {"code": sentence(str(error))}), 422
        return see_other(url_for(f"{here}.index"))

    @blueprint.get(f"/{here}/<id:row_id>")
    @requires(SALES_READ)
    def show(row_id: int) -> ResponseReturnValue:
        row = find(catalog, row_id)
        return form_page(catalog, here, row, stored_values(row, catalog), {})

    @blueprint.post(f"/{here}/<id:row_id>")
    @requires(CATALOG_WRITE)
    def update(row_id: int) -> ResponseReturnValue:
        row, typed = find(catalog, row_id), typed_values(catalog.dataset)
        try:
            body = catalog.body.model_validate(given(typed, catalog, with_code=False))
        except ValidationError as error:
            return form_page(catalog, here, row, typed, errors_of(error)), 422
        service.replace(db.session(), row, values(body, catalog.dataset))
        return see_other(url_for(f"{here}.index"))

    @blueprint.post(f"/{here}/<id:row_id>/delete")
    @requires(CATALOG_WRITE)
    def delete(row_id: int) -> ResponseReturnValue:
        service.delete(db.session(), find(catalog, row_id))
        return see_other(url_for(f"{here}.index"))


def find(catalog: Catalog, row_id: int) -> Any:
    """The record with that id; answers 404 where there is none."""
    return db.get_or_404(catalog.entity, row_id)


def form_page(catalog: Catalog, here: str, row: Any, typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    about = catalog.about(db.session(), row) if catalog.about and row is not None else {}
    return render_template(
        "data/record.html", catalog=catalog, here=here, row=row, typed=typed, errors=errors, fields=inputs(catalog),
        about=about,
    )  # fmt: skip


def inputs(catalog: Catalog) -> list[tuple[str, Any]]:
    """The fields with the names of their inputs; that of the code is `code`."""
    return [("code" if field.name == catalog.code else field.name, field) for field in catalog.dataset.fields]


def typed_values(dataset: Dataset) -> dict[str, str]:
    """What was typed, by input."""
    return {name: request.form.get(name, "").strip() for name in ("code", *dataset.by_name)}


def given(typed: Mapping[str, str], catalog: Catalog, *, with_code: bool) -> dict[str, Any]:
    """What was filled in, with numbers as such."""
    names = [(name, field) for name, field in inputs(catalog) if with_code or name != "code"]
    return {
        name: typed[name].replace(",", ".") if field.kind == "number" else typed[name]
        for name, field in names
        if typed[name]
    }


def stored_values(row: Any, catalog: Catalog) -> dict[str, str]:
    """A record as its inputs show it."""
    stored = {name: getattr(row, name) for name, _ in inputs(catalog)}
    return {name: value if isinstance(value, str) else plain(value) for name, value in stored.items()}


def errors_of(error: ValidationError) -> dict[str, str]:
    """What is wrong, by input."""
    return {str(item["loc"][0]) if item["loc"] else "code": sentence(item["msg"]) + "." for item in error.errors()}
