"""Channel interleaver of the UL-SCH as a gather of modulation symbols (TS 36.212 5.2.2.8)."""

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
