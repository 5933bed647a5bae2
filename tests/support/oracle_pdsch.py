"""The PDSCH written out from the clauses, one element at a time: allocation, mapping, scrambling, modulation."""

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

RBG_SIZE = {6: 1, 15: 2, 25: 2, 50: 3, 75: 4, 100: 4}
N_GAP = {6: (3,), 15: (8,), 25: (12,), 50: (27, 9), 75: (32, 16), 100: (48, 16)}


def dvrb_to_prb(n_prb: int, which_gap: int) -> tuple[list[int], list[int]]:
    """Distributed VRB to PRB for even and odd slots, with the interleaver's rectangle filled in (36.211 6.2.3.2)."""
    n_gap, p = N_GAP[n_prb][which_gap], RBG_SIZE[n_prb]
    if which_gap == 0:
        n_vrb = 2 * min(n_gap, n_prb - n_gap)
        unit = n_vrb
    else:
        n_vrb = n_prb // (2 * n_gap) * 2 * n_gap
        unit = 2 * n_gap
    n_row = ceil(unit / (4 * p)) * p
    n_null = 4 * n_row - unit
    rectangle: list[list[int | None]] = [[None] * 4 for _ in range(n_row)]
    number = 0
    for row in range(n_row):
        for column in range(4):
            if column in (1, 3) and row >= n_row - n_null // 2:
                continue  # a null
            rectangle[row][column] = number
            number += 1
    read = [rectangle[row][column] for column in range(4) for row in range(n_row)]
    order = [v for v in read if v is not None]
    even, odd = [0] * n_vrb, [0] * n_vrb
    for vrb in range(n_vrb):
        block, inside = divmod(vrb, unit)
        place = order.index(inside)
        for slots, at in ((even, place), (odd, (place + unit // 2) % unit)):
            at += unit * block
            slots[vrb] = at if at < unit // 2 else at + n_gap - unit // 2
    return even, odd


def type1_addressable(n_prb: int, subset: int, shift: int) -> list[int]:
    """PRBs that the bits of a type 1 bitmap stand for: the first ones of the subset, or with shift the last ones."""
    p = RBG_SIZE[n_prb]
    in_subset = [prb for prb in range(n_prb) if prb // p % p == subset]
    n_bits = ceil(n_prb / p) - (p - 1).bit_length() - 1
    return in_subset[-n_bits:] if shift else in_subset[:n_bits]


def has_crs(pci: int, n_ports: int, extended: bool, symbol: int, k: int) -> bool:
    """Whether a resource element belongs to the reference signal of a port in use (36.211 6.10.1.2)."""
    per_slot = 6 if extended else 7
    slot, l = divmod(symbol, per_slot)
    for port in range(n_ports):
        if port < 2:
            if l not in (0, per_slot - 3):
                continue
            v = (0 if l == 0 else 3) if port == 0 else (3 if l == 0 else 0)
        else:
            if l != 1:
                continue
            v = 3 * slot if port == 2 else 3 + 3 * slot
        if k % 6 == (v + pci) % 6:
            return True
    return False


def pdsch_elements(
    pci: int,
    n_prb: int,
    n_ports: int,
    extended: bool,
    subframe: int,
    prbs: Sequence[Sequence[int]],
    cfi: int,
) -> list[tuple[int, int]]:
    """Resource elements (l, k) of an FDD PDSCH in the order of mapping (36.211 6.3.5)."""
    per_slot = 6 if extended else 7
    first = cfi + 1 if n_prb <= 10 else cfi
    middle = 12 * n_prb // 2
    out = []
    for symbol in range(first, 2 * per_slot):
        slot, l = divmod(symbol, per_slot)
        for k in range(12 * n_prb):
            if k // 12 not in prbs[slot]:
                continue
            if has_crs(pci, n_ports, extended, symbol, k):
                continue
            if middle - 36 <= k < middle + 36:
                if subframe in (0, 5) and slot == 0 and l in (per_slot - 1, per_slot - 2):
                    continue  # PSS, SSS and the reserved elements beside them
                if subframe == 0 and slot == 1 and l < 4:
                    continue  # PBCH
            out.append((symbol, k))
    return out


def scrambling(rnti: int, subframe: int, pci: int, n: int) -> list[int]:
    """Scrambling bits c(0)..c(n-1) of code word 0 (36.211 6.3.1, 7.2)."""
    c_init = rnti * 2**14 + subframe * 2**9 + pci
    x1 = [1] + [0] * 30
    x2 = [c_init >> i & 1 for i in range(31)]
    for i in range(1600 + n):
        x1.append(x1[i + 3] ^ x1[i])
        x2.append(x2[i + 3] ^ x2[i + 2] ^ x2[i + 1] ^ x2[i])
    return [x1[i + 1600] ^ x2[i + 1600] for i in range(n)]


def modulate(bits: Sequence[int], q_m: int) -> list[complex]:
    """Modulation mapper (36.211 7.1.2 to 7.1.5)."""
    scale = {2: sqrt(2), 4: sqrt(10), 6: sqrt(42), 8: sqrt(170)}[q_m]
    out = []
    for i in range(0, len(bits), q_m):
        parts = []
        for half in (0, 1):
            signs = [1 - 2 * int(b) for b in bits[i + half : i + q_m : 2]]
            level = 1
            for depth, sign in enumerate(reversed(signs[1:])):
                level = 2 ** (depth + 1) - sign * level
            parts.append(signs[0] * level)
        out.append(complex(*parts) / scale)
    return out


def precode(d: Sequence[complex], n_ports: int) -> NDArray[np.complex128]:
    """Layer mapping and precoding for one port or transmit diversity (36.211 6.3.3.3, 6.3.4.3): (n_ports, n)."""
    n = len(d)
    if n_ports == 1:
        return np.array([d])
    d = list(d) + [0j] * (-n % n_ports)
    out = np.zeros((n_ports, len(d)), complex)
    for i in range(len(d) // n_ports):
        x = d[n_ports * i : n_ports * (i + 1)]
        for pair in range(n_ports // 2):
            at = n_ports * i + 2 * pair
            x0, x1 = x[2 * pair], x[2 * pair + 1]
            upper, lower = (0, 1) if n_ports == 2 else (pair, pair + 2)
            out[upper, at], out[upper, at + 1] = x0, x1
            out[lower, at], out[lower, at + 1] = -x1.conjugate(), x0.conjugate()
    return np.asarray(out[:, :n] / sqrt(2), np.complex128)
