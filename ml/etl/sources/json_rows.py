"""Records of a JSON answer as rows of text, and what shape they have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ml.errors import ShapeError, SourceError
from ml.etl.sources.chunks import Chunk, text_of

MAX_COLUMNS = 1_000
DEEPEST = 20


class Number(str):
    """A number as it is written: no digit is lost."""

    __slots__ = ()


def parse(content: bytes) -> Any:
    """A JSON document; raises ValueError for anything else. Numbers stay as they are written."""
    try:
        return json.loads(content, parse_int=Number, parse_float=Number, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def at_path(document: Any, path: str) -> Any:
    """What stands at a dotted path, such as data.items; '' is the document itself. KeyError where nothing does."""
    for part in path.split(".") if path else []:
        if not isinstance(document, dict) or part not in document:
            raise KeyError(path)
        document = document[part]
    return document


def flatten(record: Mapping[str, Any], expand: str = "") -> list[dict[str, Any]]:
    """A record as rows with dotted names; with `expand`, a row for each element of the list of that name."""
    flat: dict[str, Any] = {}
    _flatten(record, "", flat, expand, 0)
    if not expand:
        return [flat]
    parts = flat.pop(expand, None) or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise SourceError(f"{expand} is no list of records in every record; expected e.g. the lines of an order.")
    rows = []
    for part in parts:
        row = dict(flat)
        _flatten(part, f"{expand}.", row, "", 0)
        rows.append(row)
    return rows


def chunk_of(rows: Sequence[Mapping[str, Any]]) -> Chunk:
    """Flat rows as texts, under all the names that one of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if len(columns) > MAX_COLUMNS:
        raise SourceError(f"the records have {len(columns):,} fields; expected at most {MAX_COLUMNS:,}.")
    return Chunk(columns, [[_text(row.get(column)) for column in columns] for row in rows])


def learn(shape: dict[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the fields of rows to a shape, {field: kind}; of several kinds is 'mixed', without values 'empty'."""
    for row in rows:
        for name, value in row.items():
            kind, known = _kind(value), shape.get(name, "empty")
            if kind in ("empty", known):
                shape.setdefault(name, kind)
            else:
                shape[name] = kind if known == "empty" else "mixed"


def compare(known: Mapping[str, str], found: Mapping[str, str], used: set[str]) -> list[str]:
    """What differs between two shapes, as notes; raises ShapeError where that concerns fields that are `used`."""
    changes = {
        name: "is missing" if name not in found else f"was {kind} and is {found[name]} now"
        for name, kind in known.items()
        if name not in found or (kind not in ("empty", "mixed") and found[name] not in ("empty", kind))
    }
    if wrong := {name: change for name, change in changes.items() if name in used}:
        listed = "; ".join(f"{name} {change}" for name, change in wrong.items())
        fresh = ", ".join(name for name in found if name not in known)
        raise ShapeError(
            f"the answers no longer look as they did: {listed}. New fields: {fresh or 'none'}. "
            "Look at the preview, correct the mapping and save the source; nothing was loaded.",
            wrong,
        )
    notes = [f"Field {name} {change}; nothing is mapped to it." for name, change in changes.items()]
    return notes + [f"Field {name} is new." for name in found if name not in known]


def _flatten(record: Mapping[str, Any], prefix: str, flat: dict[str, Any], expand: str, depth: int) -> None:
    for name, value in record.items():
        full = f"{prefix}{name}"[:200]
        if isinstance(value, dict) and value and depth < DEEPEST and full != expand:
            _flatten(value, f"{full}.", flat, expand, depth + 1)
        else:
            flat[full] = value


def _kind(value: Any) -> str:
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, dict | list):
        return "list"
    return "number" if isinstance(value, Number) else "text"


def _text(value: Any) -> str:
    """As `text_of`; a number with an exponent is written out, since the checks expect digits."""
    if isinstance(value, Number) and "e" in value.lower():
        try:
            return text_of(Decimal(value))
        except InvalidOperation:
            return value
    return text_of(value).replace("\0", "\ufffd")


def _no_number(text: str) -> None:
    """NaN and the like, which no JSON document should hold, count as null."""
