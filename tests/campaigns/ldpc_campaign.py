"""What the LDPC decoder loses: ``python tests/campaigns/ldpc_campaign.py [--blocks 400] [--case 0 1 2 3]``.

The cases of ``benchmarks/bench_ldpc.py`` with the same `Code`, scale, number of iterations and batch as for the speed.
The judge is floating-point layered sum-product decoding with as many iterations on the same noise, with the rows in the
order of the tables, and once more with short rows first, as the kernel takes them. For all three the Es/N0 at which one
block in ten is wrong; the exit code says whether the kernel is within 0.2 dB of the first.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.bench_ldpc import DECODE, ITERATIONS

from picocell.kernels import isa, ldpc
from support import oracle_ldpc as oracle

TARGET = 0.1
ALLOWED_DB = 0.2
STEPS_DB = (-0.15, 0.0, 0.15)
"""Around the Es/N0 of the benchmark, and as far again where neither decoder crosses the target there."""


def errors(case: int, snr_db: float, blocks: int) -> list[int]:
    """Blocks that the kernel and both ways of sum-product decoding get wrong, of the same ones."""
    bg, z, columns, _, batch, *_ = DECODE[case]
    code, rng = ldpc.Code(bg, z), np.random.default_rng([case, 8])
    wrong = [0, 0, 0]
    for _ in range(0, blocks, batch):
        bits = rng.integers(0, 2, (batch, code.k), dtype=np.uint8)
        sent = 1 - 2.0 * code.encode(bits)[:, : columns * z]
        variance = 10 ** (-snr_db / 10)
        received = sent + np.sqrt(variance) * rng.normal(size=sent.shape)
        found = code.decode(code.quantise(received), ITERATIONS, early_stop=False)[0]
        llr = 2 / variance * received
        judged = [oracle.sum_product(bg, z, llr, ITERATIONS, by_degree=way) for way in (False, True)]
        for i, decoded in enumerate((found, *judged)):
            wrong[i] += int((decoded != bits).any(axis=1).sum())
    return wrong


def crossing(snr_db: NDArray[np.float64], bler: NDArray[np.float64]) -> float:
    """Es/N0 at the target, by straight lines through the logarithms; NaN where it is not crossed."""
    for i in range(len(snr_db) - 1):
        if bler[i] >= TARGET > bler[i + 1]:
            y = np.log(np.maximum(bler[i : i + 2], 1e-4))
            return float(snr_db[i] + (snr_db[i + 1] - snr_db[i]) * (np.log(TARGET) - y[0]) / (y[1] - y[0]))
    return float("nan")


def loss(case: int, blocks: int) -> float:
    """Loss in dB of a case; prints its row."""
    bg, z, columns, nominal, batch, *_ = DECODE[case]
    start, steps = time.process_time(), list(STEPS_DB)
    count = -(-blocks // batch) * batch
    counted: dict[float, list[int]] = {}
    while True:
        for step in steps:
            if step not in counted:
                counted[step] = errors(case, nominal + step, blocks)
        at = np.array(sorted(counted))
        rates = np.array([counted[step] for step in at]) / count
        found = [crossing(at + nominal, rates[:, i]) for i in range(3)]
        if not np.isnan(found).any() or len(counted) > 12:
            break
        steps.append(min(steps) - 0.15 if rates.max(axis=0).min() < TARGET else max(steps) + 0.15)
    rate = (22 if bg == 1 else 10) / columns
    print(f"BG{bg} Z={z} R={rate:.3f}, {count} blocks at each Es/N0, {time.process_time() - start:.0f} s")
    for name, where, column in zip(("kernel", "judge", "judge, short rows first"), found, rates.T, strict=True):
        curve = ", ".join(f"{a + nominal:.2f}: {r:.4f}" for a, r in zip(at, column, strict=True))
        print(f"  {name:24} {where:.3f} dB, loss {found[0] - where:+.3f} dB, BLER {curve}", flush=True)
    return found[0] - found[1]


def main() -> int:
    """Runs the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--blocks", type=int, default=400, help="code blocks at each Es/N0")
    parser.add_argument("--case", type=int, nargs="*", default=[0, 1, 2, 3], help="rows of bench_ldpc.DECODE")
    args = parser.parse_args()
    print(f"{isa.LEVELS[isa.chosen()]}, {ITERATIONS} iterations, BLER {TARGET}")
    return int(not all(loss(case, args.blocks) <= ALLOWED_DB for case in args.case))


if __name__ == "__main__":
    sys.exit(main())
