"""The LDPC code of TS 38.212 from its tables in plain NumPy: parity checks, sum-product decoding, rate matching."""

import csv
from functools import cache
from pathlib import Path

import numpy as np

import picocell.kernels

DATA = Path(picocell.kernels.__file__).parent / "data"


def table(name):
    """Rows of a table as dictionaries of integers."""
    with open(DATA / f"ldpc_38212_{name}.csv", encoding="utf-8") as file:
        return [{k: int(v) for k, v in row.items()} for row in csv.DictReader(x for x in file if x[0] != "#")]


SETS = {row["Z"]: row["i_LS"] for row in table("5.3.2-1_lifting_sizes")}
CODES = [(bg, z) for bg in (1, 2) for z in sorted(SETS)]


@cache
def rows(bg, z):
    """For each row of the base graph its (columns, shifts)."""
    found = {}
    for edge in table("5.3.2-2_ldpc_bg1" if bg == 1 else "5.3.2-3_ldpc_bg2"):
        found.setdefault(edge["i"], []).append((edge["j"], edge[f"V{SETS[z]}"] % z))
    return [tuple(np.array(found[i]).T) for i in range(len(found))]


def syndrome(bg, z, bits, coded):
    """H c of a block, shape (rows, z): zero for a code word. Filler bits count as given in `bits`."""
    c = np.concatenate([bits[: 2 * z], coded]).reshape(-1, z)
    turned = np.arange(z)
    return np.array([np.bitwise_xor.reduce(c[j[:, None], (turned + v[:, None]) % z], axis=0) for j, v in rows(bg, z)])


def sum_product(bg, z, llr, n_iterations, n_filler=0, by_degree=False):
    """Layered sum-product decoding in floating point.

    Args:
        llr: array (blocks, m) of LLRs of the first m coded bits.
        by_degree: short rows first, as the kernel has them; otherwise in the order of the table.

    Returns:
        Bits, uint8 array (blocks, k).
    """
    kb = 22 if bg == 1 else 10
    graph = rows(bg, z)
    blocks, received = llr.shape
    posterior = np.zeros((blocks, (kb + len(graph)) * z))
    posterior[:, 2 * z : 2 * z + received] = llr
    posterior[:, kb * z - n_filler : kb * z] = 60
    used = -(-received // z) + 2  # columns
    posterior = posterior.reshape(blocks, -1, z)
    at = np.arange(z)
    places = [(j[:, None], (at + v[:, None]) % z) for j, v in graph[: max(4, used - kb)]]
    if by_degree:
        places.sort(key=lambda place: len(place[0]))
    messages = [0.0 for _ in places]
    for _ in range(n_iterations):
        for i, (j, p) in enumerate(places):
            to_check = posterior[:, j, p] - messages[i]
            messages[i] = box_plus_of_others(to_check)
            posterior[:, j, p] = to_check + messages[i]
    return (posterior[:, :kb].reshape(blocks, -1) < 0).astype(np.uint8)


def box_plus_of_others(x):
    """For each edge (axis 1) the box-plus of all others."""
    magnitude = np.clip(np.abs(x), 1e-9, 60)
    phi = -np.log(np.tanh(magnitude / 2))
    rest = np.maximum(phi.sum(axis=1, keepdims=True) - phi, 1e-30)
    sign = np.where(x < 0, -1.0, 1.0)
    return sign.prod(axis=1, keepdims=True) * sign * -np.log(np.tanh(np.minimum(rest, 60) / 2))


def sent_places(bg, z, e, q_m=1, rv=0, n_cb=None, n_filler=0):
    """Which of the coded bits each transmitted bit is (TS 38.212 5.4.2.1, 5.4.2.2)."""
    k, n = (22 * z, 66 * z) if bg == 1 else (10 * z, 50 * z)
    n_cb = n if n_cb is None else n_cb
    start = table("5.4.2.1-2_k0")[rv]
    j = start[f"bg{bg}_num"] * n_cb // (start[f"bg{bg}_den"] * z) * z
    selected = []
    while len(selected) < e:
        if not k - 2 * z - n_filler <= j % n_cb < k - 2 * z:
            selected.append(j % n_cb)
        j += 1
    out = [0] * e
    for bit in range(q_m):
        for symbol in range(e // q_m):
            out[symbol * q_m + bit] = selected[bit * (e // q_m) + symbol]
    return np.array(out, int)
