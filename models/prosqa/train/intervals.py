"""Counts of problems, their shares and means, and 95 % intervals over problems."""

import math
from collections.abc import Iterable

import numpy as np

DRAWS = 1000
SEED = 0

Count = tuple[np.ndarray, np.ndarray]  # what was found [B] and out of how much [B], per problem


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a share, as shares."""
    if count == 0:
        return 0.0, 1.0
    share, spread = right / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return centre - half, centre + half


def _resampled(counts: list[Count]) -> np.ndarray:
    """The ratio of each count in `DRAWS` draws of as many problems: [counts,DRAWS]. The same draws for all."""
    problems = len(counts[0][0])
    weights = np.random.default_rng(SEED).multinomial(problems, np.full(problems, 1 / problems), DRAWS)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([(weights @ found) / (weights @ out_of) for found, out_of in counts])


def _rounded(value: float, interval: Iterable[float], problems: np.ndarray) -> dict:
    value, low, high = (round(float(number), 5) for number in (value, *interval))
    return {"value": value, "ci": [low, high], "n": int(problems.sum())}


def estimate(count: Count) -> dict:
    """Found over out-of, summed over problems: Wilson's interval where what was found is a yes or no (bool), else a
    bootstrap over problems. `n` is the number of problems that count."""
    found, out_of = count
    total = out_of.sum()
    if total == 0:
        return {"value": None, "ci": None, "n": 0}
    if found.dtype == bool:
        return _rounded(found.sum() / total, wilson(int(found.sum()), int(total)), out_of > 0)
    return _rounded(found.sum() / total, np.nanquantile(_resampled([count])[0], (0.025, 0.975)), out_of > 0)


def change(before: Count, after: Count) -> dict:
    """After less before on the same problems, with a bootstrap over problems."""
    drawn = _resampled([before, after])
    value = after[0].sum() / after[1].sum() - before[0].sum() / before[1].sum()
    return _rounded(value, np.nanquantile(drawn[1] - drawn[0], (0.025, 0.975)), (before[1] > 0) | (after[1] > 0))
