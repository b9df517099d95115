"""The form that changes a forecast: a line a period, and numbers as people type them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from ml.etl.numbers import NumberFormat
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.forecasts import Outlook
from webapp.queries.nodes import Node
from webapp.services.overrides import OverrideDraft

PREFIX = "v-"
PLAIN = NumberFormat()


@dataclass(frozen=True)
class Form:
    """What was typed, as text: by period, and for all periods that were left empty."""

    kind: str = "percent"
    reason: str = ""
    comment: str = ""
    every: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One period of the form: the same one a season before, the forecast by the system and as it stands."""

    period: date
    before: float | None
    system: float
    final: float
    typed: str


def typed_form(fields: Mapping[str, str]) -> Form:
    """The form as it was sent."""
    values = {name.removeprefix(PREFIX): text.strip() for name, text in fields.items() if name.startswith(PREFIX)}
    texts = {name: fields.get(name, "").strip() for name in ("kind", "reason", "comment", "every")}
    return Form(**texts, values=values)


def lines(view: Outlook, form: Form) -> list[Line]:
    """A line for each period that is forecast."""
    sold = {point.period: point.sales for point in view.history if not point.partial}
    grain = view.grain
    return [
        Line(
            point.period,
            sold.get(grain.shift(point.period, -grain.season_length)),
            point.system,
            point.final,
            form.values.get(f"{point.period}", ""),
        )
        for point in view.forecast
    ]


def draft_of(form: Form, node: Node, grain: str) -> OverrideDraft:
    """What the form asks for; raises InvalidRequestError naming the periods whose text is no number."""
    values, errors = {}, []
    for name, text in form.values.items():
        written = text or form.every
        value = number(written)
        if value is None and written:
            field_name = f"values.{name}" if text else "every"
            errors.append(FieldError(field_name, f"{written!r} is no number; expected one such as 1200 or 2.5"))
        try:
            period = date.fromisoformat(name)
        except ValueError:
            errors.append(FieldError("values", f"{name!r} is no day; load the page again"))
            continue
        if value is not None:
            values[period] = value
    if not form.reason:
        errors.append(FieldError("reason", "choose why, so that others understand it"))
    if not values and not errors:
        errors.append(FieldError("values", "fill in at least one period"))
    if errors:
        raise InvalidRequestError(errors)
    return OverrideDraft(node, grain, form.kind, values, form.reason, form.comment)


def number(text: str) -> float | None:
    """The number that somebody typed, a percent sign behind it or not; None for none."""
    return PLAIN.parse(text.removesuffix("%").strip()) if text else None
