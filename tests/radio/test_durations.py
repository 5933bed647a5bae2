"""The histogram of durations against a list of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.radio.durations import Durations

CLASS = 2 ** (1 / 8)


@given(st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=200), st.floats(0, 1))
def test_quantile_is_that_of_the_list_to_within_a_class(seconds: list[float], q: float) -> None:
    found = Durations()
    for value in seconds:
        found.add(value)
    ordered = sorted(seconds)
    true = ordered[max(math.ceil(q * len(ordered)) - 1, 0)]
    assert true * 0.999 <= found.quantile(q) <= true * CLASS * 1.001
    assert found.n == len(seconds)
    assert found.max_s == max(seconds)
    assert found.min_s == min(seconds)
    assert found.total_s == pytest.approx(sum(seconds))
    assert sum(count for _, count in found.classes()) == len(seconds)


def test_what_is_outside_the_classes_is_counted() -> None:
    found = Durations()
    for value in (-0.01, 0.0, 1e-9, 100.0):
        found.add(value)
    assert found.n == 4
    assert (found.min_s, found.max_s) == (-0.01, 100.0)
    assert [count for _, count in found.classes()] == [3, 1]
    assert found.as_dict()["max_us"] == 1e8


def test_nothing_yet() -> None:
    found = Durations()
    assert found.quantile(0.5) == 0.0
    assert found.as_dict() == {
        "n": 0, "mean_us": 0.0, "p50_us": 0.0, "p90_us": 0.0, "p99_us": 0.0, "p99.9_us": 0.0, "p99.99_us": 0.0,
        "min_us": 0.0, "max_us": 0.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"quantile 2 is not allowed: 0 to 1"):
        found.quantile(2)
    found.add(1.0)
    found.clear()
    assert found.n == 0
