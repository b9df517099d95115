"""How good curves were, once it is known what became of the invoices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.receivables.curves import Curves, Floats
from ml.receivables.landmarks import Lessons

DECILES = tuple(np.round(np.arange(0.1, 1.0, 0.1), 1))
SUMMARY = ("pinball", "mae", "bias", "brier", "auc", "coverage", "below", "invoices")


def score(curves: Curves, lessons: Lessons) -> pd.DataFrame:
    """One row a settled lesson: `pinball` (days, mean over deciles), `error` (days, median minus actual), `late`,
    `chance` of lateness, `inside` P10 to P90, `below` P10. What is still open is not judged."""
    seen = np.flatnonzero(lessons.seen > 0)
    own, passed, delay = curves.rows(seen), lessons.passed[seen], lessons.delay[seen]
    guesses = {share: own.band_day(share, passed) for share in DECILES}
    losses = [np.maximum(share * (delay - guess), (share - 1) * (delay - guess)) for share, guess in guesses.items()]
    return pd.DataFrame(
        {
            "pinball": np.mean(losses, axis=0),
            "error": guesses[0.5] - delay,
            "late": (delay > 0).astype(float),
            "chance": own.exceeds(0.0, passed),
            "inside": ((delay >= guesses[0.1]) & (delay <= guesses[0.9])).astype(float),
            "below": (delay < guesses[0.1]).astype(float),
        }
    )


def summary(scored: pd.DataFrame) -> dict[str, float]:
    """The figures of `SUMMARY` over rows of `score`; NaN where there are none."""
    return {
        "pinball": float(scored["pinball"].mean()),
        "mae": float(scored["error"].abs().mean()),
        "bias": float(scored["error"].mean()),
        "brier": float(((scored["chance"] - scored["late"]) ** 2).mean()),
        "auc": auc(scored["chance"].to_numpy(), scored["late"].to_numpy()),
        "coverage": float(scored["inside"].mean()),
        "below": float(scored["below"].mean()),
        "invoices": float(len(scored)),
    }


def auc(chance: Floats, happened: Floats) -> float:
    """Area under the ROC curve: how often a case that happened had the higher chance (Mann and Whitney 1947); NaN
    where all or none happened."""
    ranks = pd.Series(chance).rank().to_numpy()
    positive = float(happened.sum())
    negative = len(happened) - positive
    if not positive or not negative:
        return float("nan")
    return float((ranks[happened > 0].sum() - positive * (positive + 1) / 2) / (positive * negative))
