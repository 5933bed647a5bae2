"""Random access detection after TS 36.104 8.4: ``python tests/campaigns/prach_campaign.py [--trials 1000]``.

Format 0, 6 PRB, 1.92 Msps, two receive antennas, N_CS = 13, logical root 22, preamble 32. SNR is the preamble's power
on a subcarrier of 1.25 kHz over the noise power in 1.25 kHz, of one antenna. A trial succeeds if the preamble is found
with its delay within the tolerance of the strongest path's, which in ETU is 310 ns after the first (the mean delay of
the paths of highest gain). AWGN: delay of half N_CS plus 0 to 0.9 us; ETU70: 0 to 0.9 us, offset of 270 Hz, a new
realisation each trial. False alarms are opportunities of noise alone in which any of the 64 preambles is found; their
bound is one-sided, exact (Clopper-Pearson).

The exit code says whether both detection rates reached 99 % and the 95 % upper bound of false alarms is at most 0.1 %.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from scipy.special import betaincinv

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from picocell.phy.lte.cell import Cell
from picocell.phy.lte.prach_detect import PrachDetector
from support.oracle_prach import RATE, TEST_UPLINK, false_alarms, timing_errors

CASES = (("AWGN", -14.2, False, 1.04e-6), ("ETU70, 270 Hz", -8.0, True, 2.08e-6))
DETECTION = 0.99
FALSE_ALARM = 1e-3


def main() -> int:
    """Run the campaign and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--noise-trials", type=int, default=20_000)
    parser.add_argument("--snr-step", type=float, default=0.0, help="dB added to the SNR of both cases")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.perf_counter()
    detector = PrachDetector(Cell(0), TEST_UPLINK, RATE)
    good = True
    for name, snr_db, etu, tolerance in CASES:
        errors, wrong = timing_errors(detector, snr_db + args.snr_step, etu, args.trials, args.seed)
        found = np.array([error for error in errors if np.isfinite(error)])
        hits = int((np.abs(found) <= tolerance).sum())
        print(f"{name}, SNR {snr_db + args.snr_step:+.1f} dB: {hits}/{args.trials} right")
        print(f"  found {len(found)}; other preambles found: {wrong}")
        print(f"  timing error: mean {1e6 * found.mean():+.3f} us, deviation {1e6 * found.std():.3f} us,")
        print(f"  largest {1e6 * np.abs(found).max():.2f} of {1e6 * tolerance:.2f} us")
        good &= hits >= DETECTION * args.trials
    alarms = false_alarms(detector, args.noise_trials, args.seed)
    bound = float(betaincinv(alarms + 1, args.noise_trials - alarms, 0.95))
    print(f"noise alone: {alarms} false alarms in {args.noise_trials} opportunities, designed for 0.030 %:")
    print(f"  {100 * alarms / args.noise_trials:.3f} %, 95 % upper bound {100 * bound:.3f} %")
    print(f"{time.perf_counter() - began:.0f} s in all")
    return 0 if good and bound <= FALSE_ALARM else 1


if __name__ == "__main__":
    raise SystemExit(main())
