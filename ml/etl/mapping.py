"""Which column of a source holds which field: the fields, a first guess, and a check of the answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from ml.errors import MappingError
from ml.etl.datasets import SALES, Kind
from ml.etl.dates import looks_like_date
from ml.etl.numbers import looks_like_number
from ml.etl.words import LOOSE, NEVER, SYNONYMS

FIELDS = SALES.fields
FIELD = SALES.by_name

SHARE_OF_VALUES = 0.5
"""Share of a column's sampled values that must be dates, or numbers, for a field of that kind."""


def simplify(text: str) -> str:
    """A column name as it is compared: lower case, no accents, words apart (`OrderDate` -> `order date`)."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


RANKS = {
    field: {simplify(name): rank for rank, name in reversed(list(enumerate(re.split(r"\||\n", names.strip()))))}
    for field, names in SYNONYMS.items()
}


def guess(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """A column for each field that one can be told for, from names and sampled values.

    A column is given to one field, the one that its name fits best; codes fall back on
    names (`product_code`, `customer_code`), since something must identify them.
    """
    kinds = {column: _kinds([row.get(column, "") for row in rows]) for column in columns}
    candidates = sorted(
        (rank, position, field.name, column)
        for field in FIELDS
        for position, column in enumerate(columns)
        if field.kind in kinds[column] and (rank := _rank(field.name, column)) is not None
    )
    mapping: dict[str, str] = {}
    for _, _, name, column in candidates:
        if name not in mapping and column not in mapping.values():
            mapping[name] = column
    dated = [column for column in columns if kinds[column] == {"date"}]
    if "sale_date" not in mapping and len(dated) == 1:
        mapping["sale_date"] = dated[0]
    for code, label in (("product_code", "product_name"), ("customer_code", "customer_name")):
        if code not in mapping and label in mapping:
            mapping[code] = mapping[label]
    return {field.name: mapping[field.name] for field in FIELDS if field.name in mapping}


def check(mapping: Mapping[str, str], columns: Sequence[str]) -> None:
    """Raise MappingError where fields are unknown or missing, or columns are absent or serve two kinds of field."""
    if unknown := sorted(set(mapping) - set(FIELD)):
        raise MappingError(f"unknown field {unknown[0]!r}; expected some of {', '.join(FIELD)}.")
    if absent := [(field, column) for field, column in mapping.items() if column not in columns]:
        field, column = absent[0]
        raise MappingError(
            f"{FIELD[field].label} is mapped to column {column!r}, which the file does not have. "
            f"Choose one of: {', '.join(columns)}."
        )
    if missing := [field.label for field in FIELDS if field.required and field.name not in mapping]:
        raise MappingError(f"no column is chosen for {' and '.join(missing)}; choose one of: {', '.join(columns)}.")
    for column in sorted(set(mapping.values())):
        fields = [FIELD[field] for field, taken in mapping.items() if taken == column]
        if len(fields) > 1 and any(field.kind != "text" for field in fields):
            labels = " and ".join(field.label for field in fields)
            raise MappingError(f"column {column!r} is chosen for {labels}; choose another one for one of them.")


def _rank(field: str, column: str) -> int | None:
    """How well a name fits a field, 0 the best; None where it does not."""
    name = simplify(column)
    if name in RANKS.get(field, {}):
        return RANKS[field][name]
    if field in LOOSE and re.search(LOOSE[field], name) and not re.search(NEVER[field], name):
        return 1_000
    return None


def _kinds(values: Sequence[str]) -> set[Kind]:
    """The kinds of field that a column's sampled values would do for; dates are no texts."""
    given = [value for value in values if value.strip()]
    if not given:
        return {"text"}
    if sum(map(looks_like_date, given)) >= SHARE_OF_VALUES * len(given):
        numeric = all(value.strip().isdigit() for value in given)  # 20240131 may be an article number, too
        return {"date", "text", "number"} if numeric else {"date"}
    if sum(map(looks_like_number, given)) >= SHARE_OF_VALUES * len(given):
        return {"number", "text"}
    return {"text"}
