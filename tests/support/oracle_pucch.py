"""PUCCH written down from TS 36.211 5.4, 5.5.1, 5.5.2.2, 7.2 and TS 36.212 5.2.3.3, one resource element at a time."""

import cmath
import math
from functools import cache
from typing import Final

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.tables import rows
from picocell.phy.lte.uplink_config import PucchConfig, PuschConfig, UplinkConfig

SHARES: Final = ((1, 0), (1, 5), (1, 7), (2, 0), (2, 4), (2, 6), (3, 0), (3, 3), (3, 6))
"""Delta_shift and N_cs^(1)."""


@st.composite
def uplinks(draw: st.DrawFn) -> UplinkConfig:
    """Uplinks with and without a resource block shared by formats 1 and 2."""
    delta, n_cs_1 = draw(st.sampled_from(SHARES))
    return UplinkConfig(
        n_prb=draw(st.sampled_from([6, 15, 25])),
        cp=draw(st.sampled_from(list(CyclicPrefix))),
        pusch=PuschConfig(group_hopping=draw(st.booleans())),
        pucch=PucchConfig(delta_shift=delta, n_rb_2=draw(st.integers(0, 3)), n_cs_1=n_cs_1),
    )


@cache
def gold(c_init: int, n: int) -> tuple[int, ...]:
    """Pseudo-random sequence (TS 36.211 7.2)."""
    x1, x2 = [1] + 30 * [0], [c_init >> i & 1 for i in range(31)]
    for i in range(1600 + n):
        x1.append(x1[i + 3] ^ x1[i])
        x2.append(x2[i + 3] ^ x2[i + 2] ^ x2[i + 1] ^ x2[i])
    return tuple(x1[1600 + i] ^ x2[1600 + i] for i in range(n))


def n_cs_cell(cell: Cell, ul: UplinkConfig, n_s: int, l: int) -> int:
    """Cell-specific cyclic shift (5.4)."""
    n_symb = 7 if ul.cp is CyclicPrefix.NORMAL else 6
    c = gold(cell.pci, 8 * n_symb * 20)
    return sum(c[8 * n_symb * n_s + 8 * l + i] << i for i in range(8))


def base(cell: Cell, ul: UplinkConfig, n_s: int, n: int) -> complex:
    """Base sequence of 12 subcarriers (5.5.1.2), its group by 5.5.1.3."""
    f_gh = 0
    if ul.pusch.group_hopping:
        c = gold(cell.pci // 30, 160)
        f_gh = sum(c[8 * n_s + i] << i for i in range(8)) % 30
    u = (f_gh + cell.pci % 30) % 30
    return cmath.exp(1j * int(rows("36211_5.5.1.2-1_phi_12")[u][f"phi{n}"]) * math.pi / 4)


def ack_symbol(bits: tuple[int, ...]) -> complex:
    """Tables 5.4.1-1 and 5.4.2-1."""
    return {(): 1, (0,): 1, (1,): -1, (0, 0): 1, (0, 1): -1j, (1, 0): 1j, (1, 1): -1}[bits]


def n_prime_1(ul: UplinkConfig, n1: int, odd: bool) -> tuple[int, int]:
    """n'(n_s) and N' of formats 1 (5.4.1)."""
    c = 3 if ul.cp is CyclicPrefix.NORMAL else 2
    delta, n_cs_1 = ul.pucch.delta_shift, ul.pucch.n_cs_1
    shared = c * n_cs_1 // delta
    n_big = n_cs_1 if n1 < shared else 12
    even = n1 if n1 < shared else (n1 - shared) % (c * 12 // delta)
    if not odd:
        return even, n_big
    if n1 >= shared:
        return (c * (even + 1)) % (c * 12 // delta + 1) - 1, n_big
    h = (even + (2 if c == 3 else 0)) % (c * n_big // delta)
    return h // c + (h % c) * n_big // delta, n_big


def n_prime_2(ul: UplinkConfig, n2: int, odd: bool) -> int:
    """n'(n_s) of formats 2 (5.4.2)."""
    if n2 < 12 * ul.pucch.n_rb_2:
        even = n2 % 12
        return (12 * (even + 1)) % 13 - 1 if odd else even
    return (12 - 2 - n2) % 12 if odd else (n2 + ul.pucch.n_cs_1 + 1) % 12


def prb(ul: UplinkConfig, m: int, n_s: int) -> int:
    """5.4.3."""
    return m // 2 if (m + n_s % 2) % 2 == 0 else ul.n_prb - 1 - m // 2


def m_of_1(ul: UplinkConfig, n1: int) -> int:
    """m of formats 1 (5.4.3)."""
    c = 3 if ul.cp is CyclicPrefix.NORMAL else 2
    shared = c * ul.pucch.n_cs_1 // ul.pucch.delta_shift
    if n1 < shared:
        return ul.pucch.n_rb_2
    per_block = c * 12 // ul.pucch.delta_shift
    return (n1 - shared) // per_block + ul.pucch.n_rb_2 + math.ceil(ul.pucch.n_cs_1 / 8)


def _turn(numerator: float, denominator: int) -> complex:
    return cmath.exp(2j * math.pi * numerator / denominator)


def format1(
    cell: Cell, ul: UplinkConfig, subframe: int, n1: int, ack: tuple[int, ...], shortened: bool
) -> NDArray[np.complex64]:
    """Grid of formats 1, 1a, 1b."""
    normal = ul.cp is CyclicPrefix.NORMAL
    n_symb, delta = (7 if normal else 6), ul.pucch.delta_shift
    grid = np.zeros((2 * n_symb, 12 * ul.n_prb), np.complex64)
    for n_s in (2 * subframe, 2 * subframe + 1):
        n_prime, n_big = n_prime_1(ul, n1, n_s % 2 == 1)
        pilots = [2, 3, 4] if normal else [2, 3]
        data = [l for l in range(n_symb) if l not in pilots]
        if shortened and n_s % 2:
            data.remove(n_symb - 1)
        n_oc = n_prime * delta // n_big if normal else 2 * (n_prime * delta // n_big)
        n_oc_bar = n_prime * delta // n_big
        s = 1 if n_prime % 2 == 0 else 1j
        for l in pilots + data:
            if l in data:
                offset = n_oc % delta if normal else n_oc // 2
                i = data.index(l)
                four = [[1, 1, 1, 1], [1, -1, 1, -1], [1, -1, -1, 1]]
                w = four[n_oc][i] if len(data) == 4 else _turn(n_oc * i % 3, 3)
                factor = ack_symbol(ack) * s * w
            else:
                offset = n_oc_bar % delta if normal else n_oc_bar
                i = pilots.index(l)
                factor = _turn(n_oc_bar * i, 3) if normal else [[1, 1], [1, -1]][n_oc_bar][i]
            n_cs = (n_cs_cell(cell, ul, n_s, l) + (n_prime * delta + offset) % n_big) % 12
            for n in range(12):
                k = 12 * prb(ul, m_of_1(ul, n1), n_s) + n
                grid[n_s % 2 * n_symb + l, k] = factor * _turn(n_cs * n, 12) * base(cell, ul, n_s, n)
    return grid


def block_code(bits: tuple[int, ...]) -> list[int]:
    """(20, A) code (TS 36.212 5.2.3.3)."""
    table = rows("36212_5.2.3.3-1_rm20_basis")
    return [sum(bit * int(table[i][f"M{n}"]) for n, bit in enumerate(bits)) % 2 for i in range(20)]


def format2(
    cell: Cell, ul: UplinkConfig, subframe: int, rnti: int, n2: int, report: tuple[int, ...], ack: tuple[int, ...]
) -> NDArray[np.complex64]:
    """Grid of formats 2, 2a, 2b; `ack` is in d(10)."""
    normal = ul.cp is CyclicPrefix.NORMAL
    n_symb = 7 if normal else 6
    c = gold((2 * subframe // 2 + 1) * (2 * cell.pci + 1) * 2**16 + rnti, 20)
    b = [bit ^ c[i] for i, bit in enumerate(block_code(report))]
    d = [((1 - 2 * b[2 * i]) + 1j * (1 - 2 * b[2 * i + 1])) / math.sqrt(2) for i in range(10)]
    grid = np.zeros((2 * n_symb, 12 * ul.n_prb), np.complex64)
    i = 0
    for n_s in (2 * subframe, 2 * subframe + 1):
        pilots = [1, 5] if normal else [3]
        for l in range(n_symb):
            if l in pilots:
                factor = ack_symbol(ack) if l == 5 else 1
            else:
                factor = d[i]
                i += 1
            n_cs = (n_cs_cell(cell, ul, n_s, l) + n_prime_2(ul, n2, n_s % 2 == 1)) % 12
            for n in range(12):
                k = 12 * prb(ul, n2 // 12, n_s) + n
                grid[n_s % 2 * n_symb + l, k] = factor * _turn(n_cs * n, 12) * base(cell, ul, n_s, n)
    return grid


def air(
    grid: NDArray[np.complex64],
    rng: np.random.Generator,
    n_rx: int = 1,
    *,
    delay_s: float = 0.0,
    cfo_hz: float = 0.0,
    power: float = 1.0,
    flat: bool = False,
) -> NDArray[np.complex64]:
    """A UE's grid ``(n_symb, n_sc)`` as received: a gain a slot and antenna (fading or `flat`), delay, offset."""
    n_symb, n_sc = grid.shape
    gain = rng.normal(size=(n_rx, 2, 1, 1, 2)) @ np.array([1, 1j]) / math.sqrt(2)
    if flat:
        gain /= np.abs(gain)
    symbol = np.arange(n_symb)[:, None] * 1e-3 / n_symb
    turns = np.exp(2j * np.pi * (cfo_hz * symbol - 15e3 * delay_s * np.arange(n_sc)))
    received = (gain * grid.reshape(1, 2, n_symb // 2, n_sc)).reshape(n_rx, n_symb, n_sc) * turns
    return (math.sqrt(power) * received).astype(np.complex64)


def noise(shape: tuple[int, ...], power: float, rng: np.random.Generator) -> NDArray[np.complex64]:
    """White noise."""
    return (rng.normal(size=(*shape, 2)) @ np.array([1, 1j]) * math.sqrt(power / 2)).astype(np.complex64)
