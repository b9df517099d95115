"""A client of the API that goes on asking, and files of sales that no other file holds."""

from __future__ import annotations

import random
import time
from datetime import date, timedelta
from typing import Any

import requests

PATIENCE = 600.0
"""Seconds for which one thing is asked again and again."""

HEADER = "Order Date,Region,State,City,Product ID,Product Name,Category,Sales,Quantity,Order ID"
FIRST, MONTHS = date(2023, 1, 1), 30
PLACES = [("East", "New York", "Albany"), ("East", "New York", "Utica"), ("West", "Oregon", "Salem")]
PRODUCTS = [("P-1", "Pen", "Office"), ("P-2", "Paper", "Office"), ("P-3", "Lamp", "Home")]


class Client:
    """A client of the API that asks again until it is answered, each wish under a key of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"}
        self.repeated = 0

    def post(self, path: str, key: str, *, file: bytes | None = None, json: object = None) -> dict[str, Any]:
        """The answer to a POST; raises TimeoutError where there is none for a long time."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                files = None if file is None else {"file": (f"{key}.csv", file)}
                answer = requests.post(
                    self._base + path,
                    headers={**self._headers, "Idempotency-Key": key},
                    files=files,
                    json=json,
                    timeout=30,
                )
                if answer.ok:
                    found: dict[str, Any] = answer.json()
                    return found
                if answer.status_code not in (409, 425, 429, 500, 502, 503):
                    raise AssertionError(f"POST {path} was answered {answer.status_code}: {answer.text}")
            except requests.RequestException:
                pass
            self.repeated += 1
            time.sleep(0.5)
        raise TimeoutError(f"POST {path} was not answered within {PATIENCE:.0f} s")


def sales(draw: random.Random, number: int) -> tuple[bytes, int, float]:
    """A file of sales that no other file holds; the first one has every month of every place and product."""
    lines, total = [HEADER], 0
    for month in range(MONTHS):
        day = date(FIRST.year + month // 12, month % 12 + 1, 1)
        for region, territory, area in PLACES:
            for code, name, category in PRODUCTS:
                if number and draw.random() > 0.3:
                    continue
                cents, order = draw.randrange(1_000, 90_000), f"{number}-{len(lines)}"
                on = day + timedelta(days=draw.randrange(28))
                what = (on, region, territory, area, code, name, category, f"{cents / 100:.2f}", draw.randrange(1, 9))
                lines.append(",".join(map(str, (*what, order))))
                total += cents
    return ("\n".join(lines) + "\n").encode(), len(lines) - 1, total / 100
