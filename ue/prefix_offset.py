"""Carrier offset from the cyclic prefixes: coarse, but without the ambiguity of the reference signals.

Reference signals are compared half a millisecond apart, so that an offset of a multiple of 2 kHz looks like none: a
search that was disturbed may leave the loops there. Prefixes tell it apart, as they lie one useful symbol apart.
"""

from math import pi, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import CyclicPrefix
from picocell.phy.lte.frame import cp_lengths, symbol_starts

AMBIGUITY_HZ: Final = 2000.0
"""Carrier offset that the reference signals of one subframe do not see."""

_SUBFRAMES: Final = 30
_SURE: Final = 8.0


class PrefixOffset:
    """Watches the first subframes of a cell.

    Args:
        fft: FFT size.
        cp: cyclic prefix.
        sample_rate: samples per second.
    """

    def __init__(self, fft: int, cp: CyclicPrefix, sample_rate: float) -> None:
        self._fft, self._sample_rate = fft, sample_rate
        starts, lengths = symbol_starts(fft, cp)[:-1], cp_lengths(fft, cp)
        # the first quarter holds the echoes of the symbol before
        kept = [(s + lengths[i % len(lengths)] // 4, s + lengths[i % len(lengths)]) for i, s in enumerate(starts)]
        self._index = np.concatenate([np.arange(*one) for one in kept])
        self.left = _SUBFRAMES
        self._sum, self._squares = 0j, 0.0

    def add(self, samples: NDArray[np.complex64]) -> None:
        """Take a subframe, complex64 (n_rx, n)."""
        self.left -= 1
        first, second = samples[:, self._index], samples[:, self._index + self._fft]
        power = float(np.sum(np.abs(first) ** 2 + np.abs(second) ** 2)) / 2
        if power > 0:
            self._sum += complex(np.vdot(first, second)) / power
            self._squares += 1 / first.size

    def offset_hz(self) -> float | None:
        """Carrier offset, once all has come and where it stands out of the noise."""
        if self.left or abs(self._sum) < _SURE * sqrt(self._squares):
            return None
        return float(np.angle(self._sum)) / (2 * pi * self._fft) * self._sample_rate
