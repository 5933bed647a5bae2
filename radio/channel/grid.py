"""A tapped delay line on resource elements, for link simulations that need no samples."""

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.propagation import grid_response
from picocell.radio.channel.gains import TapGains


class TappedGrid:
    """A tapped delay line that multiplies every resource element by its response.

    The received grid is what OFDM gives where the cyclic prefix covers all delays and gains stand still in a symbol.
    ETU's last path is 5 µs late and outlasts the normal prefix of 4.7 µs by a little. What moves within a symbol, a
    share of about (1.3 f_D / 15 kHz)² of the power, becomes interference between subcarriers, which is not here.

    Args:
        taps: process of the gains.
        symbol_times_s: float64 ``(n_symb,)``: middle of each symbol in seconds after the start of its block.
        frequencies_hz: float64 ``(n_sc,)``: subcarriers from the carrier's centre.

    Attributes:
        taps: process of the gains.
        n_tx: transmit antennas.
        n_rx: receive antennas.

    Raises:
        ValueError: times or frequencies that are no list of finite numbers.
    """

    def __init__(
        self, taps: TapGains, symbol_times_s: NDArray[np.float64], frequencies_hz: NDArray[np.float64]
    ) -> None:
        for what, values in (("symbol times", symbol_times_s), ("frequencies", frequencies_hz)):
            if values.ndim != 1 or not np.all(np.isfinite(values)):
                raise ValueError(f"{what} of shape {values.shape} are not allowed: a list of finite numbers")
        self.taps = taps
        self.n_tx, self.n_rx = taps.n_tx, taps.n_rx
        self._times = np.array(symbol_times_s)
        turns = np.multiply.outer(np.array(taps.delays_s), frequencies_hz) % 1.0
        self._turns = np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)]).astype(np.float32)

    def response(self, start_s: float = 0.0) -> NDArray[np.complex64]:
        """True response of every resource element of a block that begins at ``start_s`` seconds.

        Returns:
            complex64 ``(n_rx, n_tx, n_symb, n_sc)``.
        """
        return grid_response(self.taps.gains(start_s + self._times), self._turns)[1]

    def apply_grid(
        self, grid: NDArray[np.complex64], start_s: float = 0.0
    ) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
        """A transmit grid as it arrives, without noise, and the true response.

        Args:
            grid: complex64 ``(n_tx, n_symb, n_sc)``.
            start_s: time in seconds at which the block begins.

        Returns:
            complex64 ``(n_rx, n_symb, n_sc)``, and the response ``(n_rx, n_tx, n_symb, n_sc)``.

        Raises:
            ValueError: a grid of another shape.
        """
        sent = np.asarray(grid, np.complex64)
        wanted = (self.n_tx, len(self._times), self._turns.shape[2])
        if sent.shape != wanted:
            raise ValueError(f"a grid of shape {sent.shape} does not fit: {wanted} is needed")
        return grid_response(self.taps.gains(start_s + self._times), self._turns, sent)
