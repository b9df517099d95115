"""Public holidays by country and subdivision, as events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml.errors import DataError

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
