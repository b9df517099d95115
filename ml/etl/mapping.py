"""What fills each field of a data set: a first guess from a source's columns, and a check of the answer."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ml.errors import MappingError
from ml.etl.datasets import SALES, Dataset, Kind
from ml.etl.dates import looks_like_date
from ml.etl.flags import parse_flag
from ml.etl.numbers import looks_like_number
from ml.etl.rules import Rule, rules
from ml.etl.words import LOOSE, NEVER, SYNONYMS, UNIT_PRICE

FIELDS = SALES.fields
FIELD = SALES.by_name

SHARE_OF_VALUES = 0.5
"""Share of a column's sampled values that must be dates, or numbers, for a field of that kind."""
NEVER_GUESSED = {("sales", "line_ref")}
"""A wrong one would replace rows that are not the same."""
STAND_INS = (
    ("product_code", "product_name"),
    ("product_code", "subcategory"),
    ("product_code", "category"),
    ("customer_code", "customer_name"),
)
"""Names identify where no code does; sales of whole categories are a product each."""


def simplify(text: str) -> str:
    """A column name as it is compared: lower case, no accents, words apart (`OrderDate` -> `order date`)."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


def guess(columns: Sequence[str], rows: Sequence[Mapping[str, str]], dataset: Dataset = SALES) -> dict[str, Any]:
    """A rule for each field that one can be told for, from names and sampled values; a column name where it is one.

    A column is given to one field, the one that its name fits best; codes fall back on names (`product_code`,
    `customer_code`), since something must identify them, and the amount of sales on quantity times price.
    """
    kinds = {column: _kinds([row.get(column, "") for row in rows]) for column in columns}
    candidates = sorted(
        (rank, position, field.name, column)
        for field in dataset.fields
        for position, column in enumerate(columns)
        if field.kind in kinds[column] and (rank := _rank(dataset, field.name, column)) is not None
    )
    mapping: dict[str, Any] = {}
    for _, _, name, column in candidates:
        if name not in mapping and column not in mapping.values():
            mapping[name] = column
    _complete(mapping, columns, kinds, dataset)
    return {name: mapping[name] for name in dataset.by_name if name in mapping}


def check(mapping: Mapping[str, Any], columns: Sequence[str], dataset: Dataset = SALES) -> None:
    """Raise MappingError where fields are unknown or missing, rules are wrong, or columns are absent or serve
    two kinds of field."""
    fields, found = dataset.by_name, rules(mapping, dataset)
    for name, rule in found.items():
        if absent := [column for column in rule.columns if column not in columns]:
            raise MappingError(
                f"{fields[name].label} is mapped to column {absent[0]!r}, which the file does not have. "
                f"Choose one of: {', '.join(columns)}."
            )
    if missing := [field.label for field in dataset.fields if field.required and field.name not in found]:
        raise MappingError(f"no column is chosen for {' and '.join(missing)}; choose one of: {', '.join(columns)}.")
    for column, names in _users(found).items():
        if len(names) > 1 and any(fields[name].kind != "text" for name in names):
            labels = " and ".join(fields[name].label for name in names)
            raise MappingError(f"column {column!r} is chosen for {labels}; choose another one for one of them.")


def _users(found: Mapping[str, Rule]) -> dict[str, list[str]]:
    """The fields that take a column as it stands, by column; what is calculated may share its columns."""
    users: dict[str, list[str]] = defaultdict(list)
    for name, rule in found.items():
        if rule.constant is None and not rule.op:
            users[rule.column].append(name)
    return users


def _complete(
    mapping: dict[str, Any], columns: Sequence[str], kinds: Mapping[str, set[Kind]], dataset: Dataset
) -> None:
    """Add what follows from the rest: the only dates, names in the place of codes, quantity times price."""
    dates = [field.name for field in dataset.fields if field.kind == "date" and field.required]
    dated = [column for column in columns if kinds[column] == {"date"} and column not in mapping.values()]
    if len(dates) == 1 and dates[0] not in mapping and len(dated) == 1:
        mapping[dates[0]] = dated[0]
    for code, label in STAND_INS:
        if code in dataset.by_name and code not in mapping and label in mapping:
            mapping[code] = mapping[label]
    if dataset is SALES and "sales_amount" not in mapping and "sales_qty" in mapping:
        priced = [c for c in columns if simplify(c) in _ranks(UNIT_PRICE) and "number" in kinds[c]]
        if priced:
            best = min(priced, key=lambda column: _ranks(UNIT_PRICE)[simplify(column)])
            mapping["sales_amount"] = {"left": mapping["sales_qty"], "op": "*", "right": best}


@cache
def _ranks(names: str) -> dict[str, int]:
    """How well names fit, 0 the best, from a list of synonyms."""
    return {simplify(name): rank for rank, name in reversed(list(enumerate(re.split(r"\||\n", names.strip()))))}


def _rank(dataset: Dataset, field: str, column: str) -> int | None:
    """How well a name fits a field, 0 the best; None where it does not."""
    if (dataset.name, field) in NEVER_GUESSED:
        return None
    name = simplify(column)
    if dataset is not SALES and name in (simplify(field), simplify(dataset.by_name[field].label)):
        return 0  # as the templates have it
    words = f"{dataset.name}.{field}" if f"{dataset.name}.{field}" in SYNONYMS else field
    if name in _ranks(SYNONYMS.get(words, "")):
        return _ranks(SYNONYMS[words])[name]
    if words in LOOSE and re.search(LOOSE[words], name) and not re.search(NEVER[words], name):
        return 1_000
    return None


def _kinds(values: Sequence[str]) -> set[Kind]:
    """The kinds of field that a column's sampled values would do for; dates are no texts."""
    given = [value for value in values if value.strip()]
    if not given:
        return {"text"}
    kinds: set[Kind] = {"text"}
    if all(parse_flag(value, "paperless") is not None for value in given):
        kinds.add("flag")
    if sum(map(looks_like_date, given)) >= SHARE_OF_VALUES * len(given):
        numeric = all(value.strip().isdigit() for value in given)  # 20240131 may be an article number, too
        return {"date", "text", "number"} if numeric else {"date"}
    if sum(map(looks_like_number, given)) >= SHARE_OF_VALUES * len(given):
        kinds.add("number")
    return kinds
