"""How many order lines are to be expected of each product in each area on each day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.demo.company import Company
from ml.demo.market import Floats, Market, price_matrix, promotion_effect, stockout_mask

WEEKDAYS = np.array([1.12, 1.05, 1.00, 1.06, 1.30, 0.55, 0.12])  # Monday first
SEASONS = {
    "Beverages": (0.28, 196), "Confectionery": (0.35, 345), "Pantry": (0.06, 340), "Home Care": (0.08, 95),
    "Personal Care": (0.12, 180), "Garden": (1.00, 135), "Winter Goods": (1.10, 10), "Stationery": (0.25, 245),
}  # fmt: skip
"""Strength and peak day of the yearly season: lines follow exp(strength * cos(days since the peak))."""

CLOSED = 0.04  # the share of a normal day's lines that a holiday keeps
RUSH_DAYS = 8  # before a holiday
RUSH = {"Beverages": 1.35, "Confectionery": 1.60, "Pantry": 1.25}
OTHER_RUSH = 1.08
RAMP_DAYS = 75  # in which a launch finds its customers, and a discontinued product loses them
AFFINITY, WEEKLY_NOISE = 0.45, 0.25  # standard deviations of logarithms, per series, and per series and week
TERRITORY_NOISE, CATEGORY_NOISE = 0.04, 0.03  # per month


def expected_lines(
    rng: np.random.Generator, company: Company, market: Market, days: pd.DatetimeIndex, rows: int
) -> Floats:
    """Expected order lines, shape (areas, products, days), `rows` in all."""
    by_area = _by_area(rng, company.areas, market, days)
    by_product = _by_product(rng, company.products, market, days)
    shape = (len(company.areas), len(company.products))
    weeks = np.asarray((np.arange(len(days)) + days[0].weekday()) // 7)
    noise = rng.lognormal(0.0, WEEKLY_NOISE, (*shape, weeks[-1] + 1))
    affinity = rng.lognormal(0.0, AFFINITY, shape)
    lines = affinity[:, :, None] * by_area[:, None, :] * by_product[None, :, :] * noise[:, :, weeks]
    lines[stockout_mask(market, company, days)] = 0.0
    return np.asarray(lines * (rows / lines.sum()))


def years_since_start(days: pd.DatetimeIndex) -> Floats:
    """Years since the first day, shape (days,)."""
    return np.arange(len(days)) / 365.25


def season(category: str, days: pd.DatetimeIndex) -> Floats:
    """The yearly season of a category, shape (days,)."""
    strength, peak = SEASONS[category]
    return np.exp(strength * np.cos(2 * np.pi * (days.dayofyear.to_numpy() - peak) / 365.25))


def _by_area(rng: np.random.Generator, areas: pd.DataFrame, market: Market, days: pd.DatetimeIndex) -> Floats:
    """Weight, growth, weekdays, holidays and the territory's luck; shape (areas, days)."""
    growth = (1.0 + areas["growth"].to_numpy())[:, None] ** years_since_start(days)
    open_ = np.where(days.isin(market.holidays["day"]), CLOSED, 1.0)
    luck = _monthly_noise(rng, areas["territory"], days, TERRITORY_NOISE)
    return np.asarray(areas["weight"].to_numpy()[:, None] * growth * WEEKDAYS[days.weekday] * open_ * luck)


def _by_product(rng: np.random.Generator, products: pd.DataFrame, market: Market, days: pd.DatetimeIndex) -> Floats:
    """Weight, growth, season, rush, price, promotions, life cycle and the category's luck; shape (products, days)."""
    growth = (1.0 + products["growth"].to_numpy())[:, None] ** years_since_start(days)
    seasons = np.stack([season(category, days) for category in products["category"]])
    prices = price_matrix(market, products, days)
    price_effect = (prices / prices[:, :1]) ** -products["elasticity"].to_numpy()[:, None]
    factors = [
        growth,
        seasons,
        _rush(products["category"], market.holidays, days),
        price_effect,
        promotion_effect(market, products, days),
        _lifecycle(products, days),
        _monthly_noise(rng, products["category"], days, CATEGORY_NOISE),
    ]
    return np.asarray(products["weight"].to_numpy()[:, None] * np.prod(factors, axis=0))


def _rush(categories: pd.Series, holidays: pd.DataFrame, days: pd.DatetimeIndex) -> Floats:
    """More lines in the days before a holiday, stronger for what is eaten; shape (products, days)."""
    before = np.zeros(len(days), dtype=bool)
    for day in (holidays["day"] - days[0]).dt.days:
        before[max(0, day - RUSH_DAYS) : day] = True
    strength = categories.map(RUSH).fillna(OTHER_RUSH).to_numpy()
    return np.where(before, strength[:, None], 1.0)


def _lifecycle(products: pd.DataFrame, days: pd.DatetimeIndex) -> Floats:
    """0 before a launch, rising to 1; falling from 1 to 0 at a discontinuation; shape (products, days)."""
    day = np.arange(len(days))
    launched = (products["launched"] - days[0]).dt.days.fillna(-RAMP_DAYS).to_numpy()[:, None]
    discontinued = (products["discontinued"] - days[0]).dt.days.fillna(len(days) + RAMP_DAYS).to_numpy()[:, None]
    rising = np.clip((day - launched + 1) / RAMP_DAYS, 0.0, 1.0)
    falling = np.clip((discontinued - day) / RAMP_DAYS, 0.0, 1.0)
    return np.asarray(rising * falling)


def _monthly_noise(rng: np.random.Generator, groups: pd.Series, days: pd.DatetimeIndex, sigma: float) -> Floats:
    """Good and bad months that the members of a group share; shape (groups, days)."""
    group, names = pd.factorize(groups)
    month = (days.year - days[0].year) * 12 + days.month - days[0].month
    noise = rng.lognormal(0.0, sigma, (len(names), int(month.max()) + 1))
    return np.asarray(noise[group][:, month])
