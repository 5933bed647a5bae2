"""A link simulation: a curve, an own channel estimator, and a look at the arrays between the ends."""

import numpy as np

from picocell.phy.lte import crs
from picocell.sims import Received, Trace, downlink, trace


def block_average(seen: Received) -> tuple[np.ndarray, float]:
    """A plain estimator: the channel is what the reference signals say, flat over the whole subframe."""
    pilots = crs.sequence(seen.cell, seen.subframe, 0)
    received = seen.grid.reshape(len(seen.grid), -1)[:, crs.flat_index(seen.cell, 0)]
    least_squares = received * pilots.conj()
    mean = least_squares.mean(axis=(1, 2))
    noise = float(np.mean(np.abs(least_squares - mean[:, None, None]) ** 2))
    return np.broadcast_to(mean[:, None, None, None], seen.h.shape).astype(np.complex64), noise


if __name__ == "__main__":
    # a curve: every combination of parameters that are lists
    table = downlink(mcs=[4, 9], n_prb=15, snr_db=range(-4, 5), n_subframes=200).run()
    for curve in table.curves():
        print(f"MCS {curve[0].point.mcs}: 10 % block errors at {curve.snr_at_bler(0.1):.1f} dB")

    # an own estimator: right without fading, wrong with it
    for channel in ("AWGN", "EVA5"):
        own = downlink(mcs=4, n_prb=15, channel=channel, snr_db=6, n_subframes=200, estimator_function=block_average)
        print(f"flat estimator, {channel}: BLER {own.run()[0].tally.bler():.2f}")

    # the arrays of one subframe
    subframes: list[Trace] = []
    point = table[0].point
    trace(point, subframes.append)
    seen = subframes[0]
    print(f"grid {seen.grid.shape}, {len(seen.sent_symbols)} symbols, CRC {'matches' if seen.crc_ok else 'fails'}")
    error = np.mean(np.abs(seen.symbols - seen.sent_symbols) ** 2) if seen.symbols is not None else np.nan
    print(f"asked for {point.snr_db:.1f} dB, the equalised symbols have {-10 * np.log10(error):.1f} dB")
