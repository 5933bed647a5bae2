"""OFDM modulation and demodulation of a subframe (TS 36.211 6.12, 5.6), FFT, frequency shift."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_PRB: int

class Ofdm:
    """Modulator and demodulator of one bandwidth, FFT size and cyclic prefix. Threads may share an object.

    The transform is unitary, so white noise has the same power in a sample and in a resource element. Subcarriers
    ascend in frequency; 0 Hz is left out (TS 36.211 6.12), unless ``half_shift`` places all half a subcarrier up with
    no gap (uplink, TS 36.211 5.6).

    Attributes:
        n_prb: resource blocks.
        fft_size: FFT size N; the sample rate is 15 kHz N.
        extended_cp: extended instead of normal cyclic prefix.
        half_shift: uplink.
        n_symb: symbols of a subframe, 14 or 12.
        n_sc: subcarriers, 12 n_prb.
        samples_per_subframe: 15 N.

    Raises:
        ValueError: n_prb outside 1..110, an FFT size other than 128 2^a 3^b up to 4096, or one too small for n_prb.
    """

    n_prb: int
    fft_size: int
    extended_cp: bool
    half_shift: bool
    n_symb: int
    n_sc: int
    samples_per_subframe: int
    def __init__(self, n_prb: int, fft_size: int, extended_cp: bool = False, half_shift: bool = False) -> None: ...
    def modulate(self, grid: ArrayLike, out: NDArray[np.complex64] | None = None) -> NDArray[np.complex64]:
        """Samples with cyclic prefixes of a subframe.

        Args:
            grid: complex64 (n_ant, n_symb, n_sc).
            out: complex64 (n_ant, samples_per_subframe) to be filled; a new array if None.

        Returns:
            Complex64 (n_ant, samples_per_subframe).

        Raises:
            ValueError: wrong shape or an ``out`` that does not fit.
        """

    def demodulate(
        self,
        samples: ArrayLike,
        cfo: float = 0.0,
        phase: float = 0.0,
        window_advance: int = 0,
        out: NDArray[np.complex64] | None = None,
    ) -> NDArray[np.complex64]:
        """Resource grid of a subframe.

        Args:
            samples: complex64 (n_ant, samples_per_subframe), from the first sample of the first cyclic prefix.
            cfo: carrier frequency offset in cycles a sample, removed before the transform: sample i is multiplied by
                exp(-2 pi j (cfo i + phase)).
            phase: cycles at the first sample.
            window_advance: samples by which the window starts before the end of the prefix, 0 up to one less than
                the shortest prefix. The grid is not rotated by it.
            out: complex64 (n_ant, n_symb, n_sc) to be filled; a new array if None.

        Returns:
            Complex64 (n_ant, n_symb, n_sc).

        Raises:
            ValueError: wrong shape, window_advance out of range, cfo or phase not finite, an ``out`` that does not fit.
        """

class Fft:
    """FFT in single precision of size 64 2^a 3^b up to 4096, with NumPy's conventions. Threads may share an object.

    Raises:
        ValueError: any other size.
    """

    n: int
    def __init__(self, n: int) -> None: ...
    def forward(self, x: ArrayLike) -> NDArray[np.complex64]:
        """Transform along the last axis of x (n,) or (m, n).

        Raises:
            ValueError: any other shape.
        """

    def inverse(self, x: ArrayLike) -> NDArray[np.complex64]:
        """Inverse transform, scaled by 1/n, along the last axis of x (n,) or (m, n).

        Raises:
            ValueError: any other shape.
        """

def mix(samples: ArrayLike, frequency: float, phase: float = 0.0) -> NDArray[np.complex64]:
    """Frequency shift: samples * exp(2 pi j (frequency n + phase)), n counting from 0 along the last axis.

    Args:
        samples: complex64 (..., n).
        frequency: cycles a sample.
        phase: cycles at n = 0.

    Returns:
        Complex64 of the same shape.

    Raises:
        ValueError: frequency or phase not finite, or samples a scalar.
    """
