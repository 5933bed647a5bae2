"""Placeholders of control information on the PUSCH turned into bits, as plain NumPy."""

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.uci import PLACEHOLDER_X, PLACEHOLDER_Y, packed_bits


def resolve_placeholders(coded: NDArray[np.uint8], scrambling: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Coded bits that the plain scrambling of all bits turns into what TS 36.211 5.3.1 asks for.

    Args:
        coded: uint8 (n,), each ``PLACEHOLDER_Y`` right after the bit that it repeats.
        scrambling: packed scrambling sequence c.

    Returns:
        Uint8 (n,) of 0 and 1.
    """
    out = coded.copy()
    at = np.flatnonzero(coded == PLACEHOLDER_X)
    out[at] = 1 ^ packed_bits(scrambling, at)
    at = np.flatnonzero(coded == PLACEHOLDER_Y)
    out[at] = out[at - 1] ^ packed_bits(scrambling, at - 1) ^ packed_bits(scrambling, at)
    return out
