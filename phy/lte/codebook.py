"""Precoding matrices of spatial multiplexing (TS 36.211 6.3.4.2).

A precoder is a matrix of ports by layers. Its columns are orthogonal and have the same power, and together power one:
however many layers there are, the ports send the power of one symbol.
"""

from functools import cache
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.tables import rows

C64 = NDArray[np.complex64]

MOST_LAYERS: Final = 4

_TWO_PORTS: Final = "36211_6.3.4.2.3-1_codebook_2port"
_FOUR_PORTS: Final = "36211_6.3.4.2.3-2_codebook_4port"
_SCALES: Final = {"1/sqrt(2)": 1 / sqrt(2), "1/2": 0.5}
_FIRST_OF_CDD: Final = 12
"""Four ports take the codebook's entries from here on by turns (TS 36.211 6.3.4.2.2)."""


def _entry(text: str) -> complex:
    """Number of a table, such as ``-j`` or ``(1-j)/sqrt2``."""
    number, _, divisor = text.partition("/")
    scale = sqrt(2) if divisor == "sqrt2" else 1.0
    cleaned = number.strip("()").replace("j", "1j")
    return complex(cleaned) / scale


def _check(n_ports: int, n_layers: int) -> None:
    if n_ports not in (2, 4):
        raise ValueError(f"n_ports {n_ports} is not allowed: spatial multiplexing has 2 or 4")
    if not 1 <= n_layers <= n_ports:
        raise ValueError(f"{n_layers} layers do not fit {n_ports} ports: use 1..{n_ports}")


@cache
def codebook(n_ports: int, n_layers: int) -> C64:
    """Precoders without delay diversity by codebook index (TS 36.211 Tables 6.3.4.2.3-1, 6.3.4.2.3-2).

    With two ports and two layers entry 0 is for open loop only; closed loop has 1 and 2 (TS 36.213 7.2.4).

    Returns:
        Read-only complex64 (n_entries, n_ports, n_layers).

    Raises:
        ValueError: numbers of ports or layers that have no codebook.
    """
    _check(n_ports, n_layers)
    if n_ports == 2:
        entries: list[NDArray[np.complex128]] = []
        for row in rows(_TWO_PORTS):
            if int(row["layers"]) == n_layers:
                matrix = [[_entry(number) for number in line.split()] for line in row["matrix"].split(";")]
                entries.append(_SCALES[row["scale"]] * np.array(matrix, np.complex128))
    else:
        entries = [_four_ports(row, n_layers) for row in rows(_FOUR_PORTS)]
    return _frozen(np.array(entries))


def _four_ports(row: dict[str, str], n_layers: int) -> NDArray[np.complex128]:
    """Columns of the Householder matrix I - 2 u u^H / u^H u."""
    u = np.array([[_entry(row[f"u{i}"])] for i in range(4)])
    w = np.eye(4) - 2 * u @ u.conj().T / np.vdot(u, u)
    columns = [int(digit) - 1 for digit in row[f"columns_{n_layers}"]]
    return np.asarray(w[:, columns] / sqrt(n_layers), np.complex128)


def closed_loop_entries(n_ports: int, n_layers: int) -> tuple[int, ...]:
    """Codebook indices that a PMI may name (TS 36.211 Table 6.3.4.2.3-1, TS 36.213 7.2.4).

    Raises:
        ValueError: numbers of ports or layers that have no codebook.
    """
    first = 1 if (n_ports, n_layers) == (2, 2) else 0
    return tuple(range(first, len(codebook(n_ports, n_layers))))


@cache
def large_delay_cdd(n_ports: int, n_layers: int) -> C64:
    """Products W(i) D(i) U of large-delay cyclic delay diversity over a period of i (TS 36.211 6.3.4.2.2).

    Returns:
        Read-only complex64 (period, n_ports, n_layers): symbol i has precoder i modulo the period.

    Raises:
        ValueError: fewer than two layers, or numbers of ports or layers that have no codebook.
    """
    _check(n_ports, n_layers)
    if n_layers < 2:
        raise ValueError("large-delay CDD needs 2 layers at least: one is sent with transmit diversity")
    entries = codebook(n_ports, n_layers)
    # D(i) has period n_layers, and with four ports W(i) goes on by one entry of four each n_layers symbols
    period = n_layers if n_ports == 2 else 4 * n_layers
    k = np.arange(n_layers)
    u = np.exp(-2j * np.pi * np.outer(k, k) / n_layers) / sqrt(n_layers)
    found = []
    for i in range(period):
        w = entries[0] if n_ports == 2 else entries[_FIRST_OF_CDD + i // n_layers % 4]
        found.append(w @ np.diag(np.exp(-2j * np.pi * i * k / n_layers)) @ u)
    return _frozen(np.array(found))


def _frozen(matrices: NDArray[np.complex128]) -> C64:
    made = np.ascontiguousarray(matrices, np.complex64)
    made.flags.writeable = False
    return made
