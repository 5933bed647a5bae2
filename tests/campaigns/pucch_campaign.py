"""PUCCH statistics: ``python tests/campaigns/pucch_campaign.py [--trials 1000] [--noise-trials 3000]``.

Format 1a with two receive antennas over EPA5 at the SNRs of TS 36.104 Table 8.3.2.1-1, each trial one subframe and one
realisation of the channel: ACKs missed, at the default rate of false alarms and at the largest that the table allows.
Then noise alone: how often SR, ACK (1a, 1b) and a report of 4 bits are seen in it. Then reports of 4 bits at some SNRs.
The exit code says whether at least 99 % of the ACKs were found and the false alarms held to the stated rate.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from picocell.phy.lte import pucch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.uplink_config import PucchConfig, UplinkConfig
from picocell.radio.channel.fading import FadingChannel
from support.oracle_pucch import noise

CELL = Cell(150)
N_RX = 2
SNR_DB = {6: -2.5, 15: -3.9, 25: -4.8, 50: -5.4, 75: -5.3, 100: -5.1}
"""TS 36.104 Table 8.3.2.1-1: ACK missed in 1 %, DTX taken for ACK in 1 %, EPA5 Low, two receive antennas."""
LOOSE = 0.02
"""Half of the false alarms of format 1a are NACKs: 1 % of DTX to ACK."""


def faded(grid: NDArray[np.complex64], seed: int, symbol_s: float) -> NDArray[np.complex64]:
    """A grid ``(n_symb, n_sc)`` after EPA5 to two antennas."""
    n_symb, n_sc = grid.shape
    channel = FadingChannel("EPA", 5.0, 30.72e6, 1, N_RX, seed)
    frequencies = 15e3 * (np.arange(n_sc) - n_sc / 2 + 0.5)
    used = grid.any(axis=0)
    out = np.zeros((N_RX, n_symb, n_sc), np.complex64)
    half = n_symb // 2
    for slot in range(2):
        gain = channel.frequency_response((half * slot + half / 2) * symbol_s, frequencies[used])[:, 0]
        rows = slice(half * slot, half * (slot + 1))
        out[:, rows, used] = gain[:, None] * grid[rows, used]
    return out


def trial(
    ul: UplinkConfig,
    request: PucchRequest,
    sent: tuple[str, int, tuple[int, ...]],
    snr_db: float,
    seed: int,
    rate: float,
) -> pucch.PucchResult:
    """One subframe."""
    grid = np.zeros((ul.n_symb, ul.n_sc), np.complex64)
    pucch.encode(CELL, ul, seed % 10, request.rnti, *sent, grid)
    received = faded(grid, seed, 1e-3 / ul.n_symb)
    received += noise(received.shape, 10 ** (-snr_db / 10), np.random.default_rng(seed))
    return pucch.receive(CELL, ul, seed % 10, received, [request], rate)[0]


def main() -> int:
    """Run the campaign and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--noise-trials", type=int, default=3000)
    args = parser.parse_args()
    began, good = time.perf_counter(), True
    for n_prb, snr_db in SNR_DB.items():
        ul = UplinkConfig(n_prb=n_prb, pucch=PucchConfig(delta_shift=2))
        request = PucchRequest(70, n_pucch_ack=0, n_ack=1)
        rates = []
        for rate in (pucch.FALSE_ALARM, LOOSE):
            results = [trial(ul, request, ("1a", 0, (1,)), snr_db, seed, rate) for seed in range(args.trials)]
            rates.append(sum(result.ack != (1,) for result in results) / args.trials)
        good &= rates[0] <= 0.01
        print(f"1a {n_prb:3d} PRB {snr_db:+.1f} dB: ACK missed {rates[0]:.2%}, at 1 % DTX to ACK {rates[1]:.2%}")
    ul = UplinkConfig(pucch=PucchConfig(delta_shift=2))
    cases = {
        "SR": PucchRequest(70, n_pucch_sr=0),
        "1a": PucchRequest(70, n_pucch_ack=0, n_ack=1),
        "1b": PucchRequest(70, n_pucch_ack=0, n_ack=2),
        "2, 4 bits": PucchRequest(70, n2_pucch=0, n_cqi=4),
    }
    for name, request in cases.items():
        for rate in (LOOSE, 1e-3):
            rng = np.random.default_rng(5)
            results = []
            for k in range(args.noise_trials):
                grid = noise((N_RX, 14, 72), 1.0, rng)
                results.append(pucch.receive(CELL, ul, k % 10, grid, [request], rate)[0])
            alarms = sum(not result.dtx for result in results) / args.noise_trials
            bits = sum(sum(result.ack) for result in results) / args.noise_trials / max(request.n_ack, 1)
            good &= alarms <= rate + 3 * np.sqrt(rate / args.noise_trials)
            print(f"noise, {name}: stated {rate:.1%}, found {alarms:.2%}, ACK bits {bits:.2%}")
    request = cases["2, 4 bits"]
    for snr_db in (-6.0, -4.0, -2.0, 0.0):
        results = [trial(ul, request, ("2", 0, (1, 0, 1, 1)), snr_db, seed, LOOSE) for seed in range(args.trials)]
        missed = sum(result.dtx for result in results) / args.trials
        wrong = sum(result.cqi != (1, 0, 1, 1) for result in results) / args.trials - missed
        print(f"2 6 PRB {snr_db:+.1f} dB: missed {missed:.2%}, wrong {wrong:.2%}")
    print(f"{time.perf_counter() - began:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
