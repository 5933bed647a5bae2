"""The polar code of TS 38.212 5.3.1 and 5.4.1 clause by clause in plain Python and NumPy, and decoding bit by bit."""

import csv
from fractions import Fraction
from functools import cache
from math import ceil, log2
from pathlib import Path

import numpy as np

import picocell.kernels

DATA = Path(picocell.kernels.__file__).parent / "data"
GENERATORS = {  # TS 38.212 5.1: exponents
    "24C": (24, 23, 21, 20, 17, 15, 13, 12, 8, 4, 2, 1, 0),
    "11": (11, 10, 9, 5, 0),
    "6": (6, 5, 0),
}


@cache
def table(name):
    """Second column of a table."""
    with open(DATA / f"polar_38212_{name}.csv", encoding="utf-8") as file:
        rows = list(csv.reader(line for line in file if line[0] != "#"))
    return [int(row[1]) for row in rows[1:]]


def checksum(bits, kind):
    """Remainder by long division, as a list of bits."""
    generator = GENERATORS[kind]
    length = generator[0]
    rest = [int(b) for b in bits] + [0] * length
    for i in range(len(bits)):
        if rest[i]:
            for exponent in generator:
                rest[i + length - exponent] ^= 1
    return rest[-length:]


def log_length(k, e, n_max):
    """n of N = 2^n (5.3.1)."""
    n_1 = ceil(log2(e))
    if e <= Fraction(9, 8) * 2 ** (n_1 - 1) and Fraction(k, e) < Fraction(9, 16):
        n_1 -= 1
    return max(min(n_1, ceil(log2(8 * k)), n_max), 5)


def interleaver(k):
    """Pi (5.3.1.1)."""
    return [p - (164 - k) for p in table("5.3.1.1-1_polar_interleaver") if p >= 164 - k]


@cache
def sub_blocks(n):
    """J (5.4.1.1)."""
    p = table("5.4.1.1-1_subblock_interleaver")
    return [p[32 * i // n] * (n // 32) + i % (n // 32) for i in range(n)]


def matching(k, e, n):
    """How N bits become E (5.4.1.2)."""
    if e >= n:
        return "repetition"
    return "puncturing" if Fraction(k, e) <= Fraction(7, 16) else "shortening"


def index_sets(k, e, n, n_pc, n_wm):
    """Q_I and Q_PC (5.3.1.2, 5.4.1.1)."""
    j = sub_blocks(n)
    out = set()
    if matching(k, e, n) == "puncturing":
        out |= {j[i] for i in range(n - e)}
        if e >= Fraction(3, 4) * n:
            out |= set(range(ceil(Fraction(3, 4) * n - Fraction(e, 2))))
        else:
            out |= set(range(ceil(Fraction(9, 16) * n - Fraction(e, 4))))
    elif matching(k, e, n) == "shortening":
        out |= {j[i] for i in range(e, n)}
    order = [q for q in table("5.3.1.2-1_polar_sequence") if q < n and q not in out]
    if len(order) < k + n_pc:
        raise ValueError("too few bits")
    q_i = order[-(k + n_pc) :]
    q_pc = q_i[: n_pc - n_wm]
    most_reliable = q_i[n_pc:]
    weights = {q: 2 ** bin(q).count("1") for q in most_reliable}
    lightest = sorted(most_reliable, key=lambda q: (weights[q], -most_reliable.index(q)))
    return sorted(q_i), sorted(q_pc + lightest[:n_wm])


def input_vector(c, q_i, q_pc, n):
    """u (5.3.1.2)."""
    u, y, bits = [0] * n, [0] * 5, iter(c)
    chosen, parity = set(q_i), set(q_pc)
    for i in range(n):
        y = y[1:] + y[:1]
        if i in chosen:
            if i in parity:
                u[i] = y[0]
            else:
                u[i] = next(bits)
                y[0] ^= u[i]
    return u


def transform(u):
    """d = u G_N modulo 2, over the last axis."""
    d = np.array(u, np.uint8)
    n = d.shape[-1]
    step = 1
    while step < n:
        pairs = d.reshape(*d.shape[:-1], -1, 2, step)
        pairs[..., 0, :] ^= pairs[..., 1, :]
        step *= 2
    return d


def triangle(bits):
    """5.4.1.3."""
    e = len(bits)
    t = next(t for t in range(e + 1) if t * (t + 1) // 2 >= e)
    v, k = {}, 0
    for i in range(t):
        for j in range(t - i):
            v[i, j] = bits[k] if k < e else None
            k += 1
    return [v[i, j] for j in range(t) for i in range(t - j) if v[i, j] is not None]


def sent_places(k, e, n, i_bil):
    """Index of d for each bit that is sent (5.4.1)."""
    j = sub_blocks(n)
    first = n - e if matching(k, e, n) == "puncturing" else 0
    selected = [j[(first + i) % n] for i in range(e)]
    return triangle(selected) if i_bil else selected


def encode(bits, e, n_max=9, i_il=False, i_bil=False, n_pc=0, n_wm=0):
    """What is sent of the K bits of a block."""
    k = len(bits)
    n = 2 ** log_length(k, e, n_max)
    c = [int(bits[i]) for i in (interleaver(k) if i_il else range(k))]
    d = transform(input_vector(c, *index_sets(k, e, n, n_pc, n_wm), n))
    return d[sent_places(k, e, n, i_bil)]


def coded_llr(llr, k, e, n, i_bil=False):
    """LLRs of d: repeated ones summed, 0 for punctured bits, 1000 for shortened ones; shape (blocks, n)."""
    out = np.zeros((len(llr), n))
    if matching(k, e, n) == "shortening":
        out += 1000.0
        out[:, sent_places(k, e, n, False)] = 0
    np.add.at(out, (slice(None), sent_places(k, e, n, i_bil)), llr)
    return out


def list_decode(llr, q_i, q_pc, size, exact=False):
    """Successive cancellation of a list, one bit after the other (min-sum, or exact).

    Args:
        llr: array (blocks, n) of LLRs of d.

    Returns:
        u, uint8 array (blocks, size, n), and its costs, array (blocks, size), infinite where there is no path.
    """
    blocks, n = llr.shape
    levels = n.bit_length() - 1
    alpha = [np.zeros((blocks, size, 2**s)) for s in range(levels)] + [np.repeat(llr[:, None], size, axis=1)]
    beta = [np.zeros((blocks, size, 2, 2**s), np.uint8) for s in range(levels)]
    u = np.zeros((blocks, size, n), np.uint8)
    y = np.zeros((blocks, size, 5), np.uint8)
    cost = np.full((blocks, size), np.inf)
    cost[:, 0] = 0
    rows = np.arange(blocks)[:, None]
    for i in range(n):
        top = levels if i == 0 else (i & -i).bit_length()  # level of the node entered
        for s in range(top - 1, -1, -1):
            a, b = np.split(alpha[s + 1], 2, axis=2)
            if i >> s & 1:
                alpha[s] = b + (1.0 - 2.0 * beta[s][:, :, 0]) * a
            elif exact:
                alpha[s] = np.logaddexp(0, a + b) - np.logaddexp(a, b)
            else:
                alpha[s] = np.sign(a) * np.sign(b) * np.minimum(np.abs(a), np.abs(b))
        leaf = alpha[0][:, :, 0]
        price = (lambda x: np.logaddexp(0, -x)) if exact else (lambda x: np.maximum(0, -x))
        if i in q_i and i not in q_pc:
            both = np.concatenate([cost + price(leaf), cost + price(-leaf)], axis=1)
            best = np.argsort(both, axis=1, kind="stable")[:, :size]
            cost = np.take_along_axis(both, best, axis=1)
            parent = best % size
            alpha[:levels] = [x[rows, parent] for x in alpha[:levels]]
            beta = [x[rows, parent] for x in beta]
            u, y = u[rows, parent], y[rows, parent]
            u[:, :, i] = best >= size
            y[:, :, i % 5] ^= u[:, :, i]
        else:
            if i in q_pc:
                u[:, :, i] = y[:, :, i % 5]
            cost = cost + price(leaf * (1.0 - 2.0 * u[:, :, i]))
        bits = u[:, :, i : i + 1]
        for s in range(levels):
            beta[s][:, :, i >> s & 1] = bits
            if not i >> s & 1:
                break
            bits = np.concatenate([beta[s][:, :, 0] ^ beta[s][:, :, 1], beta[s][:, :, 1]], axis=2)
    return u, cost


def decode(llr, k, size, crc=None, mask=0, exact=False, **how):
    """Decodes blocks of E LLRs; `how` as for encode().

    Returns:
        Bits, uint8 array (blocks, k), of the first path whose checksum holds or else of the first; whether it holds.
    """
    e, i_il, i_bil = llr.shape[1], how.get("i_il", False), how.get("i_bil", False)
    n = 2 ** log_length(k, e, how.get("n_max", 9))
    q_i, q_pc = index_sets(k, e, n, how.get("n_pc", 0), how.get("n_wm", 0))
    u, cost = list_decode(coded_llr(llr, k, e, n, i_bil), set(q_i), set(q_pc), size, exact)
    behind = u[:, :, [q for q in q_i if q not in q_pc]]
    bits = np.zeros_like(behind)
    bits[:, :, interleaver(k) if i_il else range(k)] = behind
    order = np.argsort(cost, axis=1, kind="stable")
    found, ok = bits[np.arange(len(bits)), order[:, 0]], np.ones(len(bits), bool)
    if crc:
        length = GENERATORS[crc][0]
        wanted = [mask >> (length - 1 - i) & 1 for i in range(length)]
        for b in range(len(bits)):
            right = [p for p in order[b] if cost[b, p] < np.inf and holds(bits[b, p], crc, length, wanted)]
            ok[b] = bool(right)
            if right:
                found[b] = bits[b, right[0]]
    return found, ok


def holds(bits, crc, length, wanted):
    """Whether the checksum of a block holds."""
    check = checksum(bits[:-length], crc)
    return all(a ^ b == w for a, b, w in zip(check, bits[-length:].tolist(), wanted, strict=True))
