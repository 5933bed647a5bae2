"""Error vector magnitude of received modulation symbols."""

import numpy as np
from numpy.typing import NDArray


def evm(symbols: NDArray[np.complex64], q_m: int) -> float:
    """Root mean square distance to the nearest constellation point; points have unit mean power (TS 36.211 7.1).

    Args:
        symbols: equalised complex64 (n,), contiguous, n > 0.
        q_m: bits per modulation symbol: 2, 4, 6 or 8.
    """
    levels = 1 << q_m // 2
    step = np.float32(np.sqrt(6 / ((1 << q_m) - 1)))
    parts = symbols.view(np.float32) / step
    nearest = np.clip(np.floor(parts) + np.float32(0.5), (1 - levels) / 2, (levels - 1) / 2)
    return float(np.sqrt(2 * np.mean(((parts - nearest) * step) ** 2)))
