"""Equalisers: maximum ratio combining of one port, and transmit diversity over two or four (TS 36.211 6.3.4)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

def siso(
    y: ArrayLike, h: ArrayLike, index: ArrayLike, noise_var: float
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """One port, maximum ratio combining over the receive antennas: x = sum conj(h) y / sum |h|^2.

    Args:
        y: complex64 (n_rx, n_grid) received.
        h: complex64 (n_rx, n_grid) channel.
        index: int32 (n_re,) which of the grid's elements to equalise, in the order of the result.
        noise_var: noise power of an element and receive antenna.

    Returns:
        ``(x, var)``: complex64 (n_re,) symbols without bias, float32 (n_re,) the power of their noise for symbols of
        power one, at least 1e-9.

    Raises:
        ValueError: shapes, an index outside the grid, or noise_var negative or not finite.
    """

def sfbc2(
    y: ArrayLike, h: ArrayLike, index: ArrayLike, noise_var: float
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Transmit diversity over two ports (TS 36.211 6.3.4.3): linear MMSE over each pair, scaled to have no bias.

    The channel may differ between the two elements of a pair.

    Args:
        y: complex64 (n_rx, n_grid) received.
        h: complex64 (n_rx, 2, n_grid) channel.
        index: int32 (n_re,), even in number: consecutive entries are pairs.
        noise_var: noise power of an element and receive antenna.

    Returns:
        As `siso`; x in the order d(0), d(1), ... before layer mapping.

    Raises:
        ValueError: as `siso`, or an odd number of elements.
    """

def sfbc4(
    y: ArrayLike, h: ArrayLike, index: ArrayLike, noise_var: float
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Transmit diversity over four ports: the first pair of each quadruple from ports 0 and 2, the second from 1 and 3.

    Args, result and errors as `sfbc2`, with h (n_rx, 4, n_grid); a last pair by itself is allowed.
    """
