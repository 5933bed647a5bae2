"""Spatial multiplexing written out from TS 36.211 6.3.3.2 and 6.3.4.2, a symbol at a time, and receivers for it."""

from cmath import exp, pi
from collections.abc import Callable, Sequence
from itertools import product
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from support.oracle_pdsch import modulate

J = 1j
Matrix = NDArray[np.complex128]

TWO_PORTS = {
    1: [[[1], [1]], [[1], [-1]], [[1], [J]], [[1], [-J]]],
    2: [[[1, 0], [0, 1]], [[1, 1], [1, -1]], [[1, 1], [J, -J]]],
}
"""Table 6.3.4.2.3-1 without its factors, which make every precoder's power one."""


def layer_map(words: Sequence[Sequence[complex]], n_layers: int) -> list[list[complex]]:
    """Table 6.3.3.2-1, row by row."""
    d0 = list(words[0])
    d1 = list(words[1]) if len(words) == 2 else []
    match (len(words), n_layers):
        case (1, 1):
            return [d0]
        case (1, 2):
            return [[d0[2 * i] for i in range(len(d0) // 2)], [d0[2 * i + 1] for i in range(len(d0) // 2)]]
        case (2, 2):
            return [d0, d1]
        case (2, 3):
            return [d0, [d1[2 * i] for i in range(len(d0))], [d1[2 * i + 1] for i in range(len(d0))]]
        case (2, 4):
            n = len(d0) // 2
            return [[d[2 * i + odd] for i in range(n)] for d in (d0, d1) for odd in (0, 1)]
    raise AssertionError((len(words), n_layers))


def householder(u: Sequence[complex], columns: Sequence[int]) -> Matrix:
    """Columns, counted from 1, of I - 2 u u^H / u^H u, divided by the root of their number."""
    v = np.array(u, complex).reshape(4, 1)
    w = np.eye(4) - 2 * (v @ v.conj().T) / (v.conj().T @ v)
    return np.asarray(w[:, [c - 1 for c in columns]] / sqrt(len(columns)), complex)


OPEN_LOOP_FOUR_PORTS = {
    # index: u, and columns for 2, 3 and 4 layers (Table 6.3.4.2.3-2)
    12: ([1, -1, -1, 1], [1, 2], [1, 2, 3], [1, 2, 3, 4]),
    13: ([1, -1, 1, -1], [1, 3], [1, 2, 3], [1, 3, 2, 4]),
    14: ([1, 1, -1, -1], [1, 3], [1, 2, 3], [3, 2, 1, 4]),
    15: ([1, 1, 1, 1], [1, 2], [1, 2, 3], [1, 2, 3, 4]),
}


def delay_diversity(i: int, n_ports: int, n_layers: int) -> Matrix:
    """W(i) D(i) U of symbol i (Table 6.3.4.2.2-1)."""
    n = n_layers
    u = np.array([[exp(-2j * pi * row * column / n) for column in range(n)] for row in range(n)]) / sqrt(n)
    d = np.diag([exp(-2j * pi * i * layer / n) for layer in range(n)])
    if n_ports == 2:
        w = np.eye(2) / sqrt(2)
    else:
        entry = OPEN_LOOP_FOUR_PORTS[12 + (i // n) % 4]
        w = householder(entry[0], entry[n_layers - 1])
    return np.asarray(w @ d @ u, complex)


def precode(layers: Sequence[Sequence[complex]], precoder: Callable[[int], Matrix]) -> Matrix:
    """What each port sends: (n_ports, n)."""
    n = len(layers[0])
    return np.array([precoder(i) @ np.array([layer[i] for layer in layers]) for i in range(n)]).T


def mmse(y: Matrix, h: Matrix, noise_var: float) -> tuple[Matrix, NDArray[np.float64]]:
    """Unbiased linear MMSE: y (n_rx, n), h (n, n_rx, n_layers) with precoding; symbols and noise (n_layers, n)."""
    n, n_rx, n_layers = h.shape
    x, var = np.empty((n_layers, n), complex), np.empty((n_layers, n))
    for i in range(n):
        for layer in range(n_layers):
            mine = h[i][:, layer]
            rest = np.delete(h[i], layer, axis=1)
            weights = np.linalg.solve(rest @ rest.conj().T + noise_var * np.eye(n_rx), mine)
            gain = np.vdot(mine, weights).real
            x[layer, i] = np.vdot(weights, y[:, i]) / gain
            var[layer, i] = 1 / gain
    return x, var


def joint_llrs(y: Matrix, h: Matrix, noise_var: float, q_m: tuple[int, int]) -> list[NDArray[np.float64]]:
    """Max-log ln P(0)/P(1) of two layers' bits over every pair of symbols, an array (n, q_m) for each layer."""
    words = [list(product((0, 1), repeat=q)) for q in q_m]
    points = [np.array([modulate(word, q)[0] for word in of_layer]) for of_layer, q in zip(words, q_m, strict=True)]
    found: list[NDArray[np.float64]] = [np.empty((len(h), q)) for q in q_m]
    for i, seen in enumerate(h):
        pairs = seen[:, 0, None, None] * points[0][:, None] + seen[:, 1, None, None] * points[1][None, :]
        distance = np.sum(np.abs(y[:, i, None, None] - pairs) ** 2, axis=0) / noise_var
        for layer, least in enumerate((distance.min(axis=1), distance.min(axis=0))):
            bits = np.array(words[layer])
            for k in range(q_m[layer]):
                found[layer][i, k] = least[bits[:, k] == 1].min() - least[bits[:, k] == 0].min()
    return found
