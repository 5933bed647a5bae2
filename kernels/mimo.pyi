"""Spatial multiplexing (TS 36.211 6.3.4.2): precoding, linear MMSE of up to four layers, joint detection of two.

Precoders are complex64 (n_precoders, n_ports, n_layers), at most four ports and layers. Element i of an index has the
precoder ``which[i]``, or without ``which`` the precoder ``i % n_precoders``: cyclic delay diversity has a period.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_LAYERS: int
JOINT_ORDERS: tuple[int, ...]

def mmse(
    y: ArrayLike,
    h: ArrayLike,
    index: ArrayLike,
    precoders: ArrayLike,
    noise_var: float,
    which: ArrayLike | None = None,
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Linear MMSE estimate of every layer, scaled to have no bias; with one layer maximum ratio combining.

    Args:
        y: complex64 (n_rx, n_grid) received.
        h: complex64 (n_rx, n_ports, n_grid) channel.
        index: int32 (n_re,) which of the grid's elements to detect, in the order of the result.
        precoders: see above.
        noise_var: noise power of an element and receive antenna.
        which: int32 (n_re,) precoder of each element.

    Returns:
        ``(x, var)``: complex64 (n_layers, n_re) symbols, float32 (n_layers, n_re) the power of noise and remaining
        interference for symbols of power one, at least 1e-9.

    Raises:
        ValueError: shapes, an entry of index or which that is out of range, or noise_var negative or not finite.
    """

def joint(
    y: ArrayLike,
    h: ArrayLike,
    index: ArrayLike,
    precoders: ArrayLike,
    noise_var: float,
    q_m: tuple[int, int],
    which: ArrayLike | None = None,
    scrambling: Sequence[NDArray[np.uint64] | None] | None = None,
    merged: bool = False,
) -> tuple[NDArray[np.int16], ...]:
    """Exact max-log LLRs of two layers that are detected together, over all pairs of their symbols.

    Args:
        y, h, index, precoders, noise_var, which: as `mmse`, with two layers.
        q_m: bits a symbol of each layer: 2, 4 or 6.
        scrambling: packed scrambling bits of each code word; where one is set the sign is turned.
        merged: both layers carry one code word, a symbol of layer 0 before one of layer 1 (TS 36.211 6.3.3.2).

    Returns:
        An int16 array for each code word, as `modem.demodulate` has it: (n_re * q_m,), or (2 * n_re * q_m,) if merged.

    Raises:
        ValueError: as `mmse`, another modulation or number of layers, or too few scrambling bits.
    """

def precode(
    x: ArrayLike,
    precoders: ArrayLike,
    index: ArrayLike,
    grid: NDArray[np.complex64],
    which: ArrayLike | None = None,
) -> None:
    """Write what the ports send of the layers' symbols into a grid.

    Args:
        x: complex64 (n_layers, n_re) symbols.
        precoders: see above.
        index: int32 (n_re,), element of each symbol, counted over a port's grid.
        grid: C-contiguous complex64 (n_ports, ...); the elements are written in place.
        which: int32 (n_re,) precoder of each element.

    Raises:
        ValueError: shapes, or an entry of index or which that is out of range.
    """
