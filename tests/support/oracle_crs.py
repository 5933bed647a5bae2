"""Cell-specific reference signals in plain loops, written from TS 36.211 6.10.1 and 7.2."""

from math import sqrt

N_MAX = 110


def gold(c_init: int, n: int) -> list[int]:
    """c(0) to c(n - 1) of TS 36.211 7.2."""
    x1 = [1] + 30 * [0]
    x2 = [c_init >> i & 1 for i in range(31)]
    for i in range(1600 + n):
        x1.append(x1[i + 3] ^ x1[i])
        x2.append(x2[i + 3] ^ x2[i + 2] ^ x2[i + 1] ^ x2[i])
    return [x1[i + 1600] ^ x2[i + 1600] for i in range(n)]


def reference_signals(
    pci: int, n_prb: int, extended_cp: bool, subframe: int, port: int
) -> dict[tuple[int, int], complex]:
    """Value at each (symbol of the subframe, subcarrier) where a port sends its reference signal."""
    n_symb = 6 if extended_cp else 7
    n_cp = 0 if extended_cp else 1
    found = {}
    for n_s in (2 * subframe, 2 * subframe + 1):
        for l in range(n_symb):
            if port in (0, 1) and l not in (0, n_symb - 3):
                continue
            if port in (2, 3) and l != 1:
                continue
            if port == 0:
                v = 0 if l == 0 else 3
            elif port == 1:
                v = 3 if l == 0 else 0
            elif port == 2:
                v = 3 * (n_s % 2)
            else:
                v = 3 + 3 * (n_s % 2)
            c = gold(2**10 * (7 * (n_s + 1) + l + 1) * (2 * pci + 1) + 2 * pci + n_cp, 4 * N_MAX)
            for m in range(2 * n_prb):
                k = 6 * m + (v + pci % 6) % 6
                m_prime = m + N_MAX - n_prb
                value = complex(1 - 2 * c[2 * m_prime], 1 - 2 * c[2 * m_prime + 1]) / sqrt(2)
                found[n_s % 2 * n_symb + l, k] = value
    return found
