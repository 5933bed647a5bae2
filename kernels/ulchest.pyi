"""Channel estimation and equalisation of SC-FDMA allocations from two reference symbols."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_RX: int
BLOCK_LENGTHS: tuple[int, int]
MAX_WINDOW: int
MAX_OFFSETS: int

def pilots(
    grid: ArrayLike, r: ArrayLike, symbols: Sequence[int], starts: tuple[int, int]
) -> tuple[NDArray[np.complex64], float]:
    """Least-squares estimates at two reference symbols.

    Args:
        grid: complex64 (n_rx, n_symb, n_sc).
        r: complex64 (2, m_sc), the reference signal of both slots.
        symbols: one symbol of each slot.
        starts: first subcarrier by slot.

    Returns:
        Complex64 (2, n_rx, m_sc), the grid's values times conj(r), and their mean power.

    Raises:
        ValueError: shapes, symbols or subcarriers that do not fit.
    """

def covariance(pilots: ArrayLike, length: int) -> tuple[NDArray[np.complex64], int]:
    """Mean covariance of blocks of pilots.

    Args:
        pilots: complex64 (..., m), m a multiple of 12; blocks cover each row, the last two overlapping where m is no
            multiple of `length`.
        length: 12 or 24.

    Returns:
        Complex64 (length, length), whose entry (d, j) is the mean of x[j + d] conj(x[j]) and 0 where j + d is no longer
        in the block; and the number of blocks.

    Raises:
        ValueError: another length or shape.
    """

class DelayModels:
    """Tables of delay models: windows of several widths about a trial offset. Threads may share an object.

    Tables by lag have at (d, j) the entry (j + d, j) of a symmetric matrix, twice where d is not 0.

    Args:
        inverse: float32 (n_snr, n_widths, length, length) by lag, inverse covariance at noise power one.
        log_det: float64 (n_snr, n_widths), logarithm of the determinant of the covariance.
        prior: float64 (n_widths, n_offsets), logarithm of what is expected beforehand.
        silence: float32 (length, length) by lag: its product with the covariance is the noise power at any offset.
        quiet: float32 (n_widths, length, length) by lag: the same for each width once the offset is taken out.
        snr_db: (n_snr,) evenly spaced.
        offsets: (n_offsets,) trial offsets, evenly spaced.
        turn: radians from one lag to the next that take out an offset of one.

    Raises:
        ValueError: shapes that do not fit.
    """

    length: int
    def __init__(
        self,
        inverse: ArrayLike,
        log_det: ArrayLike,
        prior: ArrayLike,
        silence: ArrayLike,
        quiet: ArrayLike,
        snr_db: ArrayLike,
        offsets: ArrayLike,
        turn: float,
    ) -> None: ...
    def fit(
        self, covariance: ArrayLike, n_blocks: int, known_noise: float | None = None
    ) -> tuple[int, float, float, float]:
        """Width and offset of the highest likelihood times prior, the offset between the trial ones by a parabola.

        Args:
            covariance: complex64 (length, length) from `covariance`.
            n_blocks: blocks that it is the mean of.
            known_noise: noise power; estimated where None.

        Returns:
            Entry of the width, offset, noise power (at least a millionth of the total), total power.

        Raises:
            ValueError: a shape or noise that does not fit.
        """

def channel(
    pilots: ArrayLike, turn: float, mix: ArrayLike, first_taps: ArrayLike, second_taps: ArrayLike, weights: ArrayLike
) -> NDArray[np.complex64]:
    """Channel of all symbols from the pilots of two.

    With q[k] = exp(j turn (k - (m_sc - 1) / 2)): x[i] = filter(taps[i], q * sum over s of mix[i, s] pilots[s]) and
    h[l] = conj(q) * sum over i of weights[i, l] x[i].

    Args:
        pilots: complex64 (2, n_rx, m_sc).
        turn: radians a subcarrier.
        mix: complex64 (2, 2).
        first_taps: float32 (length, length): column c weighs the subcarriers of a window into its subcarrier c. The
            window has each resource block as near to its middle as the ends of the allocation allow.
        second_taps: the same for x[1].
        weights: complex64 (2, n_symb).

    Returns:
        Complex64 (n_rx, n_symb, m_sc).

    Raises:
        ValueError: shapes that do not fit.
    """

def equalise(
    grid: ArrayLike, h: ArrayLike, noise: ArrayLike, symbols: Sequence[int], starts: tuple[int, int]
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Minimum mean square error equalisation of subcarriers of power one, over all antennas.

    Args:
        grid: complex64 (n_rx, n_symb, n_sc).
        h: complex64 (n_rx, n_symb, m_sc).
        noise: float32 (n_symb,), noise power of a resource element and antenna, above 0.
        symbols: which symbols to equalise.
        starts: first subcarrier by slot.

    Returns:
        Complex64 (len(symbols), m_sc), each row divided by its mean gain, and that gain, float32 (len(symbols),).

    Raises:
        ValueError: shapes, symbols or subcarriers that do not fit, or noise that is not positive.
    """

class PuschReceiver:
    """Receiver of PUSCHs of one width: `pilots`, `covariance`, `DelayModels.fit`, `channel`, `equalise`, inverse DFT
    and demapper in one call. Threads may share an object.

    Args:
        m: subcarriers, 12 * 2^a * 3^b * 5^c.
        delay: delay models.
        taps: float32 (n_widths, n_snr, window, window), filters of each model.
        explained: (n_widths, n_snr), share of the channel's power that each filter's output has.
        fading: (n_fading,), what the correlation of the slots lacks to 1, evenly spaced in its logarithm.
        over_time: (n_fading, 2, n_symb), weights of the sum and the difference of the reference symbols.
        over_power: (n_fading, 2, n_symb), power of the channel that each explains.
        ahead: (n_symb,), 0 at the first and 1 at the second reference symbol.
        since_own: (n_symb,), seconds since the reference symbol of the same slot.
        pilots: the two reference symbols.
        fading_steps: steps of `fading` in a decade, from 1 down.
        min_fading: least fading.
        max_fading: largest fading.
        apart: seconds between the reference symbols.
        least_snr: least signal-to-noise ratio, linear.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not allowed.
    """

    m: int
    n_symb: int
    def __init__(
        self,
        m: int,
        delay: DelayModels,
        taps: ArrayLike,
        explained: ArrayLike,
        fading: ArrayLike,
        over_time: ArrayLike,
        over_power: ArrayLike,
        ahead: ArrayLike,
        since_own: ArrayLike,
        *,
        pilots: tuple[int, int],
        fading_steps: float,
        min_fading: float,
        max_fading: float,
        apart: float,
        least_snr: float,
    ) -> None: ...
    def receive(
        self,
        grid: NDArray[np.complex64],
        r: NDArray[np.complex64],
        starts: tuple[int, int],
        symbols: Sequence[int],
        q_m: int,
        scrambling: NDArray[np.uint64],
        cfo_hz: float = 0.0,
    ) -> (
        tuple[
            NDArray[np.complex64],
            NDArray[np.float32],
            NDArray[np.int16],
            tuple[float, float, float, float, float, float],
        ]
        | None
    ):
        """Receive one PUSCH.

        Args:
            grid: C-contiguous complex64 (n_rx, n_symb, n_sc).
            r: C-contiguous complex64 (2, m), reference signal by slot.
            starts: first subcarrier by slot.
            symbols: SC-FDMA symbols that carry data.
            q_m: bits a modulation symbol: 1, 2, 4, 6 or 8.
            scrambling: packed scrambling sequence.
            cfo_hz: carrier frequency offset where the slots hop.

        Returns:
            Modulation symbols complex64 (n, m), their noise power float32 (n,), soft bits int16 (n * m * q_m,), and
            noise power, signal-to-noise ratio in dB, timing offset in seconds, carrier frequency offset in Hz, signal
            power, and the share of the reference symbols' power that is coherent within blocks of subcarriers. None
            where nothing at all, or something infinite, was received.

        Raises:
            ValueError: shapes, subcarriers, symbols or numbers that do not fit.
        """
