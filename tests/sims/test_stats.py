"""Intervals of error rates, and stopping rules."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as judge

from picocell.sims.stats import (
    MIN_CLUSTERS,
    ClusteredRate,
    StoppingRule,
    clopper_pearson,
    crossing,
    wilson,
)

errors_of_trials = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(errors_of_trials, st.sampled_from([0.9, 0.95, 0.99]))
def test_intervals_are_scipys(pair: tuple[int, int], confidence: float) -> None:
    errors, trials = pair
    result = judge.binomtest(errors, trials)
    for method, mine in (("wilson", wilson), ("exact", clopper_pearson)):
        theirs = result.proportion_ci(confidence, method=method)
        assert mine(errors, trials, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_wilson_covers_as_often_as_it_says_on_the_mean_of_many_rates() -> None:
    rng, n = np.random.default_rng(1), 200
    rates = rng.uniform(0.05, 0.5, 3000)
    intervals = [wilson(int(k), n, 0.9) for k in rng.binomial(n, rates)]
    assert np.mean([low <= p <= high for p, (low, high) in zip(rates, intervals, strict=True)]) == pytest.approx(
        0.9, abs=0.02
    )


def test_no_trials_say_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("errors", "trials", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_impossible_counts_are_refused(errors: int, trials: int, confidence: float) -> None:
    with pytest.raises(ValueError):
        wilson(errors, trials, confidence)
    with pytest.raises(ValueError):
        clopper_pearson(errors, trials, confidence)


def clustered(rate: float, size: int, count: int, seed: int, whole: bool) -> ClusteredRate:
    """Blocks whose trials are independent, or all alike."""
    rng, result = np.random.default_rng(seed), ClusteredRate()
    for _ in range(count):
        hits = size * rng.binomial(1, rate) if whole else rng.binomial(size, rate)
        result.add(hits, size)
    return result


def test_design_effect_is_one_for_independent_trials_and_the_size_for_blocks_alike() -> None:
    assert clustered(0.3, 50, 400, 1, False).design_effect == pytest.approx(1, abs=0.2)
    assert clustered(0.3, 50, 400, 1, True).design_effect == pytest.approx(50, rel=0.05)


def test_interval_of_blocks_alike_covers_as_often_as_it_says() -> None:
    covers = []
    for seed in range(300):
        low, high = clustered(0.3, 20, 60, seed, True).interval(0.9)
        covers.append(low <= 0.3 <= high)
    assert np.mean(covers) == pytest.approx(0.9, abs=0.05)


def test_few_blocks_count_as_one_trial_each() -> None:
    rate = clustered(0.5, 100, MIN_CLUSTERS - 1, 3, False)
    assert rate.design_effect == math.inf
    low, high = rate.interval()
    assert high - low > 0.4


def test_blocks_without_an_error_count_as_one_trial_each() -> None:
    rate = ClusteredRate()
    for _ in range(20):
        rate.add(0, 50)
    assert rate.interval() == wilson(0, 20)
    assert rate.interval(independent=True) == wilson(0, 1000)


def test_rate_survives_its_list() -> None:
    rate = clustered(0.3, 50, 20, 1, False)
    assert ClusteredRate.from_list(rate.as_list()) == rate


def test_rule_stops_at_its_error_budget() -> None:
    rule = StoppingRule(max_subframes=1000, max_errors=20)
    rate = ClusteredRate()
    rate.add(19, 50)
    assert rule.reason(rate, True) == ""
    rate.add(1, 50)
    assert rule.reason(rate, True) == "errors"
    assert rule.reason(rate, False) == ""  # under fading two blocks tell nothing


def test_rule_stops_at_its_width() -> None:
    rule = StoppingRule(max_errors=0, width=0.2)
    rate = ClusteredRate()
    rate.add(100, 1000)
    assert rule.reason(rate, True) == ""
    rate.add(900, 9000)
    assert rule.reason(rate, True) == "width"
    assert StoppingRule(max_errors=0, width=0.2, min_subframes=20_000).reason(rate, True) == ""


def test_blocks_of_work_add_up_to_the_subframes() -> None:
    rule = StoppingRule(max_subframes=130)
    sizes = [rule.size_of(i, 50) for i in range(rule.n_blocks(50))]
    assert sizes == [50, 50, 30]


@pytest.mark.parametrize(
    "wrong", [{"max_subframes": 0}, {"max_errors": -1}, {"width": -1}, {"confidence": 1.0}, {"width": math.inf}]
)
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        StoppingRule(**wrong)  # type: ignore[arg-type]


def test_crossing_lies_on_the_line_of_logarithms() -> None:
    assert crossing([0, 1, 2], [1.0, 1e-0, 1e-2], 0.1) == pytest.approx(1.5)
    assert crossing([0, 1], [0.5, 0.2], 0.1) is None
    assert crossing([0, 1], [0.05, 0.02], 0.1) is None
    assert crossing([0, 1], [0.2, 0.0], 0.1) == pytest.approx(math.log(2) / math.log(20))
    with pytest.raises(ValueError, match="2 SNRs"):
        crossing([0, 1], [0.2], 0.1)
    with pytest.raises(ValueError, match="target"):
        crossing([0, 1], [0.2, 0.1], 0)
