"""Control region of a downlink subframe: PCFICH, PDCCH and PHICH from grid and channel estimate in one call."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

class ControlRegions:
    """The control regions that one subframe of a cell may have (TS 36.211 6.7-6.9). Threads may share an object.

    Args:
        n_ports: 1, 2 or 4; with more than one, transmit diversity.
        n_symb: OFDM symbols of a grid.
        n_sc: its subcarriers.
        cfis: up to four control format indicators to decide among.
        pcfich: int32 (16,) resource elements of the PCFICH.
        codewords: uint8 (n_cfis, 32) of the CFIs.
        pcfich_scrambling: 32 bits, the first one least significant.
        pdcch: for each CFI the int32 (36 n_cce,) resource elements of its CCEs.
        scrambling: uint64 words of the PDCCHs' scrambling sequence, the first bit least significant.
        phich: int32 (n_units, 12) resource elements of the PHICH mapping units.
        n_sf: the PHICH's spreading factor, 2 or 4.
        silent_power: a CCE counts as silent whose power is less than this
        silent_noise: and this times its noise.

    Attributes:
        cfis: as given.

    Raises:
        ValueError: tables that do not fit, or resource elements outside the grid.
    """

    cfis: tuple[int, ...]
    def __init__(
        self,
        *,
        n_ports: int,
        n_symb: int,
        n_sc: int,
        cfis: Sequence[int],
        pcfich: ArrayLike,
        codewords: ArrayLike,
        pcfich_scrambling: int,
        pdcch: Sequence[ArrayLike],
        scrambling: ArrayLike,
        phich: ArrayLike,
        n_sf: int,
        silent_power: float = 0.0,
        silent_noise: float = 0.0,
    ) -> None: ...
    def decode(
        self, grid: NDArray[np.complex64], h: NDArray[np.complex64], noise_var: float
    ) -> tuple[int, float, NDArray[np.int16], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """PCFICH, and the soft bits of the PDCCHs under the CFI that it gives.

        Args:
            grid: complex64 (n_rx, n_symb, n_sc), C-contiguous.
            h: complex64 (n_rx, n_ports, n_symb, n_sc), C-contiguous.
            noise_var: noise power of an element and receive antenna.

        Returns:
            ``(cfi, quality, llr, energy, noise, silent)``: the CFI and the share 0..1 of its soft bits' weight that
            agrees; int16 (72 n_cce,) descrambled soft bits; float32 (n_cce,) mean power of each CCE's symbols; float32
            (n_cce,) the part of it that noise is expected to give; bool (n_cce,) which CCEs are silent.

        Raises:
            ValueError: another shape or dtype, arrays that are not contiguous, or a noise_var that is negative or not
                finite.
        """

    def phich(
        self,
        grid: NDArray[np.complex64],
        h: NDArray[np.complex64],
        noise_var: float,
        units: NDArray[np.int32],
        replicas: NDArray[np.complex64],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """De-spread some PHICHs.

        Args:
            grid: as `decode`.
            h: as `decode`.
            noise_var: as `decode`.
            units: int32 (n,) mapping unit of each.
            replicas: complex64 (n, 12) what a HARQ indicator of 0 looks like on its unit.

        Returns:
            float32 (n,) amplitudes, positive for a HARQ indicator of 1, +-1 at the power of the reference signals; and
            float32 (n,) their power over that of their noise.

        Raises:
            ValueError: as `decode`, or a unit that does not exist.
        """
