"""Verdicts on whole files: stale dates, and volumes far from what is usual."""

from __future__ import annotations

from datetime import date

import pytest

from ml.etl.policy import Policy, Volume
from ml.etl.volume import freshness, volume

USUAL = [{"rows": rows, "amount": rows * 10} for rows in (90.0, 100.0, 5_000.0)]


@pytest.mark.parametrize(("rows", "word"), [(50, ""), (300, ""), (49, "few"), (301, "many"), (0, "few")])
def test_a_volume_is_sudden_beyond_the_limits_of_the_median(rows: float, word: str) -> None:
    found = volume({"rows": rows}, USUAL, Volume())
    assert [one.refuses for one in found] == ([False] if word else [])
    if word:
        assert found[0].message == (
            f"{rows} rows, suddenly {word}: the last 3 imports of this source had 100 in the middle; expected 50 to 300"
        )


def test_amounts_are_judged_as_rows_are_and_a_policy_may_refuse() -> None:
    (found,) = volume({"rows": 100, "amount": 4_000}, USUAL, Volume(then="refuse"))
    assert found.refuses
    assert "4,000 amount, suddenly much" in found.message


def test_without_enough_earlier_imports_or_limits_nothing_is_sudden() -> None:
    assert volume({"rows": 1}, USUAL[:2], Volume()) == []
    assert volume({"rows": 1}, USUAL, None) == []
    assert volume({"rows": 1, "amount": 5}, [{"rows": 1.0}] * 3, Volume()) == []


def test_the_newest_row_may_be_as_old_as_the_policy_says() -> None:
    policy, today = Policy(max_age_days=7, stale="refuse"), date(2024, 6, 8)
    assert freshness(date(2024, 6, 1), policy, today) == []
    assert freshness(None, policy, today) == freshness(date(2000, 1, 1), Policy(), today) == []
    (found,) = freshness(date(2024, 5, 31), policy, today)
    assert found.refuses
    assert found.message == "the newest row is of 2024-05-31, 8 days ago; expected at most 7 days"
