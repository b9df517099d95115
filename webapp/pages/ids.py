"""Ids in addresses: only those that a database column can hold, so that none makes a query fail."""

from __future__ import annotations

from flask import request
from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**63 - 1


class IdConverter(IntegerConverter):
    """`<id:name>` in a route: a number that may be an id; any other address is not found."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, min=1, max=LARGEST_ID)


def below() -> int | None:
    """The id below which a list goes on; None where the address names none."""
    return request.args.get("below", type=read_id)


def read_id(text: str) -> int:
    """The id that a text writes; raises ValueError where it cannot be one."""
    number = int(text)
    if not 0 < number <= LARGEST_ID:
        raise ValueError(f"{text} is no id; expected 1 to {LARGEST_ID}")
    return number
