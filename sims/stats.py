"""Confidence intervals of error rates, and when a point has been simulated for long enough."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, log, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95
MIN_CLUSTERS: Final = 8
"""Blocks from which on the spread between blocks is believed."""


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def _check(errors: float, trials: float, confidence: float) -> None:
    if not 0 <= errors <= trials:
        raise ValueError(f"{errors} errors in {trials} trials are not allowed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is outside 0..1")


@lru_cache(maxsize=64)
def normal_quantile(confidence: float) -> float:
    """How many standard deviations hold a share of a normal distribution on both sides."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(errors: float, trials: float, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of an error rate; numbers need not be whole (effective numbers).

    Raises:
        ValueError: more errors than trials, or a confidence outside 0..1.
    """
    _check(errors, trials, confidence)
    if trials == 0:
        return Interval(0.0, 1.0)
    z2 = normal_quantile(confidence) ** 2
    p = errors / trials
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = sqrt(z2 * (p * (1 - p) + z2 / (4 * trials)) / trials) / (1 + z2 / trials)
    return Interval(0.0 if errors == 0 else max(centre - half, 0.0), 1.0 if errors == trials else min(centre + half, 1))


def clopper_pearson(errors: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Clopper and Pearson's exact interval: it never covers less than it says, and is wider.

    Raises:
        ValueError: more errors than trials, or a confidence outside 0..1.
    """
    _check(errors, trials, confidence)
    from scipy import special  # takes longer to import than all else

    tail = (1 - confidence) / 2
    low = float(special.betaincinv(errors, trials - errors + 1, tail)) if errors else 0.0
    high = float(special.betaincinv(errors + 1, trials - errors, 1 - tail)) if errors < trials else 1.0
    return Interval(low, high)


@dataclass(slots=True)
class ClusteredRate:
    """A rate estimated from blocks of trials that are not independent within a block, such as under slow fading.

    Attributes:
        hits: events counted.
        trials: trials.
        clusters: blocks.
    """

    hits: float = 0.0
    trials: float = 0.0
    clusters: int = 0
    _squares: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def as_list(self) -> list[float]:
        """Everything that is counted."""
        return [self.hits, self.trials, self.clusters, *self._squares]

    @classmethod
    def from_list(cls, values: Sequence[float]) -> "ClusteredRate":
        """The inverse of :meth:`as_list`."""
        hits, trials, clusters, *squares = values
        return cls(hits, trials, int(clusters), list(squares))

    def add(self, hits: float, trials: float) -> None:
        """Count a block."""
        self.hits += hits
        self.trials += trials
        self.clusters += 1
        self._squares[0] += hits * hits
        self._squares[1] += hits * trials
        self._squares[2] += trials * trials

    @property
    def rate(self) -> float:
        """Events a trial; 0 before the first."""
        return self.hits / self.trials if self.trials else 0.0

    @property
    def design_effect(self) -> float:
        """By how much the variance exceeds that of independent trials; at least 1, infinite for too few blocks.

        Where all trials have come out alike nothing is known of it: each block then counts for one trial.
        """
        p = self.rate
        if self.clusters < MIN_CLUSTERS:
            return inf
        if not 0 < p < 1:
            return max(self.trials / self.clusters, 1.0)
        hits2, cross, trials2 = self._squares
        between = (hits2 - 2 * p * cross + p * p * trials2) * self.clusters / (self.clusters - 1)
        return max(between / (self.trials * p * (1 - p)), 1.0)

    def interval(self, confidence: float = CONFIDENCE, *, independent: bool = False) -> Interval:
        """Wilson's interval at the effective number of trials.

        Args:
            confidence: its level.
            independent: trials are independent, whatever their block.
        """
        effect = 1.0 if independent else self.design_effect
        if effect == inf:  # too few blocks to tell: each counts for one trial
            effect = max(self.trials / max(self.clusters, 1), 1.0)
        return wilson(self.hits / effect, self.trials / effect, confidence)


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When a point is done.

    Attributes:
        max_subframes: subframes in which transport blocks may begin; the retransmissions of the last ones follow.
        max_errors: block errors of the first transmission after which it stops (effective ones under fading);
            0 for no such budget.
        width: it stops when the confidence interval of the first transmission's BLER is narrower than this share of
            the BLER; 0 for never.
        confidence: level of every interval.
        min_subframes: not before these transport blocks.

    Raises:
        ValueError: a number out of range.
    """

    max_subframes: int = 1000
    max_errors: int = 200
    width: float = 0.0
    confidence: float = CONFIDENCE
    min_subframes: int = 0

    def __post_init__(self) -> None:
        if self.max_subframes < 1:
            raise ValueError(f"{self.max_subframes} subframes are not allowed: at least 1")
        if self.max_errors < 0 or self.min_subframes < 0:
            raise ValueError("an error budget or a least number of subframes below 0 is not allowed")
        if not 0 <= self.width < inf:
            raise ValueError(f"width {self.width} is not allowed: at least 0 and finite")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence {self.confidence} is outside 0..1")

    def n_blocks(self, size: int) -> int:
        """Blocks of work of a size that a point takes at most."""
        return -(-self.max_subframes // size)

    def size_of(self, block: int, size: int) -> int:
        """Subframes of a numbered block of work: the last one may be shorter."""
        return min(size, self.max_subframes - block * size)

    def reason(self, first: ClusteredRate, independent: bool) -> str:
        """Why a point is done before its time: "errors" or "width"; empty if it is not.

        Args:
            first: block errors of first transmissions.
            independent: whether transport blocks are independent, as without fading.
        """
        if first.trials < self.min_subframes:
            return ""
        effect = 1.0 if independent else first.design_effect
        if self.max_errors and first.hits / effect >= self.max_errors:
            return "errors"
        if self.width and first.hits:
            low, high = first.interval(self.confidence, independent=independent)
            if effect < inf and high - low <= self.width * first.rate:
                return "width"
        return ""


def crossing(snr_db: Sequence[float], rates: Sequence[float], target: float) -> float | None:
    """SNR at which an error rate falls through a target: on a line between points, in the logarithm of the rate.

    Args:
        snr_db: ascending.
        rates: error rate at each; zeros count as a tenth of the smallest other rate below the target, or of the target.
        target: rate above 0.

    Returns:
        None where the points do not reach from above the target to below it.

    Raises:
        ValueError: lengths that differ or a target outside 0..1.
    """
    if len(snr_db) != len(rates):
        raise ValueError(f"{len(snr_db)} SNRs and {len(rates)} rates")
    if not 0 < target < 1:
        raise ValueError(f"target {target} is outside 0..1")
    least = min((rate for rate in rates if 0 < rate < target), default=target) / 10
    for i in range(len(rates) - 1):
        above, below = max(rates[i], least), max(rates[i + 1], least)
        if above >= target > below:
            share = (log(above) - log(target)) / (log(above) - log(below))
            return snr_db[i] + share * (snr_db[i + 1] - snr_db[i])
    return None
