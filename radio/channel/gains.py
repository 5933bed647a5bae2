"""Taps of a channel over time: the interface of all models, and those that do not move."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray


class TapGains(Protocol):
    """The gains of a tapped delay line between all antennas.

    Attributes:
        n_tx: transmit antennas.
        n_rx: receive antennas.
        delays_s: excess delay of each tap in seconds.
        doppler_hz: fastest that a gain turns; 0 for gains that never change.
    """

    n_tx: int
    n_rx: int
    delays_s: tuple[float, ...]
    doppler_hz: float

    def gains(self, times: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Gains at given times in seconds: complex64 ``(n_rx, n_tx, n_taps, len(times))``."""
        ...


def static_matrix(n_tx: int, n_rx: int) -> NDArray[np.complex64]:
    """The channel matrix of the static propagation condition (TS 36.101 B.1.1): complex64 ``(n_rx, n_tx)``.

    One transmit antenna reaches every receive antenna with gain 1. Of two or four, the first half arrives in phase in
    both receive antennas, the second half a quarter of a turn ahead in one and behind in the other.

    Raises:
        ValueError: antennas for which there is none.
    """
    if n_tx == 1:
        return np.ones((n_rx, 1), np.complex64)
    if n_rx != 2 or n_tx not in (2, 4):
        raise ValueError(
            f"a static channel from {n_tx} to {n_rx} antennas is not defined: from 1 to any number, or from 2 or 4 to 2"
        )
    first, second = np.ones(n_tx // 2), 1j * np.ones(n_tx // 2)
    return np.array([[*first, *second], [*first, *-second]], np.complex64)


class FixedGains:
    """One path that does not fade.

    Args:
        matrix: gains, complex64 ``(n_rx, n_tx)``.
    """

    def __init__(self, matrix: NDArray[np.complex64]) -> None:
        self.n_rx, self.n_tx = matrix.shape
        self.delays_s: tuple[float, ...] = (0.0,)
        self.doppler_hz: float = 0.0
        self._matrix: Final = np.asarray(matrix, np.complex64)

    @classmethod
    def with_phases(
        cls, n_tx: int, n_rx: int, seed: int | Sequence[int] | np.random.SeedSequence | None
    ) -> "FixedGains":
        """Gains of magnitude 1, each pair of antennas but the first with a phase drawn at random."""
        turns = np.random.default_rng(seed).random((n_rx, n_tx))
        turns[0, 0] = 0.0
        return cls(np.exp(2j * np.pi * turns).astype(np.complex64))

    def gains(self, times: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Gains at given times in seconds: complex64 ``(n_rx, n_tx, 1, len(times))``."""
        return np.broadcast_to(self._matrix[..., None, None], (self.n_rx, self.n_tx, 1, len(times))).copy()
