"""Transform precoding of SC-FDMA (TS 36.211 5.3.3)."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.dft import Dft
from picocell.phy.lte.cell import N_SC_RB

MAX_PRB: Final = 110
"""N_RB^max,UL (TS 36.211 6.2.1)."""


@cache
def allowed_n_prb(n_prb: int = MAX_PRB) -> tuple[int, ...]:
    """Numbers of resource blocks a PUSCH may have, up to `n_prb`: 2^a 3^b 5^c (TS 36.211 5.3.3)."""
    return tuple(n for n in range(1, n_prb + 1) if pow(30, 8, n) == 0)


@cache
def _dft(m_sc: int) -> Dft:
    if m_sc % N_SC_RB or m_sc // N_SC_RB not in allowed_n_prb():
        raise ValueError(f"{m_sc} subcarriers are not allowed: use 12 * 2^a * 3^b * 5^c, at most {12 * MAX_PRB}")
    return Dft(m_sc)


def transform_precode(
    symbols: NDArray[np.complex64], out: NDArray[np.complex64] | None = None
) -> NDArray[np.complex64]:
    """Spread modulation symbols over the subcarriers of their SC-FDMA symbol.

    Args:
        symbols: complex64 ``(n_sym, m_sc)`` or ``(m_sc,)``, m_sc = 12 * 2^a * 3^b * 5^c.
        out: complex64 of the same shape to be filled, which may be `symbols`; a new array if None.

    Returns:
        Complex64 of the same shape: the unitary DFT along the last axis.

    Raises:
        ValueError: an m_sc that is not allowed, or an `out` that does not fit.
    """
    return _dft(symbols.shape[-1] if symbols.ndim else 0).forward(symbols, out)


def inverse(subcarriers: NDArray[np.complex64], out: NDArray[np.complex64] | None = None) -> NDArray[np.complex64]:
    """Inverse of `transform_precode`, with the same arguments.

    Raises:
        ValueError: an m_sc that is not allowed, or an `out` that does not fit.
    """
    return _dft(subcarriers.shape[-1] if subcarriers.ndim else 0).inverse(subcarriers, out)
