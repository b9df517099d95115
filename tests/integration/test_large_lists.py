"""Lists of more series than are looked at: what is counted, what comes first, what is found by name."""

from __future__ import annotations

import pytest
from made_profiles import a_profile
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.keys import hash_key
from webapp.queries import names, profiles
from webapp.queries.nodes import Node
from webapp.queries.profiles import ProfileFilter, list_profiles
from webapp.queries.series import SeriesFilter, list_series

REGIONS = ProfileFilter(Node(), ("region", "total"))


@pytest.fixture
def growing(session: Session) -> Session:
    """Seven regions, of which two have no growth; the larger the number, the more they sold."""
    growths = [0.3, None, 0.1, 0.5, 0.5, None, -0.2]
    session.add_all(a_profile(region=f"R{at}", last12=at, growth=growth) for at, growth in enumerate(growths))
    session.commit()
    return session


def regions(found: profiles.ProfilePage) -> list[str]:
    return [one.row.region for one in found.items]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 9])
def test_pages_of_any_size_give_each_once_and_the_unknown_last(growing: Session, size: int) -> None:
    pages = [regions(list_profiles(growing, REGIONS, "growth", size, offset)) for offset in range(0, 12, size)]
    assert [name for page in pages for name in page] == ["R4", "R3", "R0", "R2", "R6", "R5", "R1"]


def test_of_more_than_are_counted_it_says_so(growing: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (list_profiles(growing, REGIONS, "volume", 2).total, 7) == (7, 7)
    for most, more in ((7, False), (6, True)):
        monkeypatch.setattr(profiles, "MOST_COUNTED", most)
        found = list_profiles(growing, REGIONS, "volume", 2)
        assert (found.total, found.more) == (most, more)


@pytest.fixture
def named(session: Session) -> Session:
    """Areas of two regions, two of which have one name, and a product in one of them."""
    pen = Product(key=hash_key("P-1"), code="P-1", name="Fountain 100% pen", category="Desk")
    session.add(pen)
    session.flush()
    for region, area in (("East", "Oak"), ("East", "Elm_a"), ("West", "Oak"), ("West", "Elmba")):
        places = {"region": region, "territory": f"{region} coast", "area": area}
        session.add(
            Series(key=hash_key(region, area), location_level="area", product_level="product",
                   product_id=pen.id if area == "Elm_a" else None, **places)
        )  # fmt: skip
    session.commit()
    return session


@pytest.mark.parametrize("most", [names.MOST, 1, 0])
@pytest.mark.parametrize(
    ("text", "areas"),
    [
        ("oak", ["Oak", "Oak"]),
        ("ELM_", ["Elm_a"]),
        ("west c", ["Elmba", "Oak"]),
        ("100%", ["Elm_a"]),
        ("p-1", ["Elm_a"]),
        ("100_", []),
        ("st", ["Elm_a", "Elmba", "Oak", "Oak"]),
    ],
)
def test_a_text_is_found_however_many_names_hold_it(
    named: Session, monkeypatch: pytest.MonkeyPatch, text: str, areas: list[str], most: int
) -> None:
    monkeypatch.setattr(names, "MOST", most)
    found = list_series(named, SeriesFilter(Node(), q=text), 10)
    assert sorted(one.area for one in found.items) == areas


def test_names_that_come_are_found_at_once(named: Session) -> None:
    assert names.named(names.places(named), "area", "ash") == []
    named.add(Series(key=hash_key("new"), location_level="area", product_level="total", region="East", area="Ash"))
    named.commit()
    assert names.named(names.places(named), "area", "ash") == [("East", "", "Ash")]
