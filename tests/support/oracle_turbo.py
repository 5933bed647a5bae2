"""Channel coding of TS 36.212 5.1 as the clauses read: lists, shift registers and matrices with None for <NULL>."""

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import tables

Bit = int | None

POLYNOMIALS = {
    "24A": (24, 23, 18, 17, 14, 11, 10, 7, 6, 5, 4, 3, 1, 0),
    "24B": (24, 23, 6, 5, 1, 0),
    "16": (16, 12, 5, 0),
    "8": (8, 7, 4, 3, 1, 0),
}
QPP = {int(k): (int(f1), int(f2)) for k, f1, f2 in tables.qpp()}
COLUMNS = [int(p) for p in tables.turbo_columns()]


def crc(bits: list[int], name: str) -> list[int]:
    """Parity bits p_0..p_(L-1) by long division (5.1.1)."""
    powers = POLYNOMIALS[name]
    length = powers[0]
    divisor = [int(length - i in powers) for i in range(length + 1)]
    rest = list(bits) + [0] * length
    for i in range(len(bits)):
        if rest[i]:
            for j, d in enumerate(divisor):
                rest[i + j] ^= d
    return rest[len(bits) :]


def segment(bits: list[int]) -> list[list[Bit]]:
    """Code blocks with filler and CRC24B (5.1.2)."""
    z, b = 6144, len(bits)
    length, c = (0, 1) if b <= z else (24, -(-b // (z - 24)))
    total = b + c * length
    sizes = sorted(QPP)
    k_plus = min(k for k in sizes if c * k >= total)
    c_minus, k_minus = 0, 0
    if c > 1:
        k_minus = max(k for k in sizes if k < k_plus)
        c_minus = (c * k_plus - total) // (k_plus - k_minus)
    c_plus = c - c_minus
    filler = c_plus * k_plus + c_minus * k_minus - total
    blocks: list[list[Bit]] = []
    s = 0
    for r in range(c):
        k_r = k_minus if r < c_minus else k_plus
        block: list[Bit] = [None] * filler if r == 0 else []
        while len(block) < k_r - length:
            block.append(bits[s])
            s += 1
        if c > 1:
            block += crc([x or 0 for x in block], "24B")
        blocks.append(block)
    assert s == b
    return blocks


def interleaver(k: int) -> list[int]:
    """QPP Π(i) (5.1.3.2.3)."""
    f1, f2 = QPP[k]
    return [(f1 * i + f2 * i * i) % k for i in range(k)]


class ShiftRegister:
    """One constituent encoder, G(D) = [1, (1+D+D^3)/(1+D^2+D^3)] (5.1.3.2.1)."""

    def __init__(self) -> None:
        self.cells = [0, 0, 0]

    def feedback(self) -> int:
        return self.cells[1] ^ self.cells[2]

    def step(self, bit: int) -> int:
        first = bit ^ self.feedback()
        parity = first ^ self.cells[0] ^ self.cells[2]
        self.cells = [first, *self.cells[:2]]
        return parity


def encode(block: list[Bit]) -> list[list[Bit]]:
    """d(0), d(1), d(2) of length K + 4; <NULL> where filler bits make it so (5.1.3.2)."""
    k = len(block)
    filler = sum(bit is None for bit in block)
    c = [bit or 0 for bit in block]
    one, two = ShiftRegister(), ShiftRegister()
    z1 = [one.step(bit) for bit in c]
    z2 = [two.step(c[i]) for i in interleaver(k)]
    tail: list[tuple[int, int]] = []
    for register in (one, two):
        for _ in range(3):
            x = register.feedback()
            tail.append((x, register.step(x)))
        assert register.cells == [0, 0, 0]
    (x0, za0), (x1, za1), (x2, za2), (y0, zb0), (y1, zb1), (y2, zb2) = tail
    null: list[Bit] = [None] * filler
    return [
        [*null, *c[filler:], x0, za1, y0, zb1],
        [*null, *z1[filler:], za0, x2, zb0, y2],
        [*z2, x1, za2, y1, zb2],
    ]


def sub_block(stream: list[Bit], number: int) -> list[Bit]:
    """v(0), v(1) or v(2) (5.1.4.1.1)."""
    d = len(stream)
    rows = -(-d // 32)
    y: list[Bit] = [None] * (rows * 32 - d) + list(stream)
    if number < 2:
        matrix = [y[32 * r : 32 * r + 32] for r in range(rows)]
        return [matrix[r][p] for p in COLUMNS for r in range(rows)]
    k_pi = 32 * rows
    return [y[(COLUMNS[k // rows] + 32 * (k % rows) + 1) % k_pi] for k in range(k_pi)]


def rate_match(d: list[list[Bit]], e: int, rv: int, n_cb: int | None = None) -> list[int]:
    """e_0..e_(E-1) (5.1.4.1.2)."""
    v = [sub_block(stream, number) for number, stream in enumerate(d)]
    k_pi = len(v[0])
    w = v[0] + [bit for pair in zip(v[1], v[2], strict=True) for bit in pair]
    n_cb = min(n_cb or len(w), len(w))
    rows = k_pi // 32
    k_0 = rows * (2 * (-(-n_cb // (8 * rows))) * rv + 2)
    out: list[int] = []
    j = 0
    while len(out) < e:
        bit = w[(k_0 + j) % n_cb]
        if bit is not None:
            out.append(bit)
        j += 1
    return out


def transport_block(payload: bytes, g: int, q_m: int, n_l: int, rv: int, n_ir: int | None) -> list[int]:
    """f_0..f_(G-1) of a transport block (5.1.1, 5.1.2, 5.1.3.2, 5.1.4.1, 5.1.5)."""
    a = [(byte >> (7 - i)) & 1 for byte in payload for i in range(8)]
    blocks = segment(a + crc(a, "24A"))
    c = len(blocks)
    g_prime = g // (n_l * q_m)
    gamma = g_prime % c
    out: list[int] = []
    for r, block in enumerate(blocks):
        symbols = g_prime // c if r <= c - gamma - 1 else -(-g_prime // c)
        n_cb = None if n_ir is None else n_ir // c
        out += rate_match(encode(block), n_l * q_m * symbols, rv, n_cb)
    return out


def _transitions() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Next state and parity (+1 for 0, -1 for 1) by state and bit, from the shift register."""
    following, parity = np.zeros((8, 2), np.intp), np.zeros((8, 2))
    for state in range(8):
        for bit in range(2):
            register = ShiftRegister()
            register.cells = [(state >> 2) & 1, (state >> 1) & 1, state & 1]
            parity[state, bit] = 1 - 2 * register.step(bit)
            following[state, bit] = 4 * register.cells[0] + 2 * register.cells[1] + register.cells[2]
    return following, parity


def max_log_map(
    systematic: NDArray[np.float64], parity: NDArray[np.float64], tail: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A posteriori LLRs of a batch by the plain forward-backward recursion, (n, K) each; tail (n, 3, 2) x and z."""
    following, sign = _transitions()
    n, k = systematic.shape
    closing = np.array([[0 if ((s >> 1) ^ s) & 1 == 0 else 1] for s in range(8)])[:, 0]
    gamma = np.stack([systematic, -systematic], -1)[:, :, None, :] / 2 + parity[:, :, None, None] * sign / 2
    beta = np.full((n, 8), -1e9)
    beta[:, 0] = 0
    for i in (2, 1, 0):
        step = np.empty_like(beta)
        for s in range(8):
            u = closing[s]
            step[:, s] = beta[:, following[s, u]] + (1 - 2 * u) * tail[:, i, 0] / 2 + sign[s, u] * tail[:, i, 1] / 2
        beta = step
    came = [np.argwhere(following == s) for s in range(8)]
    source = np.array([[pair[0] for pair in c] for c in came])
    with_bit = np.array([[pair[1] for pair in c] for c in came])
    alpha = np.empty((k, n, 8))
    a = np.full((n, 8), -1e9)
    a[:, 0] = 0
    for i in range(k):
        alpha[i] = a
        a = (a[:, source] + gamma[:, i][:, source, with_bit]).max(-1)
        a -= a[:, :1]
    total = np.empty((n, k))
    for i in range(k - 1, -1, -1):
        path = beta[:, following] + gamma[:, i]
        both = (alpha[i][:, :, None] + path).max(1)
        total[:, i] = both[:, 0] - both[:, 1]
        beta = path.max(-1)
        beta -= beta[:, :1]
    return total


def decode(d: NDArray[np.float64], iterations: int, scaling: float = 0.75) -> NDArray[np.uint8]:
    """Bits of a batch of blocks: d (n, 3, K + 4) LLRs; floating point, whole-block recursions, no early stop."""
    n, _, length = d.shape
    k = length - 4
    order = np.array(interleaver(k))
    sent = d[:, :, k:].transpose(0, 2, 1).reshape(n, 2, 3, 2)
    extrinsic = np.zeros((n, k))
    total = np.zeros((n, k))
    for _ in range(iterations):
        apriori = d[:, 0, :k] + extrinsic
        extrinsic = scaling * (max_log_map(apriori, d[:, 1, :k], sent[:, 0]) - apriori)
        apriori = (d[:, 0, :k] + extrinsic)[:, order]
        mixed = max_log_map(apriori, d[:, 2, :k], sent[:, 1])
        extrinsic[:, order] = scaling * (mixed - apriori)
        total[:, order] = mixed
    return (total < 0).astype(np.uint8)
