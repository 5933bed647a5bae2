"""Synchronisation signals and a whole downlink at 1.92 Msps, element by element from TS 36.211 6.11 and 6.12."""

import cmath
import csv
import math
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte import frame, sync
from picocell.phy.lte.cell import Cell, CyclicPrefix


def table(name: str) -> list[dict[str, str]]:
    """A table of the standard, read without the package's own reader."""
    with files("picocell.phy.lte").joinpath("data", name).open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def pss(n_id_2: int) -> list[complex]:
    """TS 36.211 6.11.1.1."""
    u = int(table("36211_6.11.1.1-1_pss_root.csv")[n_id_2]["u"])
    d = []
    for n in range(62):
        if n <= 30:
            d.append(cmath.exp(-1j * math.pi * u * n * (n + 1) / 63))
        else:
            d.append(cmath.exp(-1j * math.pi * u * (n + 1) * (n + 2) / 63))
    return d


def sss(pci: int, subframe: int) -> list[int]:
    """TS 36.211 6.11.2.1."""
    n_id_1, n_id_2 = divmod(pci, 3)
    row = table("36211_6.11.2.1-1_sss_m0_m1.csv")[n_id_1]
    m0, m1 = int(row["m0"]), int(row["m1"])
    x_s, x_c, x_z = [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]
    for i in range(26):
        x_s.append((x_s[i + 2] + x_s[i]) % 2)
        x_c.append((x_c[i + 3] + x_c[i]) % 2)
        x_z.append((x_z[i + 4] + x_z[i + 2] + x_z[i + 1] + x_z[i]) % 2)
    s, c, z = ([1 - 2 * b for b in x] for x in (x_s, x_c, x_z))
    d = []
    for n in range(31):
        s0, s1 = s[(n + m0) % 31], s[(n + m1) % 31]
        c0, c1 = c[(n + n_id_2) % 31], c[(n + n_id_2 + 3) % 31]
        z0, z1 = z[(n + m0 % 8) % 31], z[(n + m1 % 8) % 31]
        if subframe == 0:
            d += [s0 * c0, s1 * c1 * z0]
        else:
            d += [s1 * c0, s0 * c1 * z1]
    return d


def gold(c_init: int, n: int) -> list[int]:
    """TS 36.211 7.2."""
    x1, x2 = [1] + 30 * [0], [c_init >> i & 1 for i in range(31)]
    for i in range(1600 + n - 31):
        x1.append(x1[i + 3] ^ x1[i])
        x2.append(x2[i + 3] ^ x2[i + 2] ^ x2[i + 1] ^ x2[i])
    return [a ^ b for a, b in zip(x1[1600:], x2[1600:], strict=True)][:n]


@cache
def reference_signals(cell: Cell, subframe: int) -> list[tuple[int, int, complex]]:
    """Symbol, subcarrier and value of port 0's reference signals in 6 PRB (TS 36.211 6.10.1)."""
    elements = []
    n_cp = 1 if cell.cp is CyclicPrefix.NORMAL else 0
    for slot in (0, 1):
        for l, v in ((0, 0), (cell.n_symb_slot - 3, 3)):
            n_s = 2 * subframe + slot
            c = gold(2**10 * (7 * (n_s + 1) + l + 1) * (2 * cell.pci + 1) + 2 * cell.pci + n_cp, 4 * 110)
            for m in range(12):
                i = m + 110 - 6
                r = ((1 - 2 * c[2 * i]) + 1j * (1 - 2 * c[2 * i + 1])) / math.sqrt(2)
                elements.append((slot * cell.n_symb_slot + l, 6 * m + (v + cell.pci % 6) % 6, r))
    return elements


def downlink(cell: Cell, n_subframes: int, rng: np.random.Generator, load: float = 1.0) -> NDArray[np.complex128]:
    """A 6 PRB downlink: synchronisation and port 0 reference signals, QPSK in a share ``load`` of the other elements.

    Every element that is sent has unit power.
    """
    pieces = []
    for subframe in range(n_subframes):
        grid = np.exp(0.5j * np.pi * (rng.integers(0, 4, (1, cell.n_symb, 72)) + 0.5)).astype(np.complex64)
        grid *= rng.random(grid.shape) < load
        for symbol, k, value in reference_signals(cell, subframe % 10):
            grid[0, symbol, k] = value
        sync.map(cell, subframe % 10, grid)
        pieces.append(ofdm(grid[0], cell.cp))
    return np.concatenate(pieces)


def ofdm(grid: NDArray[np.complex64], cp: CyclicPrefix) -> NDArray[np.complex128]:
    """TS 36.211 6.12 with 128 points, unitary."""
    bins = np.zeros((len(grid), 128), np.complex128)
    bins[:, -36:], bins[:, 1:37] = grid[:, :36], grid[:, 36:]
    symbols = np.fft.ifft(bins, axis=1) * np.sqrt(128)
    prefixes = 2 * frame.cp_lengths(128, cp)
    return np.concatenate([np.r_[s[-p:], s] for s, p in zip(symbols, prefixes, strict=True)])


def noise(rng: np.random.Generator, shape: tuple[int, ...], power: float = 1.0) -> NDArray[np.complex128]:
    """White complex Gaussian noise."""
    return np.asarray(np.sqrt(power / 2) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)))


def received(
    cell: Cell, offset: float, cfo_hz: float, snr_db: float, rng: np.random.Generator, n: int = 76_800
) -> NDArray[np.complex64]:
    """``n`` samples of a cell whose frame starts at sample ``offset`` (fractional, 0..19200), through noise."""
    signal = downlink(cell, -(-(n + 19_200) // 19_200) * 10, rng)
    whole = int(np.ceil(offset))
    turn = np.exp(2j * np.pi * np.fft.fftfreq(len(signal)) * (whole - offset))
    signal = np.fft.ifft(np.fft.fft(signal) * turn)[(19_200 - whole) % 19_200 :][:n]
    signal = signal * np.exp(2j * np.pi * (cfo_hz / 1.92e6 * np.arange(n) + rng.random()))
    return (signal + noise(rng, (n,), 10 ** (-snr_db / 10))).astype(np.complex64)
