"""What the rows of a file refer to: its products, customers and leaf series, numbered as they first appear."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.etl.columns import TextColumn

T = TypeVar("T", bound=Hashable)
Codes = npt.NDArray[np.int64]
Place = tuple[str, str, str]
"""Region, territory, area."""

MAX_CONFLICTS = 1_000
"""Conflicts listed in a report; a wrongly mapped column can make one of every product."""


@dataclass(frozen=True)
class Description:
    """What a row says of a product or a customer."""

    code: str
    name: str = ""
    category: str = ""
    subcategory: str = ""


class Numbering(Generic[T]):
    """Gives each distinct value the next number, from 0."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number(self, values: Iterable[T]) -> Codes:
        """The numbers of values, new ones for those not seen before."""
        numbers = self._numbers
        return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)

    @property
    def values(self) -> list[T]:
        """The distinct values; the number of each is its place."""
        return list(self._numbers)


class Gatherer:
    """Collects what the batches of a file refer to."""

    def __init__(self) -> None:
        self._products: Numbering[str] = Numbering()
        self._customers: Numbering[str] = Numbering()
        self._leaves: Numbering[tuple[Place, int]] = Numbering()
        self._product_rows: Counter[Description] = Counter()
        self._customer_rows: Counter[Description] = Counter()

    def add(self, texts: Mapping[str, TextColumn]) -> tuple[Codes, Codes]:
        """Take in the texts of a batch; returns the leaf and the customer (-1: none) of each row."""
        self._describe(self._product_rows, texts, "product_code", "product_name", "category", "subcategory")
        self._describe(self._customer_rows, texts, "customer_code", "customer_name")
        customers = texts["customer_code"]
        known = self._customers.number(code for code in customers.values if code)
        numbers = np.full(len(customers.values), -1, dtype=np.int64)
        numbers[[bool(code) for code in customers.values]] = known
        return self._leaf_of_each(texts), numbers[customers.codes]

    @property
    def leaves(self) -> list[tuple[Place, int]]:
        """The leaf series: a place, and the position of the product among `products`."""
        return self._leaves.values

    def products(self) -> tuple[list[Description], list[dict[str, Any]]]:
        """The products, described as they mostly are, and the conflicts: [{"code", "names"}]."""
        return _settle(self._products.values, self._product_rows)

    def customers(self) -> list[Description]:
        """The customers, named as they mostly are."""
        return _settle(self._customers.values, self._customer_rows)[0]

    def _describe(self, counter: Counter[Description], texts: Mapping[str, TextColumn], *fields: str) -> None:
        columns = [texts[field] for field in fields]
        _, first, counts = group(*(column.codes for column in columns))
        for row, count in zip(first, counts, strict=True):
            counter[Description(*(column.values[column.codes[row]] for column in columns))] += int(count)

    def _leaf_of_each(self, texts: Mapping[str, TextColumn]) -> Codes:
        region, territory, area, product = (texts[n] for n in ("region", "territory", "area", "product_code"))
        products = self._products.number(product.values)
        groups, first, _ = group(region.codes, territory.codes, area.codes, product.codes)
        places = zip(
            *([column.values[column.codes[row]] for row in first] for column in (region, territory, area)), strict=True
        )
        numbers = self._leaves.number(zip(places, products[product.codes[first]].tolist(), strict=True))
        return numbers[groups]


def group(*codes: npt.NDArray[Any]) -> tuple[Codes, Codes, Codes]:
    """Group rows that agree in several columns of non-negative codes.

    Returns the group of each row, the first row of each group, and the rows in each
    group; groups are numbered as they first appear.
    """
    groups = np.zeros(len(codes[0]), dtype=np.int64)
    for column in codes:
        width = int(column.max(initial=0)) + 1
        groups, _ = pd.factorize(groups * width + column)
    counts = np.bincount(groups)
    first = np.empty(len(counts), dtype=np.int64)
    first[groups[::-1]] = np.arange(len(groups))[::-1]
    return groups, first, counts


def _settle(codes: list[str], rows: Counter[Description]) -> tuple[list[Description], list[dict[str, Any]]]:
    """One description a code, the most frequent name and the most frequent category, and what was in conflict."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    groups: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for said, count in rows.items():
        if said.name:
            names[said.code][said.name] += count
        if said.category or said.subcategory:
            groups[said.code][said.category, said.subcategory] += count
    settled = [Description(code, _usual(names[code], ""), *_usual(groups[code], ("", ""))) for code in codes]
    conflicts = [{"code": code, "names": list(names[code])} for code in codes if len(names[code]) > 1]
    conflicts += [
        {"code": code, "names": [" > ".join(filter(None, pair)) for pair in groups[code]]}
        for code in codes
        if len(groups[code]) > 1
    ]
    return settled, conflicts


def _usual(counter: Counter[Any], default: Any) -> Any:
    """The most frequent value, of equally frequent ones the first that was seen."""
    return max(counter, key=counter.__getitem__, default=default)
