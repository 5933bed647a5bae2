"""Uplink reference signals in plain loops, written from TS 36.211 5.4, 5.5.1, 5.5.2.1 and 7.2."""

import cmath
import math
from functools import cache

from picocell.phy.lte.tables import rows


@cache
def gold(c_init: int, n: int) -> tuple[int, ...]:
    """c(0) to c(n-1) of TS 36.211 7.2."""
    n_c = 1600
    x1 = [1] + 30 * [0]
    x2 = [c_init >> i & 1 for i in range(31)]
    for i in range(n + n_c - 31):
        x1.append((x1[i + 3] + x1[i]) % 2)
        x2.append((x2[i + 3] + x2[i + 2] + x2[i + 1] + x2[i]) % 2)
    return tuple((x1[i + n_c] + x2[i + n_c]) % 2 for i in range(n))


def _octet(c_init: int, first: int) -> int:
    bits = gold(c_init, 8 * 7 * 20)
    return sum(bits[first + i] << i for i in range(8))


def base_sequence(u: int, v: int, m_sc: int) -> list[complex]:
    """r_u,v(n) of TS 36.211 5.5.1.1 and 5.5.1.2."""
    if m_sc in (12, 24):
        row = rows({12: "36211_5.5.1.2-1_phi_12", 24: "36211_5.5.1.2-2_phi_24"}[m_sc])[u]
        return [cmath.exp(1j * int(row[f"phi{n}"]) * math.pi / 4) for n in range(m_sc)]
    n_zc = max(p for p in range(2, m_sc) if all(p % d for d in range(2, p)))
    q_bar = n_zc * (u + 1) / 31
    q = math.floor(q_bar + 0.5) + v * (-1) ** math.floor(2 * q_bar)
    x = [cmath.exp(-1j * math.pi * (q * m * (m + 1) % (2 * n_zc)) / n_zc) for m in range(n_zc)]
    return [x[n % n_zc] for n in range(m_sc)]


def group(pci: int, delta_ss: int, hopping: bool, n_s: int) -> int:
    """u of TS 36.211 5.5.1.3; delta_ss is 0 for the PUCCH."""
    f_ss = (pci % 30 + delta_ss) % 30
    f_gh = _octet(pci // 30, 8 * n_s) % 30 if hopping else 0
    return (f_gh + f_ss) % 30


def sequence_number(pci: int, delta_ss: int, group_hopping: bool, sequence_hopping: bool, n_s: int, m_sc: int) -> int:
    """v of TS 36.211 5.5.1.4."""
    if m_sc < 72 or group_hopping or not sequence_hopping:
        return 0
    return gold((pci // 30) * 32 + (pci % 30 + delta_ss) % 30, 20)[n_s]


def n_cs_cell(pci: int, n_symb_slot: int, n_s: int, l: int) -> int:
    """Cyclic shift of TS 36.211 5.4."""
    return _octet(pci, 8 * n_symb_slot * n_s + 8 * l)


def n_pn(pci: int, delta_ss: int, n_symb_slot: int, n_s: int) -> int:
    """n_PN of TS 36.211 5.5.2.1.1."""
    return _octet((pci // 30) * 32 + (pci % 30 + delta_ss) % 30, 8 * n_symb_slot * n_s)


def pusch_dmrs(
    pci: int,
    n_s: int,
    n_prb: int,
    field: int,
    *,
    cyclic_shift: int = 0,
    delta_ss: int = 0,
    group_hopping: bool = False,
    sequence_hopping: bool = False,
    n_symb_slot: int = 7,
) -> list[complex]:
    """Reference signal of one slot of the PUSCH (TS 36.211 5.5.2.1.1, one layer, no orthogonal sequence)."""
    m_sc = 12 * n_prb
    n1 = {0: 0, 1: 2, 2: 3, 3: 4, 4: 6, 5: 8, 6: 9, 7: 10}[cyclic_shift]
    n2 = {0: 0, 1: 6, 2: 3, 3: 4, 4: 2, 5: 8, 6: 10, 7: 9}[field]
    n_cs = (n1 + n2 + n_pn(pci, delta_ss, n_symb_slot, n_s)) % 12
    alpha = 2 * math.pi * n_cs / 12
    u = group(pci, delta_ss, group_hopping, n_s)
    v = sequence_number(pci, delta_ss, group_hopping, sequence_hopping, n_s, m_sc)
    return [cmath.exp(1j * alpha * n) * r for n, r in enumerate(base_sequence(u, v, m_sc))]
