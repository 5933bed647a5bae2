"""Transmit diversity as the matrix products of TS 36.211 6.3.3.3 and 6.3.4.3, and the receiver that inverts them."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

J = 1j

TWO_PORTS = [
    [1, 0, J, 0],
    [0, -1, 0, J],
    [0, 1, 0, J],
    [1, 0, -J, 0],
]
"""Rows y(0)(2i), y(1)(2i), y(0)(2i+1), y(1)(2i+1) from Re x(0), Re x(1), Im x(0), Im x(1)."""

FOUR_PORTS = [
    [1, 0, 0, 0, J, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, -1, 0, 0, 0, J, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 0, 0, 0, J, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, -J, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0, J, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, -1, 0, 0, 0, J],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 1, 0, 0, 0, J],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0, -J, 0],
]
"""Rows y(0..3)(4i), y(0..3)(4i+1), ... from Re x(0..3), Im x(0..3)."""


def transmit_diversity(d: list[complex], n_ports: int) -> list[list[complex]]:
    """What each port sends, one list a port."""
    if n_ports == 1:
        return [list(d)]
    n_symb = len(d)
    padded = [*d, 0j, 0j] if n_ports == 4 and n_symb % 4 else d
    layers = [padded[layer::n_ports] for layer in range(n_ports)]
    matrix = np.array(TWO_PORTS if n_ports == 2 else FOUR_PORTS) / sqrt(2)
    ports: list[list[complex]] = [[] for _ in range(n_ports)]
    for i in range(len(layers[0])):
        x = [layer[i] for layer in layers]
        y = matrix @ np.array([value.real for value in x] + [value.imag for value in x])
        for row, value in enumerate(y):
            ports[row % n_ports].append(complex(value))
    n_sent = len(layers[0]) * n_ports - (2 if n_ports == 4 and n_symb % 4 else 0)
    return [port[:n_sent] for port in ports]


def equalise(
    y: NDArray[np.complex128], h: NDArray[np.complex128], noise_var: float
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Unbiased linear MMSE receiver built from the transmitter above, by probing it with unit symbols.

    Args:
        y: (n_rx, n) received resource elements in the order of mapping.
        h: (n_rx, n_ports, n) channel.
        noise_var: noise power.

    Returns:
        Symbols (n,) and their noise powers (n,).
    """
    _, n_ports, n = h.shape
    x, var = np.empty(n, complex), np.empty(n)
    for pair in range(0, n, 2):
        columns = []
        for unit in (1, 1j):
            for place in range(2):
                d = [0j] * n
                d[pair + place] = complex(unit)
                sent = np.array(transmit_diversity(d, n_ports))
                seen = np.sum(h * sent, axis=1)[:, pair : pair + 2].ravel()
                columns.append(np.concatenate([seen.real, seen.imag]))
        a = np.array(columns).T
        received = y[:, pair : pair + 2].ravel()
        # real-valued model: each part of a symbol has power 1/2, each part of the noise noise_var / 2
        inverse = np.linalg.inv(a.T @ a + noise_var * np.eye(4))
        estimate = inverse @ a.T @ np.concatenate([received.real, received.imag])
        mu = np.diag(inverse @ a.T @ a)
        estimate = estimate / mu
        x[pair : pair + 2] = estimate[:2] + 1j * estimate[2:]
        var[pair : pair + 2] = (1 - mu[:2]) / mu[:2]
    return x, var
