"""OFDM of one subframe and antenna (normal cyclic prefix), one FFT, frequency shift of a subframe."""

from collections.abc import Callable
from functools import partial

import numpy as np

from picocell.kernels.ofdm import Fft, Ofdm, mix

SUBFRAMES = ((100, 2048, 31.0), (100, 1536, 31.0), (50, 1024, None), (50, 768, None), (25, 384, None), (6, 128, None))


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    found: list[tuple[str, Callable[[], object], float | None]] = []
    rng = np.random.default_rng(1)
    for n_prb, n, reference in SUBFRAMES:
        ofdm, uplink = Ofdm(n_prb, n), Ofdm(n_prb, n, half_shift=True)
        grid = (rng.normal(size=(1, 14, 12 * n_prb, 2)) @ [1, 1j]).astype(np.complex64)
        samples = ofdm.modulate(grid)
        grid_out, samples_out = np.empty_like(grid), np.empty_like(samples)
        what = f"{n_prb} PRB, FFT {n}"
        cfo = partial(ofdm.demodulate, samples, cfo=1e-5, window_advance=3, out=grid_out)
        found += [
            (f"ofdm modulate, {what}", partial(ofdm.modulate, grid, out=samples_out), reference),
            (f"ofdm demodulate, {what}", partial(ofdm.demodulate, samples, out=grid_out), reference),
            (f"ofdm demodulate with CFO, {what}", cfo, None),
            (f"sc-fdma demodulate, {what}", partial(uplink.demodulate, samples, out=grid_out), None),
        ]
    for n in (128, 1024, 1536, 2048):
        rows = (rng.normal(size=(16, n, 2)) @ [1, 1j]).astype(np.complex64)
        found.append((f"fft {n}, 16 rows", partial(Fft(n).forward, rows), None))
    recording = (rng.normal(size=(30720, 2)) @ [1, 1j]).astype(np.complex64)
    found.append(("mix, 30720 samples", partial(mix, recording, 1e-4), None))
    return found
