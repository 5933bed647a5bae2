"""Detection of random access preambles (TS 36.211 5.7, TS 36.104 8.4).

The 839 subcarriers are multiplied with each root's conjugate and transformed into a power delay profile of 2048 points,
summed over antennas and repetitions. Of white noise each of its points is Gamma distributed, so a threshold follows
from the false-alarm rate. What passes is taken from the strongest down, and has to exceed what a preamble already
taken can put there: its side lobes, its images under frequency offset, and its cross-correlation with other roots.

SNR is that of TS 36.104 8.4: power of the preamble on a subcarrier of 1.25 kHz over the noise power in 1.25 kHz, for
one antenna. A preamble of power P a sample and white noise of power N0 a sample at a sample rate R have
P / N0 * 0.0008 R / 839, which is P / N0 + 2.6 dB at 1.92 Msps.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammainc, gammaincc, gammainccinv, gammaincinv

from picocell.kernels import prach as prach_kernel
from picocell.kernels.ofdm import Fft
from picocell.phy.lte import prach
from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.prach import N_PREAMBLES, N_ZC, SEQUENCE_S
from picocell.phy.lte.uplink_config import UplinkConfig

T_A_S: Final = 16 / 30.72e6
"""Seconds of one step of the timing advance command T_A (TS 36.213 4.2.3)."""

_POINTS: Final = 2048
_GRID: Final = _POINTS / N_ZC
_POINT_S: Final = SEQUENCE_S / _POINTS
# preambles may come early by this many of the delay unit (29 T_s): a UE's timing error is up to 24 T_s (TS 36.133 7.1)
_EARLY: Final = 1.0
# largest frequency offset, in subcarriers of 1.25 kHz, whose images are foreseen: 400 Hz
_MAX_OFFSET: Final = 0.32
# images are taken to be this much stronger than of one path in still air
_IMAGE_MARGIN: Final = 2.0
# side lobes of one path are at most 1 / (pi d)^2 at a distance of d units; when paths add up at a side lobe and cancel
# at the peak, they are much stronger relative to it: 2.5 / d^2 is seldom exceeded in ETU
_SIDE_LOBES: Final = 2.5
# on one root, what is below the strongest preamble by more than this (30 dB) is never taken
_FLOOR: Final = 1e-3
# the first path: at most this many points (7 us) before the strongest, and above a fifth of it, which its side lobes
# (a twentieth) do not reach, by more than noise has in one of 10,000 points
_PATH_POINTS: Final = 18
_PATH_SHARE: Final = 0.2
_PATH_FALSE_ALARM: Final = 1e-4
# points above the level that noise exceeds so rarely are clipped when noise is measured
_CLIP: Final = 0.05
# by how much the spread of a profile must exceed that of noise to be taken for interference (5 sigma)
_SPREAD_TOLERANCE: Final = 1.06


@dataclass(frozen=True, slots=True)
class DetectedPreamble:
    """A preamble found.

    Attributes:
        preamble: 0..63.
        timing_advance_s: delay of the first path against the start of the subframe, in seconds; slightly negative
            where it comes early.
        timing_advance_samples: the same in samples of the input.
        power_db: received power of the strongest path in dB of the input's unit power, mean of the antennas.
        snr_db: SNR per subcarrier of 1.25 kHz of the strongest path (TS 36.104 8.4).
        metric_db: how far it is above the threshold.
    """

    preamble: int
    timing_advance_s: float
    timing_advance_samples: float
    power_db: float
    snr_db: float
    metric_db: float

    @property
    def t_a(self) -> int:
        """Timing advance command T_A of the random access response, steps of 16 T_s, 0..1282 (TS 36.213 4.2.3)."""
        return min(max(round(self.timing_advance_s / T_A_S), 0), 1282)


class PrachDetector:
    """Detector of one cell's preambles. Threads may share an object.

    Args:
        cell: the cell.
        ul: its uplink.
        sample_rate: samples per second, one of LTE's.
        false_alarm: probability that white noise gives any of the 64 preambles in an opportunity.

    Attributes:
        samples_needed: samples from the start of the subframe that :meth:`detect` reads.

    Raises:
        ValueError: a configuration, sample rate or probability that is not allowed; TDD, which is not supported yet.
    """

    def __init__(self, cell: Cell, ul: UplinkConfig, sample_rate: int, false_alarm: float = 3e-4) -> None:
        if cell.duplex is not Duplex.FDD:
            raise ValueError("random access preambles of TDD cells are not supported yet")
        if not 0 < false_alarm < 0.1:
            raise ValueError(f"false_alarm {false_alarm} is outside 0..0.1")
        self._subcarriers = prach.Subcarriers(ul, sample_rate)
        self._rate = sample_rate
        self._false_alarm = false_alarm
        allotted = prach.preambles(ul.prach)
        roots = list(dict.fromkeys(u for u, _ in allotted))
        self._root_of = np.array([roots.index(u) for u, _ in allotted], np.int32)
        self._conjugates = np.conj([prach.root_spectrum(u) for u in roots])
        self._images = _images(tuple(roots))
        shifts = np.array([c_v for _, c_v in allotted]) * _GRID
        first = np.ceil(-_EARLY * _GRID - shifts)
        self._width = _window_width(ul)
        self._first = (first.astype(np.int32) % _POINTS).astype(np.int32)
        self._delays = first + shifts
        self._trials = N_PREAMBLES * self._width
        self._fft = Fft(_POINTS)

    @property
    def samples_needed(self) -> int:
        """T_CP + T_SEQ in samples."""
        return self._subcarriers.placement.n_total

    def detect(self, samples: NDArray[np.complex64]) -> list[DetectedPreamble]:
        """Preambles of one opportunity, the strongest first.

        Args:
            samples: complex64 ``(n_rx, n)`` from the start of the first subframe of the opportunity, at least
                `samples_needed` long: the 1, 2, 2 or 3 subframes of formats 0 to 3.

        Returns:
            What was found; empty for silence.

        Raises:
            ValueError: another shape, too few samples, or samples that are not finite.
        """
        received = self._subcarriers.receive(np.asarray(samples, np.complex64))
        scale = float(np.abs(received).max())
        if not np.isfinite(scale):
            raise ValueError("samples are not finite, or too large for single precision")
        if scale == 0.0:
            return []
        profile = self._profile(received / np.float32(scale))
        return self._pick(profile, len(received), scale)

    def _profile(self, received: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Power delay profile ``(roots, 2048)``: a preamble of power P on each of n branches gives n P at its delay."""
        n_roots, n_branches = len(self._conjugates), len(received)
        spectra = np.zeros((n_roots, n_branches, _POINTS), np.complex64)
        np.multiply(received, self._conjugates[:, None], out=spectra[..., :N_ZC])
        taps = self._fft.inverse(spectra.reshape(-1, _POINTS)).reshape(spectra.shape)
        parts = taps.view(np.float32)
        parts *= np.float32(_POINTS / np.sqrt(N_ZC))
        parts *= parts
        power = parts.sum(axis=1)
        return np.asarray(power[:, ::2] + power[:, 1::2], np.float32)

    def _pick(self, profile: NDArray[np.float32], branches: int, scale: float) -> list[DetectedPreamble]:
        """Windows whose peak is neither noise nor what a stronger preamble puts there."""
        rate = self._false_alarm / self._trials
        noise, shapes = prach_kernel.noise(profile, branches, *_noise_tables(branches))
        levels = [_threshold(rate, shape) * branches / shape for shape in shapes.tolist()]
        noise, floor = noise[self._root_of], (noise * np.array(levels, np.float32))[self._root_of]
        peaks, at = prach_kernel.peaks(profile, self._root_of, self._first, self._width)
        left = peaks > floor
        if not left.any():
            return []
        points = (self._first + at) % _POINTS
        leaked = np.zeros(N_PREAMBLES, np.float32)
        found = []
        while left.any():
            best = int(np.argmax(np.where(left, peaks, 0)))
            places = (self._first[best] + np.arange(self._width)) % _POINTS
            window = profile[self._root_of[best], places]
            found.append(self._measure(best, window, float(noise[best]), float(floor[best]), branches, scale))
            steps = (points[:, None] - places) % _POINTS
            image = (self._images[self._root_of[best]][steps] * window).max(axis=1)
            # the cross-correlation of two roots is flat; antennas do not average its ripple as they do noise
            crossed = peaks[best] * _threshold(rate, 1) / N_ZC
            leaked += np.where(self._root_of == self._root_of[best], image, crossed)
            left &= peaks > floor + leaked
            left[best] = False
        return found

    def _measure(
        self, preamble: int, window: NDArray[np.float32], noise: float, floor: float, branches: int, scale: float
    ) -> DetectedPreamble:
        """Delay and power of a preamble from the points of its window."""
        strongest = int(window.argmax())
        peak = float(window[strongest])
        least = _PATH_SHARE * peak + _threshold(_PATH_FALSE_ALARM, branches) * noise
        first = _first_path(window, strongest, least)
        delay_s = (first + _vertex(window, first)[0] + float(self._delays[preamble])) * _POINT_S
        over_noise = max(_vertex(window, strongest)[1] / branches - noise, 1e-9 * noise)
        decibels = 10 * np.log10([over_noise * scale**2, over_noise / (N_ZC * noise), peak / floor])
        return DetectedPreamble(preamble, delay_s, delay_s * self._rate, *decibels.tolist())


def _window_width(ul: UplinkConfig) -> int:
    """Points that are searched for a preamble: N_CS, or the cyclic prefix where that is shorter."""
    n_cs = prach.cyclic_shift_step(ul.prach) or N_ZC
    prefix = prach.preamble_format(ul).t_cp / 30.72e6 / SEQUENCE_S * N_ZC
    return int(min(n_cs, prefix + _EARLY) * _GRID)


@cache
def _threshold(false_alarm: float, shape: float) -> float:
    """Level that one point of a profile exceeds with this probability, over the noise measured.

    A point is Gamma distributed of this shape (the number of branches, for noise), and the noise is measured from 839
    such points, so that the share of a point in them all is Beta distributed.
    """
    rest = float(betaincinv(shape * N_ZC, shape, false_alarm))
    return shape * N_ZC * (1 - rest) / rest


def _clipped(shape: NDArray[np.float64], clip: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and mean square of Gamma variables of mean 1 clipped at `clip`."""
    level = clip * shape
    over = clip * gammaincc(shape, level)
    mean = gammainc(shape + 1, level) + over
    return mean, (1 + 1 / shape) * gammainc(shape + 2, level) + clip * over


@cache
def _noise_tables(
    branches: int,
) -> tuple[float, float, float, float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What the noise is measured with (:func:`picocell.kernels.prach.noise`): mean over median, clipping level, clipped
    mean, tolerance; spreads of Gamma shapes from `branches` down, the shapes, and what is measured of each of mean 1.

    The noise is the mean of the profile with its peaks clipped. The shape is the number of branches unless the profile
    spreads more than noise does: the interference of another UE reaches all antennas alike and is not averaged.
    """
    clip = float(gammainccinv(branches, _CLIP)) / branches
    shapes = np.linspace(branches, 0.5, 40)
    gain = float(_clipped(shapes[:1], np.array([clip]))[0][0])
    measured = np.ones_like(shapes)
    for _ in range(100):
        measured = _clipped(shapes, clip * measured)[0] / gain
    mean, square = _clipped(shapes, clip * measured)
    start = branches / float(gammaincinv(branches, 0.5))
    return start, clip, gain, _SPREAD_TOLERANCE, square / mean**2, shapes, measured


def _first_path(window: NDArray[np.float32], strongest: int, least: float) -> int:
    """First local maximum of at least ``least`` not long before the strongest point, or that point."""
    start = min(max(strongest - _PATH_POINTS, 1), strongest)
    if start == strongest:
        return strongest
    before, middle, after = (window[start + i : strongest + i] for i in (-1, 0, 1))
    paths = np.flatnonzero((middle >= least) & (middle > before) & (middle >= after))
    return start + int(paths[0]) if len(paths) else strongest


def _vertex(window: NDArray[np.float32], point: int) -> tuple[float, float]:
    """Where between points, -0.5..0.5, the parabola through a point and its neighbours is highest, and how high."""
    middle = float(window[point])
    if not 0 < point < len(window) - 1:
        return 0.0, middle
    before, after = float(window[point - 1]), float(window[point + 1])
    bend = before - 2 * middle + after
    at = min(max(0.5 * (before - after) / bend, -0.5), 0.5) if bend < 0 else 0.0
    return at, middle - 0.25 * (before - after) * at


@cache
def _images(roots: tuple[int, ...]) -> NDArray[np.float32]:
    """Most that a preamble puts at points away from its own, relative to its peak, under any offset foreseen.

    Returns:
        float32 ``(roots, 2048)`` by the distance in points, modulo 2048.
    """
    spectra = np.stack([prach.root_spectrum(u) for u in roots])
    signals = np.fft.ifft(spectra, 2 * N_ZC, axis=1)
    most = np.zeros((len(roots), _POINTS), np.float32)
    for offset in np.linspace(-_MAX_OFFSET, _MAX_OFFSET, 9):
        turned = signals * np.exp(2j * np.pi * offset * np.arange(2 * N_ZC) / (2 * N_ZC))
        received = np.fft.fft(turned, axis=1)[:, :N_ZC]
        power = np.abs(np.fft.ifft(received * spectra.conj(), _POINTS, axis=1)) ** 2
        most = np.maximum(most, power / power[:, :1])
    near = np.maximum(np.maximum(np.roll(most, 1, axis=1), np.roll(most, -1, axis=1)), most)
    distance = np.abs((np.arange(_POINTS) + _POINTS // 2) % _POINTS - _POINTS // 2) / _GRID
    side_lobes = np.minimum(_SIDE_LOBES / np.maximum(distance, 1.0) ** 2, 1.0)
    return np.asarray(np.maximum(np.maximum(_IMAGE_MARGIN * near, side_lobes), _FLOOR), np.float32)
