"""A ledger as arrays: customers as whole numbers, days since 1970."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.receivables.ledger import Ledger

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = 1 << 21
"""The day of what has not happened yet: after every calendar here."""


def day_number(days: pd.Series) -> Ints:
    """Days since 1970; NaT becomes `NEVER`."""
    whole = days.to_numpy(dtype="datetime64[D]")
    return np.where(np.isnat(whole), NEVER, whole.astype(np.int64))


@dataclass(frozen=True)
class History:
    """A ledger as arrays of its collectable invoices (n,): customers and groups as whole numbers, days since 1970."""

    ledger: Ledger
    holidays: Ints

    @classmethod
    def of(cls, ledger: Ledger, holidays: Sequence[pd.Timestamp] = ()) -> History:
        """`holidays` are days on which banks rest."""
        return cls(ledger, np.sort(day_number(pd.Series(list(holidays), dtype="datetime64[ns]"))))

    @cached_property
    def invoices(self) -> pd.DataFrame:
        """The collectable invoices with `log_amount`; the index is their position here."""
        rows = self.ledger.collectable
        return rows.assign(position=rows.index, log_amount=np.log(rows["amount"])).reset_index(drop=True)

    @cached_property
    def customer(self) -> Ints:
        return np.asarray(pd.factorize(self.invoices["customer_code"])[0], dtype=np.int64)

    @cached_property
    def pool_name(self) -> pd.Series:
        """Customers that are alike: the same segment and terms."""
        return self.invoices["segment"] + "|" + self.invoices["terms"].astype(int).astype(str)

    @cached_property
    def pool(self) -> Ints:
        return np.asarray(pd.factorize(self.pool_name)[0], dtype=np.int64)

    @cached_property
    def issued(self) -> Ints:
        return day_number(self.invoices["issued_on"])

    @cached_property
    def due(self) -> Ints:
        return day_number(self.invoices["due_on"])

    @cached_property
    def settled(self) -> Ints:
        """Day of settlement, not before that of issue; `NEVER` where it is open."""
        return np.maximum(day_number(self.invoices["settled_on"]), self.issued)

    @cached_property
    def disputed_from(self) -> Ints:
        """The day from which a dispute can be known; `NEVER` where there was none, or it is not said since when."""
        return day_number(self.invoices["disputed_on"])
