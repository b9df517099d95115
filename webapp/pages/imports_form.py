"""The mapping form, read: a column for each field, and where more is asked, the rule that fills it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml.db.imports import Import
from ml.etl.datasets import Dataset, Field
from webapp.pages.imports_policy import number
from webapp.queries.jobs import JobView

PARTS = ("constant", "op", "right", "factor", "format")
"""The inputs of a field beside its column."""
OPERATOR_NAMES = {"*": "times", "+": "plus", "-": "minus", "/": "divided by"}
DATE_FORMATS = {
    "day-first": "Day first (31.12.2026)",
    "month-first": "Month first (12/31/2026)",
    "year-first": "Year first (2026-12-31)",
}


def mapping_of(values: Mapping[str, str], dataset: Dataset) -> dict[str, Any]:
    """What was chosen for each field of the data set, '' where nothing was; empty where no form was sent."""
    return {field.name: rule_of(values, field) for field in dataset.fields if field.name in values}


def rule_of(values: Mapping[str, str], field: Field) -> Any:
    """The rule of one field as its inputs say: the column alone where nothing more is asked of it."""
    sent = {
        part: values.get(f"{field.name}.{part}", "").strip() for part in ("constant", "op", "right", "factor", "format")
    }
    column = values[field.name]
    if not column:
        return {"constant": sent["constant"]} if sent["constant"] else ""
    rule: dict[str, Any] = {"column": column}
    if sent["op"] and sent["right"]:
        rule = {"left": column, "op": sent["op"], "right": number(sent["right"])}
    if sent["factor"]:
        rule["factor"] = number(sent["factor"])
    if sent["format"]:
        rule["format"] = sent["format"]
    return column if rule == {"column": column} else rule


def parts(rule: Any) -> dict[str, Any]:
    """A rule as the inputs of its field: column, constant, op, right, factor, format."""
    empty = dict.fromkeys(("column", *PARTS), "")
    if isinstance(rule, str) or not rule:
        return {**empty, "column": rule or ""}
    found = {**empty, **{name: value for name, value in rule.items() if name in empty}}
    return {**found, "column": rule.get("left") or found["column"]}


def is_more(rule: Any) -> bool:
    """Whether a rule says more than a column, so that its inputs are shown at once."""
    return isinstance(rule, Mapping) and bool(rule)


def matched(mapping: Mapping[str, Any], fields: Iterable[Field]) -> int:
    """How many fields are filled."""
    return sum(bool(mapping.get(field.name)) for field in fields)


def dry_run_report(row: Import) -> Mapping[str, Any] | None:
    """What the last check of the file found; None where it was not checked as it is read now."""
    return row.report if row.report and row.report.get("dry_run") else None


def failed_check(jobs: Iterable[JobView]) -> str:
    """Why the last check could not be made; '' where it could, or where the last job was none."""
    last = next(iter(jobs), None)
    return (last.error or "") if last and last.arguments.get("dry_run") and last.state == "failed" else ""
