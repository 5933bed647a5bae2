"""Turns of the channel between reference symbols, from which time and carrier offset are read."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

class Pilots:
    """Where a port's reference symbols are in a subframe's grid. Threads may share an object.

    Args:
        n_symb: OFDM symbols of the grid.
        n_sc: its subcarriers.
        index: int32 (n_rows, n_pilots) flattened elements ``l * n_sc + k``; a row is an OFDM symbol, ascending.
        gap: pilots ``gap - 1`` and ``gap`` of a row are no neighbours, as the empty DC subcarrier lies between them; 0
            for none.

    Raises:
        ValueError: an element outside the grid, or a gap outside a row.
    """

    def __init__(self, n_symb: int, n_sc: int, index: ArrayLike, gap: int = 0) -> None: ...
    @property
    def partners(self) -> tuple[int, ...]:
        """For each row the next one on the same subcarriers, or -1."""

    def turns(self, grid: NDArray[np.complex64], reference: NDArray[np.complex64]) -> tuple[complex, float, complex]:
        """How the channel p = received times the conjugate of sent turns, summed over antennas and rows.

        Args:
            grid: complex64 (n_rx, n_symb, n_sc), C-contiguous.
            reference: what was sent, of unit power, complex64 (n_rows, n_pilots), C-contiguous.

        Returns:
            Sum of conj(p[m]) p[m + 1] over neighbours in a row, sum of those pairs' mean power, and sum of conj(p) p'
            over the pilots of rows and of their partners.

        Raises:
            ValueError: another shape or dtype, or arrays that are not contiguous.
        """
