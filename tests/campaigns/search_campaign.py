"""Cell search statistics in white noise: ``python tests/campaigns/search_campaign.py [--snr -6] [--trials 200]``.

A trial is 40 ms of one 6 PRB cell with one receive antenna, every resource element of unit power, noise of the stated
SNR per resource element, carrier offset uniform in +-10 kHz, timing uniform over the frame, identity uniform and the
cyclic prefix normal or extended. It succeeds if the strongest cell found has the right identity and prefix and a
frame start within half a normal cyclic prefix (4 samples of 1.92 Msps). Then recordings of noise alone are searched.
The exit code says whether at least 95 % succeeded and no noise recording gave a cell.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.search import CellSearch
from picocell.phy.lte.search_primary import FRAME
from support.oracle_sync import noise, received

CP = (CyclicPrefix.NORMAL, CyclicPrefix.EXTENDED)


def detection(trials: int, snr_db: float, seed: int) -> tuple[int, list[float], list[float]]:
    """Successes, and the carrier offset (Hz) and timing (samples) errors of the successes."""
    search = CellSearch()
    rng = np.random.default_rng(seed)
    hits, cfo_errors, timing_errors = 0, [], []
    for trial in range(trials):
        cell = Cell(int(rng.integers(504)), cp=CP[trial % 2])
        offset, cfo = float(rng.uniform(0, FRAME)), float(rng.uniform(-10e3, 10e3))
        found = search.search(received(cell, offset, cfo, snr_db, rng))
        error = (found[0].frame_start - offset + FRAME / 2) % FRAME - FRAME / 2 if found else np.inf
        if found and (found[0].pci, found[0].cp) == (cell.pci, cell.cp) and abs(error) <= 4:
            hits += 1
            cfo_errors.append(found[0].cfo_hz - cfo)
            timing_errors.append(error)
    return hits, cfo_errors, timing_errors


def false_alarms(trials: int, seed: int) -> int:
    """Recordings of 40 ms of noise in which a cell was found."""
    search = CellSearch()
    rng = np.random.default_rng(seed)
    return sum(bool(search.search(noise(rng, (76_800,)).astype(np.complex64))) for _ in range(trials))


def main() -> int:
    """Run the campaign and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snr", type=float, default=-6.0, help="dB per resource element")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--noise-trials", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.perf_counter()
    hits, cfo, timing = detection(args.trials, args.snr, args.seed)
    print(f"SNR {args.snr:+.1f} dB: {hits}/{args.trials} right, {(time.perf_counter() - began):.1f} s")
    if hits:
        print(f"  carrier offset error: rms {np.std(cfo):.0f} Hz, largest {np.max(np.abs(cfo)):.0f} Hz")
        print(f"  timing error: rms {np.std(timing):.2f}, largest {np.max(np.abs(timing)):.2f} samples")
    alarms = false_alarms(args.noise_trials, args.seed + 1)
    print(
        f"noise alone: {alarms} cells in {args.noise_trials} recordings, {(time.perf_counter() - began):.1f} s in all"
    )
    return 0 if hits >= 0.95 * args.trials and alarms == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
