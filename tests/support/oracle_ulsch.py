"""UL-SCH, control on PUSCH and hopping in plain loops, from TS 36.211 5.3, TS 36.212 5.2.2 and TS 36.213 8.4."""

import csv
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from support.oracle_crs import gold
from support.oracle_pbch import convolutional
from support.oracle_pbch import rate_match as conv_rate_match
from support.oracle_pdsch import modulate, scrambling
from support.oracle_turbo import crc, segment, transport_block

Coded = int | str
"""A coded bit, or the placeholder "x" or "y"."""

BLOCKS = {
    (1, 2): "o0 y",
    (1, 4): "o0 y x x",
    (1, 6): "o0 y x x x x",
    (2, 2): "o0 o1 o2 o0 o1 o2",
    (2, 4): "o0 o1 x x o2 o0 x x o1 o2 x x",
    (2, 6): "o0 o1 x x x x o2 o0 x x x x o1 o2 x x x x",
}
"""TS 36.212 Tables 5.2.2.6-1 to 5.2.2.6-4, by bits and Q_m."""

RI_SETS = {False: {1, 4, 7, 10}, True: {0, 3, 5, 8}}
ACK_SETS = {False: {2, 3, 8, 9}, True: {1, 2, 6, 7}}


def basis(name: str) -> list[list[int]]:
    """Basis sequences M(i, n) of a block code."""
    text = files("picocell.phy.lte").joinpath("data", f"{name}.csv").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [[int(v) for key, v in row.items() if key != "i"] for row in csv.DictReader(lines)]


def block_32(o: list[int], q: int) -> list[int]:
    """5.2.2.6.4: b_i by the sum of basis sequences, then circular repetition."""
    m = basis("36212_5.2.2.6.4-1_rm32_basis")
    b = [sum(o[n] * m[i][n] for n in range(len(o))) % 2 for i in range(32)]
    return [b[i % 32] for i in range(q)]


def block_20(a: list[int]) -> list[int]:
    """5.2.3.3."""
    m = basis("36212_5.2.3.3-1_rm20_basis")
    return [sum(a[n] * m[i][n] for n in range(len(a))) % 2 for i in range(20)]


def acknowledgement(o: list[int], q_m: int, q: int) -> list[Coded]:
    """HARQ-ACK or RI of 5.2.2.6, q coded bits."""
    if len(o) > 2:
        return list(block_32(o, q))
    values: dict[str, Coded] = {"o0": o[0], "x": "x", "y": "y"}
    if len(o) == 2:
        values |= {"o1": o[1], "o2": (o[0] + o[1]) % 2}
    block = [values[name] for name in BLOCKS[len(o), q_m].split()]
    out: list[Coded] = []
    while len(out) < q:
        out += block
    return out[:q]


def report(o: list[int], q: int) -> list[int]:
    """CQI/PMI of 5.2.2.6.4."""
    if len(o) <= 11:
        return block_32(o, q)
    return conv_rate_match(convolutional(o + crc(o, "8")), q)


@dataclass(frozen=True)
class Pusch:
    """Everything on which the coded bits depend."""

    n_prb: int
    q_m: int
    tbs: int
    extended_cp: bool = False
    srs: bool = False
    rv: int = 0
    initial_n_prb: int | None = None
    initial_n_symb: int | None = None
    beta_ack: Fraction = Fraction(20)
    beta_ri: Fraction = Fraction(20)
    beta_cqi: Fraction = Fraction(25, 4)
    n_cqi_rank_1: int = 0

    @property
    def m_sc(self) -> int:
        return 12 * self.n_prb

    @property
    def n_symb(self) -> int:
        return 2 * ((6 if self.extended_cp else 7) - 1) - int(self.srs)


def shares(p: Pusch, n_ack: int, n_ri: int, n_cqi: int) -> tuple[int, int, int, int]:
    """Q'_ACK, Q'_RI, Q'_CQI and the coded bits G of the UL-SCH (5.2.2.6, 5.2.4.1)."""
    check = 8 if n_cqi > 11 else 0
    if p.tbs == 0:
        o_min = p.n_cqi_rank_1 + (8 if p.n_cqi_rank_1 > 11 else 0)
        scale = Fraction(p.m_sc * p.n_symb, o_min)
        q_ack = min(ceil(n_ack * scale * p.beta_ack / p.beta_cqi), 4 * p.m_sc)
        q_ri = min(ceil(n_ri * scale * p.beta_ri / p.beta_cqi), 4 * p.m_sc)
        return q_ack, q_ri, p.n_symb * p.m_sc - q_ri, 0
    k_sum = sum(len(block) for block in segment([0] * (p.tbs + 24)))
    m_initial = 12 * (p.initial_n_prb or p.n_prb)
    scale = Fraction(m_initial * (p.initial_n_symb or p.n_symb), k_sum)
    q_ack = min(ceil(n_ack * scale * p.beta_ack), 4 * p.m_sc)
    q_ri = min(ceil(n_ri * scale * p.beta_ri), 4 * p.m_sc)
    q_cqi = min(ceil((n_cqi + check) * scale * p.beta_cqi), p.m_sc * p.n_symb - q_ri) if n_cqi else 0
    return q_ack, q_ri, q_cqi, (p.m_sc * p.n_symb - q_ri - q_cqi) * p.q_m


def interleaved(p: Pusch, g: list[list[Coded]], ri: list[list[Coded]], ack: list[list[Coded]]) -> list[Coded]:
    """Channel interleaver of 5.2.2.8: vectors of Q_m bits into a matrix by rows, out by columns."""
    c_mux = p.n_symb
    r_mux = (len(g) + len(ri)) // c_mux
    y: list[list[Coded] | None] = [None] * (r_mux * c_mux)

    def column_set(sets: dict[bool, set[int]]) -> list[int]:
        return sorted(sets[p.extended_cp])

    i, j, r = 0, 0, r_mux - 1
    while i < len(ri):
        y[r * c_mux + column_set(RI_SETS)[j]] = ri[i]
        i += 1
        r = r_mux - 1 - floor(i / 4)
        j = (j + 3) % 4
    i, k = 0, 0
    while k < len(g):
        if y[i] is None:
            y[i] = g[k]
            k += 1
        i += 1
    i, j, r = 0, 0, r_mux - 1
    while i < len(ack):
        y[r * c_mux + column_set(ACK_SETS)[j]] = ack[i]
        i += 1
        r = r_mux - 1 - floor(i / 4)
        j = (j + 3) % 4
    out: list[Coded] = []
    for column in range(c_mux):
        for row in range(r_mux):
            vector = y[row * c_mux + column]
            assert vector is not None
            out += vector
    return out


def vectors(bits: list[Coded], q_m: int) -> list[list[Coded]]:
    """Column vectors of Q_m bits."""
    return [bits[i : i + q_m] for i in range(0, len(bits), q_m)]


def coded_bits(p: Pusch, payload: bytes, ack: list[int], ri: list[int], cqi: list[int]) -> list[Coded]:
    """h_0, h_1, … of 5.2.2 or 5.2.4."""
    q_ack, q_ri, q_cqi, g = shares(p, len(ack), len(ri), len(cqi))
    control: list[Coded] = list(report(cqi, q_cqi * p.q_m)) if cqi else []
    data: list[Coded] = list(transport_block(payload, g, p.q_m, 1, p.rv, None)) if p.tbs else []
    return interleaved(
        p,
        vectors(control, p.q_m) + vectors(data, p.q_m),
        vectors(acknowledgement(ri, p.q_m, q_ri * p.q_m), p.q_m) if ri else [],
        vectors(acknowledgement(ack, p.q_m, q_ack * p.q_m), p.q_m) if ack else [],
    )


def scrambled(coded: list[Coded], c: list[int]) -> list[int]:
    """Scrambling with placeholders of TS 36.211 5.3.1."""
    out: list[int] = []
    for i, b in enumerate(coded):
        if b == "x":
            out.append(1)
        elif b == "y":
            out.append(out[i - 1])
        else:
            assert isinstance(b, int)
            out.append((b + c[i]) % 2)
    return out


def resource_elements(
    p: Pusch, coded: list[Coded], rnti: int, subframe: int, pci: int, prb_start: tuple[int, int], n_rb_ul: int
) -> NDArray[np.complex128]:
    """Data of a PUSCH in the grid ``(n_symb, n_sc)``, zero elsewhere (TS 36.211 5.3.1 to 5.3.4)."""
    bits = scrambled(coded, scrambling(rnti, subframe, pci, len(coded)))
    d = modulate(bits, p.q_m)
    per_slot = 6 if p.extended_cp else 7
    grid = np.zeros((2 * per_slot, 12 * n_rb_ul), np.complex128)
    at = 0
    for l in range(2 * per_slot - int(p.srs)):
        if l % per_slot == (2 if p.extended_cp else 3):
            continue
        first = 12 * prb_start[l // per_slot]
        block = d[at * p.m_sc : (at + 1) * p.m_sc]
        for k in range(p.m_sc):
            turn = np.exp(-2j * np.pi * k * np.arange(p.m_sc) / p.m_sc)
            grid[l, first + k] = np.sum(np.array(block) * turn) / np.sqrt(p.m_sc)
        at += 1
    assert at == p.n_symb
    return grid


def type_1_second_slot(n_rb_ul: int, n_ho: int, bits: str, rb_start: int) -> int:
    """n_PRB(i) of TS 36.213 8.4.1 by the hopping bits of Table 8.4-2."""
    offset = n_ho + 1 if n_ho % 2 else n_ho
    n_pusch = n_rb_ul - offset - (n_rb_ul % 2)
    first = rb_start - offset // 2
    moved = {
        "0": n_pusch // 2 + first,
        "00": n_pusch // 4 + first,
        "01": -(n_pusch // 4) + first,
        "10": n_pusch // 2 + first,
    }[bits]
    return moved % n_pusch + offset // 2


def type_2_blocks(
    n_rb_ul: int,
    n_sb: int,
    n_ho: int,
    c_init: int,
    vrbs: list[int],
    n_s: int,
    intra_and_inter: bool,
    current_tx_nb: int,
) -> list[int]:
    """n_PRB(n_s) of each VRB (TS 36.211 5.3.4)."""
    c = gold(c_init, 210)

    def number(i: int) -> int:
        return sum(c[k] * 2 ** (k - (i * 10 + 1)) for k in range(i * 10 + 1, i * 10 + 10))

    def f_hop(i: int) -> int:
        if i == -1 or n_sb == 1:
            return 0
        if n_sb == 2:
            return (f_hop(i - 1) + number(i)) % n_sb
        return (f_hop(i - 1) + number(i) % (n_sb - 1) + 1) % n_sb

    i = n_s if intra_and_inter else n_s // 2
    if n_sb == 1:
        f_m = i % 2 if intra_and_inter else current_tx_nb % 2
        n_rb_sb = n_rb_ul
    else:
        f_m = c[i * 10]
        n_rb_sb = (n_rb_ul - n_ho - n_ho % 2) // n_sb
    out = []
    for n_vrb in vrbs:
        tilde = n_vrb if n_sb == 1 else n_vrb - ceil(n_ho / 2)
        place = (tilde + f_hop(i) * n_rb_sb + ((n_rb_sb - 1) - 2 * (tilde % n_rb_sb)) * f_m) % (n_rb_sb * n_sb)
        out.append(place if n_sb == 1 else place + ceil(n_ho / 2))
    return out
