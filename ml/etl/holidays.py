"""Public holidays by country and subdivision, as events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.bulk import in_lists, insert_rows, lock_for_writing
from ml.db.drivers import Event
from ml.db.sales import SalesRaw
from ml.errors import DataError
from ml.etl.record_tables import RECORD_TABLES, record_key

YEARS = range(1970, 2101)
MOST_YEARS = 50


def public_holidays(country: str, subdivision: str, years: Sequence[int], region: str = "") -> list[dict[str, Any]]:
    """The public holidays of some years, as records of events of one day each, in order of their days.

    `country` is an ISO code such as DE, `subdivision` one of its parts such as BY ('' for what holds in all of it);
    the events are of `region` ('' is everywhere). Two holidays on one day are two events. Raises DataError for a
    country, subdivision or years that are not known.
    """
    import holidays  # noqa: PLC0415

    if not years or len(years) > MOST_YEARS or any(year not in YEARS for year in years):
        expected = f"1 to {MOST_YEARS} years from {YEARS[0]} to {YEARS[-1]}"
        raise DataError(f"years are {list(years)[:5]}; expected {expected}.")
    known = countries()
    if country not in known:
        raise DataError(f"country {country!r} is unknown; expected an ISO code such as DE, FR, GB or US.")
    if subdivision and subdivision not in known[country]:
        parts = ", ".join(known[country]) or "none"
        raise DataError(f"subdivision {subdivision!r} of {country} is unknown; expected one of: {parts}.")
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=sorted(set(years)))
    return [
        {"kind": "holiday", "name": name[:120], "starts_on": day, "ends_on": day, "region": region}
        for day in sorted(found)
        for name in sorted(found.get_list(day))
    ]


def countries() -> dict[str, list[str]]:
    """The subdivisions of each country whose holidays are known, by their codes."""
    import holidays  # noqa: PLC0415

    return dict(sorted(holidays.list_supported_countries(include_aliases=False).items()))


def keep_holidays(session: Session, place: str) -> int:
    """Add the public holidays of a country (`DE`, or `DE-BY` with a part of it) for the years of the sales and the
    years in which they are forecast; commits. Returns how many are new. A year in which any holidays everywhere are
    known stays as it is: people may have corrected them. Raises DataError for an unknown place.
    """
    first, last = (session.scalar(sa.select(end(SalesRaw.sale_date))) for end in (sa.func.min, sa.func.max))
    if not place or first is None or last is None:
        return 0
    everywhere = sa.select(Event.starts_on).where(Event.kind == "holiday", Event.region == "")
    known = {day.year for day in session.scalars(everywhere)}
    years = [year for year in range(max(first.year, last.year - MOST_YEARS + 3), last.year + 3) if year not in known]
    country, _, subdivision = place.partition("-")
    return add_holidays(session, country, subdivision, years)[0] if years else 0


def add_holidays(
    session: Session, country: str, subdivision: str, years: Sequence[int], region: str = ""
) -> tuple[int, int]:
    """Add the public holidays of some years that are not there yet; commits. Returns how many are new, and all.

    Raises DataError for an unknown country, subdivision or year.
    """
    target = RECORD_TABLES["events"]
    records = [target.complete(record) for record in public_holidays(country, subdivision, years, region)]
    lock_for_writing(session, Event)
    by_key = {record_key("events", record): record for record in records}
    new = by_key.keys() - known_keys(session, list(by_key))
    added = {key: record for key, record in by_key.items() if key in new}
    columns = {name: [record[name] for record in added.values()] for name in target.columns if name != "product_code"}
    insert_rows(session, Event, {"key": list(added), **columns})
    found = {"country": country, "years": list(years), "region": region, "added": len(added)}
    audit.record(session, "create", "holidays", subdivision or country, after=found)
    session.commit()
    return len(added), len(by_key)


def known_keys(session: Session, keys: Sequence[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for some in in_lists(keys):
        found |= set(session.scalars(sa.select(Event.key).where(Event.key.in_(some))))
    return found
