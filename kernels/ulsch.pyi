"""Channel interleaver of the UL-SCH as a gather of modulation symbols (TS 36.212 5.2.2.8)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

def gather_bits(source: NDArray[np.uint8], index: ArrayLike, q_m: int) -> NDArray[np.uint8]:
    """Groups of q_m bits, one a modulation symbol, in the order of an index.

    Args:
        source: uint8 (n * q_m,).
        index: integers (m,), group of the source for each group of the result; zeros go where it is negative.
        q_m: bits a modulation symbol: 2, 4 or 6.

    Returns:
        Uint8 (m * q_m,).

    Raises:
        ValueError: q_m, dtypes or shapes, or an index that reaches beyond the source.
    """

def gather_llr(source: NDArray[np.int16], index: ArrayLike, q_m: int) -> NDArray[np.int16]:
    """The same for soft bits int16."""

class PuschSender:
    """Sender of PUSCHs of one width: interleaver, scrambling, mapper, DFT and mapping to the grid in one call.

    Threads may share an object.

    Args:
        m: subcarriers, 12 * 2^a * 3^b * 5^c.

    Raises:
        ValueError: another number.
    """

    m: int
    def __init__(self, m: int) -> None: ...
    def send(
        self,
        coded: NDArray[np.uint8],
        source: NDArray[np.int32],
        q_m: int,
        scrambling: NDArray[np.uint64],
        r: NDArray[np.complex64],
        starts: tuple[int, int],
        symbols: Sequence[int],
        pilots: tuple[int, int],
        grid: NDArray[np.complex64],
        *,
        placeholders: bool = False,
        amplitude: float = 1.0,
    ) -> None:
        """Write a PUSCH and its reference signal into a grid.

        Args:
            coded: uint8 (n * q_m,) coded bits; with `placeholders` also 2 for x and 3 for y of TS 36.212 5.2.2.6.
            source: int32 (len(symbols) * m,), which group of q_m coded bits each modulation symbol carries; -1: zeros.
            q_m: bits a symbol: 2, 4 or 6.
            scrambling: packed scrambling sequence.
            r: C-contiguous complex64 (2, m), reference signal by slot.
            starts: first subcarrier by slot.
            symbols: SC-FDMA symbols that carry data.
            pilots: those that carry the reference signal, by slot.
            grid: C-contiguous complex64 (n_symb, n_sc), written in place.
            placeholders: whether there are any.
            amplitude: factor of everything.

        Raises:
            ValueError: sizes, places or symbols that do not fit.
        """
