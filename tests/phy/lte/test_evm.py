"""Error vector magnitude against distances to all points of the constellation."""

import numpy as np
import pytest

from picocell.kernels import modem
from picocell.phy.lte.evm import evm


@pytest.mark.parametrize("q_m", [2, 4, 6, 8])
@pytest.mark.parametrize("deviation", [0.0, 0.02, 0.5])
def test_distance_to_the_nearest_point(q_m: int, deviation: float) -> None:
    rng = np.random.default_rng(q_m)
    words = np.arange(1 << q_m)[:, None] >> np.arange(q_m - 1, -1, -1) & 1
    points = modem.modulate(words.reshape(-1).astype(np.uint8), q_m)
    noise = deviation * (rng.standard_normal(900) + 1j * rng.standard_normal(900))
    symbols = (rng.choice(points, 900) + noise).astype(np.complex64)
    nearest = np.abs(symbols[:, None] - points).min(axis=1)
    assert evm(symbols, q_m) == pytest.approx(np.sqrt(np.mean(nearest**2)), rel=1e-4, abs=1e-6)
