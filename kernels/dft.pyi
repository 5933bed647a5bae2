"""Unitary DFTs of the sizes of transform precoding (TS 36.211 5.3.3), many at once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_SIZE: int

class Dft:
    """DFT in single precision of size 12 * 2^a * 3^b * 5^c up to 1320, scaled by 1/sqrt(n).

    Threads may share an object. As many transforms as a vector has lanes (16, 8 or 4) cost as much as one.

    Raises:
        ValueError: any other size.
    """

    n: int
    def __init__(self, n: int) -> None: ...
    def forward(self, x: ArrayLike, out: NDArray[np.complex64] | None = None) -> NDArray[np.complex64]:
        """Transform along the last axis of x (n,) or (m, n); ``out`` may be x itself.

        Raises:
            ValueError: any other shape, or an ``out`` that does not fit.
        """

    def inverse(self, x: ArrayLike, out: NDArray[np.complex64] | None = None) -> NDArray[np.complex64]:
        """Inverse transform along the last axis of x (n,) or (m, n); ``out`` may be x itself.

        Raises:
            ValueError: any other shape, or an ``out`` that does not fit.
        """
