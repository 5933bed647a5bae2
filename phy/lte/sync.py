"""Synchronisation signals: the primary and the secondary one, and their place in the grid (TS 36.211 6.11)."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte import frame
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.tables import rows

LENGTH: Final = 62
"""Resource elements of a synchronisation signal: 31 on each side of DC."""

_M_SEQUENCE: Final = 31
_TAPS_S: Final = (2, 0)
_TAPS_C: Final = (3, 0)
_TAPS_Z: Final = (4, 2, 1, 0)


@cache
def pss(n_id_2: int) -> NDArray[np.complex64]:
    """Primary synchronisation signal d(0..61) (TS 36.211 6.11.1.1).

    Args:
        n_id_2: identity in the group N_ID^(2), 0..2.

    Returns:
        complex64 ``(62,)`` of unit magnitude; read-only, as it is shared by all callers.

    Raises:
        ValueError: an identity that does not exist.
    """
    if not 0 <= n_id_2 <= 2:
        raise ValueError(f"n_id_2 {n_id_2} is outside 0..2")
    root = int(rows("36211_6.11.1.1-1_pss_root")[n_id_2]["u"])
    n = np.arange(LENGTH)
    # the 32nd element of the Zadoff-Chu sequence falls on DC and is left out
    exponent = np.where(n < LENGTH // 2, n * (n + 1), (n + 1) * (n + 2))
    signal = np.exp(-1j * np.pi * root * exponent / 63).astype(np.complex64)
    signal.setflags(write=False)
    return signal


@cache
def sss(pci: int, subframe: int) -> NDArray[np.float32]:
    """Secondary synchronisation signal d(0..61) of subframe 0 or 5 (TS 36.211 6.11.2.1).

    Args:
        pci: physical-layer cell identity, 0..503.
        subframe: 0 or 5.

    Returns:
        float32 ``(62,)`` of +1 and -1; read-only, as it is shared by all callers.

    Raises:
        ValueError: an identity or a subframe that has no such signal.
    """
    if not 0 <= pci <= 503:
        raise ValueError(f"pci {pci} is outside 0..503")
    if not frame.has_sss(subframe):
        raise ValueError(f"subframe {subframe} has no secondary synchronisation signal: use 0 or 5")
    n_id_1, n_id_2 = divmod(pci, 3)
    row = rows("36211_6.11.2.1-1_sss_m0_m1")[n_id_1]
    m0, m1 = int(row["m0"]), int(row["m1"])
    first, second = (m0, m1) if subframe == 0 else (m1, m0)
    s, c, z = _m_sequence(_TAPS_S), _m_sequence(_TAPS_C), _m_sequence(_TAPS_Z)
    signal = np.empty(LENGTH, np.float32)
    signal[0::2] = np.roll(s, -first) * np.roll(c, -n_id_2)
    signal[1::2] = np.roll(s, -second) * np.roll(c, -n_id_2 - 3) * np.roll(z, -(first % 8))
    signal.setflags(write=False)
    return signal


def subcarriers(n_sc: int) -> slice:
    """The 62 central subcarriers k = n - 31 + n_sc / 2 of a grid of ``n_sc`` (TS 36.211 6.11.1.2, 6.11.2.2)."""
    return slice(n_sc // 2 - LENGTH // 2, n_sc // 2 + LENGTH // 2)


def map(cell: Cell, subframe: int, grid: NDArray[np.complex64]) -> None:
    """Write the synchronisation signals of a subframe into its grid, on antenna port 0 (TS 36.211 6.11.1.2, 6.11.2.2).

    The five elements on each side that the clauses reserve are set to zero on every port, and so are the signals'
    elements on the other ports. Nothing is written in a subframe without synchronisation signals.

    Args:
        cell: the cell.
        subframe: 0..9.
        grid: complex64 ``(n_ports, n_symb, n_sc)``, changed in place.

    Raises:
        ValueError: a grid of another shape.
    """
    if grid.ndim != 3 or grid.shape[1:] != (cell.n_symb, cell.n_sc):
        raise ValueError(f"grid of shape {grid.shape} does not fit: (n_ports, {cell.n_symb}, {cell.n_sc}) is needed")
    if frame.has_pss(cell, subframe):
        _place(grid, frame.pss_symbol(cell), pss(cell.n_id_2))
    if frame.has_sss(subframe):
        _place(grid, frame.sss_symbol(cell), sss(cell.pci, subframe))


def _place(grid: NDArray[np.complex64], symbol: int, signal: NDArray[np.complex64] | NDArray[np.float32]) -> None:
    """Write one signal and its ten reserved elements."""
    centre = grid.shape[2] // 2
    grid[:, symbol, centre - 36 : centre + 36] = 0
    grid[0, symbol, subcarriers(grid.shape[2])] = signal


@cache
def _m_sequence(taps: tuple[int, ...]) -> NDArray[np.float32]:
    """1 - 2 x(i), x(i + 5) = sum of x(i + tap) mod 2, started with 0, 0, 0, 0, 1 (TS 36.211 6.11.2.1)."""
    x = [0, 0, 0, 0, 1]
    while len(x) < _M_SEQUENCE:
        i = len(x) - 5
        x.append(sum(x[i + tap] for tap in taps) % 2)
    return 1 - 2 * np.array(x, np.float32)
