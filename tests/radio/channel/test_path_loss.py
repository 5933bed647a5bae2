"""Path loss against arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.radio.channel.path_loss import LogDistance, free_space_db


def test_free_space() -> None:
    # 32.45 dB at 1 km and 1 MHz (ITU-R P.525-4 equation 4), 20 dB a decade of either
    assert free_space_db(1000.0, 1e6) == pytest.approx(32.45, abs=0.01)
    assert free_space_db(1000.0, 2e9) == pytest.approx(32.45 + 66.02, abs=0.01)
    assert free_space_db(0.001, 1e6) == 0.0


@given(st.floats(1, 1e6))
def test_log_distance(distance_m: float) -> None:
    urban = LogDistance(128.1, 1000.0, 3.76)
    assert urban(distance_m) == pytest.approx(max(128.1 + 37.6 * np.log10(distance_m / 1000), 0.0), abs=1e-6)
    assert LogDistance(128.1, 1000.0, 3.76, 70.0)(distance_m) == max(urban(distance_m), 70.0)


def test_log_distance_continues_free_space() -> None:
    model = LogDistance.beyond(50.0, 2e9, 3.5)
    assert model(50.0) == pytest.approx(free_space_db(50.0, 2e9))
    assert model(500.0) - model(50.0) == pytest.approx(35.0)


def test_bad_arguments() -> None:
    for call in (
        lambda: free_space_db(0.0, 1e9),
        lambda: free_space_db(1.0, np.inf),
        lambda: LogDistance(100.0, 0.0),
        lambda: LogDistance(100.0, 1.0, -2.0),
        lambda: LogDistance(np.nan),
        lambda: LogDistance(100.0)(-1.0),
    ):
        with pytest.raises(ValueError, match="not allowed"):
            call()
