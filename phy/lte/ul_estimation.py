"""Channel estimation and equalisation of the PUSCH from its demodulation reference signal (TS 36.211 5.5.2.1).

The two reference symbols are turned into their sum and difference (after the phase that a frequency offset puts between
them is taken out): under a channel that is stationary in time and frequency those two are independent, each is smoothed
over the subcarriers at its own signal-to-noise ratio, and every symbol's channel is a weighted sum of the two.
"""

import cmath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from math import inf, log10, pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import ulchest
from picocell.phy.lte import pusch_dmrs, scfdma
from picocell.phy.lte import ul_delay_models as models
from picocell.phy.lte.cell import N_SC_RB, Cell
from picocell.phy.lte.frame import SUBCARRIER_SPACING, cp_lengths, symbol_starts
from picocell.phy.lte.uplink_config import UplinkConfig

C64 = NDArray[np.complex64]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

SNR_LIMITS_DB: Final = (-40.0, 60.0)
"""Signal-to-noise ratios are reported, and noise is believed, within these."""

_SHIFT_S: Final = 1 / (SUBCARRIER_SPACING * pusch_dmrs.N_SHIFTS)
_HALF: Final = 0.5**0.5
_EMPTY: Final = 1e-4

MAX_SHARED_WIDTH_S: Final = 10e-6
"""Widest window of delays that one of several transmissions on the same resource blocks is given."""

MIN_FADING: Final = 1e-5
MAX_FADING: Final = 0.98
FADING_STEPS: Final = 8
"""What the correlation of the slots may lack to 1, and the steps of the tables for it in a decade."""


@dataclass(slots=True)
class UlChannelEstimate:
    """Channel of one PUSCH.

    Attributes:
        h: complex64 ``(n_rx, n_symb, m_sc)``, timing offset and frequency offset included.
        noise_var: noise power per resource element and receive antenna, averaged over antennas.
        error_var: float32 ``(n_symb,)`` mean square error expected of `h`, averaged over subcarriers and antennas.
        snr_db: mean power of the reference signal over `noise_var`, per antenna.
        timing_offset_s: delay of the signal; positive means late.
        cfo_hz: carrier frequency offset from the phase between the slots, within +-1 kHz; what the caller gave where
            the slots hop.
        power: mean signal power of a resource element and antenna.
        prbs: first resource block by slot.
    """

    h: C64
    noise_var: float
    error_var: F32
    snr_db: float
    timing_offset_s: float
    cfo_hz: float
    power: float
    prbs: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Times:
    """Middles of the symbols of a subframe.

    Attributes:
        apart: seconds between the reference symbols.
        since_own: float64 (n_symb,) seconds since the reference symbol of the same slot.
        slots: float64 (2, n_symb) 1 where the symbol is in the slot.
        ahead: float64 (n_symb,) 0 at the first, 1 at the second reference symbol.
    """

    apart: float
    since_own: F64
    slots: F64
    ahead: F64


@cache
def _times(ul: UplinkConfig) -> _Times:
    starts, prefixes = symbol_starts(2048, ul.cp)[:-1], 2 * cp_lengths(2048, ul.cp)
    middles = (np.array(starts) + np.array(prefixes) + 1024) / (2048 * SUBCARRIER_SPACING)
    own = middles[np.array(pusch_dmrs.symbols(ul))]
    slot = np.arange(ul.n_symb) // ul.n_symb_slot
    apart = float(own[1] - own[0])
    slots = (slot == np.arange(2)[:, None]).astype(np.float64)
    return _Times(apart, middles - own[slot], slots, (middles - own[0]) / apart)


@cache
def _over_time(ul: UplinkConfig, step: int) -> tuple[float, F64, F64]:
    """Fading of a step, weights (2, n_symb) of sum and difference under it, and the power that each explains.

    The channel's correlation over time is taken as Gaussian; the fading is what one between the slots lacks to 1.
    """
    rho = 1 - 10 ** (-step / FADING_STEPS)
    ahead = _times(ul).ahead
    to_first, to_second = rho ** (ahead**2), rho ** ((ahead - 1) ** 2)
    plus, minus = 2**0.5 * (1 + rho), 2**0.5 * (1 - rho)
    weights = np.stack([(to_first + to_second) / plus, (to_first - to_second) / minus])
    return 1 - rho, weights, weights**2 * np.array([[1 + rho], [1 - rho]])


def prepare() -> None:
    """Build the tables that the first estimates would build (some 50 ms), before time is short."""
    for length in (models.MAX_BLOCK // 2, models.MAX_BLOCK):
        models.delay_models(length)
    for length in range(N_SC_RB, models.MAX_WINDOW + 1, N_SC_RB):
        models.smoothers(length)


def _check(ul: UplinkConfig, grid: C64, prbs: tuple[int, int], n_prb: int) -> None:
    if grid.ndim != 3 or grid.shape[1:] != (ul.n_symb, ul.n_sc) or not grid.shape[0]:
        raise ValueError(f"grid of shape {grid.shape} is not allowed: shape (n_rx, {ul.n_symb}, {ul.n_sc}) is")
    for start in prbs:
        if not 0 <= start <= ul.n_prb - n_prb:
            raise ValueError(f"{n_prb} resource blocks from {start} on do not fit the {ul.n_prb} of the cell")


@dataclass(frozen=True, slots=True)
class _Delay:
    """What the pilots say: delay in seconds, entry of `models.WIDTHS`, noise and signal power."""

    offset_s: float
    width: int
    noise_var: float
    power: float


def _delay(pilots: C64, max_offset_s: float, known_noise: float | None) -> _Delay:
    """Most likely delay model of pilots ``(..., m_sc)``."""
    length = min(pilots.shape[-1], models.MAX_BLOCK)
    covariance, n_blocks = ulchest.covariance(pilots, length)
    fit = models.delay_models(length, max_offset_s).fit(covariance, n_blocks, known_noise)
    width, offset, noise, total = fit
    return _Delay(offset, width, noise, max(total - noise, noise * 10 ** (SNR_LIMITS_DB[0] / 10)))


def estimate_pusch(
    cell: Cell,
    ul: UplinkConfig,
    subframe: int,
    grid: C64,
    prbs: tuple[int, int],
    n_prb: int,
    cyclic_shift_field: int = 0,
    *,
    others: Sequence[int] = (),
    cfo_hz: float = 0.0,
    occ: bool = False,
) -> UlChannelEstimate:
    """Channel of a PUSCH.

    Args:
        cell: the cell.
        ul: its uplink.
        subframe: 0..9.
        grid: received complex64 ``(n_rx, n_symb, n_sc)``.
        prbs: first resource block in slot 0 and slot 1; different where the PUSCH hops inside the subframe.
        n_prb: resource blocks.
        cyclic_shift_field: cyclic shift for DM-RS of the grant, 0..7.
        others: cyclic shift fields of the other transmissions on the same resource blocks: their reference signals
            are separated by delay, which then is known to half the spacing only.
        cfo_hz: carrier frequency offset known from before: only used where the slots hop, for then it cannot be seen.
        occ: the reference signal has the orthogonal sequence of its field.

    Raises:
        ValueError: an argument outside its range, a grid that does not fit, or a cyclic shift that another has too.
    """
    _check(ul, grid, prbs, n_prb)
    r = pusch_dmrs.sequence(cell, ul, subframe, n_prb, cyclic_shift_field, occ=occ)
    starts = (N_SC_RB * prbs[0], N_SC_RB * prbs[1])
    pilots, power = ulchest.pilots(grid, r, pusch_dmrs.symbols(ul), starts)
    if not 0 < power < inf:
        return _silence(ul, grid.shape[0], r.shape[1], prbs, cfo_hz)
    pilots *= np.float32(power**-0.5)
    if others:
        pilots, max_offset, noise = _separate(cell, ul, subframe, pilots, cyclic_shift_field, others)
        delay = _delay(pilots, max_offset, noise)
    else:
        delay = _delay(pilots, models.MAX_OFFSET_S, None)
    plan = _hopping(ul, delay, r.shape[1], cfo_hz) if prbs[0] != prbs[1] else _in_place(ul, pilots, delay)
    filters = models.smoothers(min(r.shape[1], models.MAX_WINDOW)).taps[delay.width]
    h = ulchest.channel(
        pilots,
        2 * pi * SUBCARRIER_SPACING * delay.offset_s,
        plan.mix,
        filters[plan.filters[0]],
        filters[plan.filters[1]],
        plan.weights * power**0.5,
    )
    # What the error of the timing offset adds: that of a straight line through the pilots' phases.
    error = plan.error + delay.noise_var / (4 * pilots[0].size)
    snr_db = 10 * log10(delay.power / delay.noise_var)
    return UlChannelEstimate(
        h=h,
        noise_var=delay.noise_var * power,
        error_var=(np.minimum(error, delay.power) * power).astype(np.float32),
        snr_db=min(max(snr_db, SNR_LIMITS_DB[0]), SNR_LIMITS_DB[1]),
        timing_offset_s=delay.offset_s,
        cfo_hz=plan.cfo_hz,
        power=delay.power * power,
        prbs=prbs,
    )


@lru_cache(maxsize=1024)
def receiver(ul: UplinkConfig, n_prb: int) -> ulchest.PuschReceiver:
    """The kernel that does :func:`estimate_pusch`, :func:`equalise_pusch` and the demapping of a width in one call.

    Raises:
        ValueError: a number of resource blocks that a PUSCH cannot have.
    """
    m_sc, times = N_SC_RB * n_prb, _times(ul)
    window = models.smoothers(min(m_sc, models.MAX_WINDOW))
    steps = range(round(-FADING_STEPS * log10(MIN_FADING)) + 1)
    fading, weights, power = zip(*(_over_time(ul, step) for step in steps), strict=True)
    return ulchest.PuschReceiver(
        m_sc,
        models.delay_models(min(m_sc, models.MAX_BLOCK)),
        window.taps,
        window.explained,
        fading,
        weights,
        power,
        times.ahead,
        times.since_own,
        pilots=pusch_dmrs.symbols(ul),
        fading_steps=FADING_STEPS,
        min_fading=MIN_FADING,
        max_fading=MAX_FADING,
        apart=times.apart,
        least_snr=10 ** (SNR_LIMITS_DB[0] / 10),
    )


def _silence(ul: UplinkConfig, n_rx: int, m_sc: int, prbs: tuple[int, int], cfo_hz: float) -> UlChannelEstimate:
    """The estimate where nothing at all was received."""
    h = np.zeros((n_rx, ul.n_symb, m_sc), np.complex64)
    error = np.zeros(ul.n_symb, np.float32)
    return UlChannelEstimate(h, 0.0, error, SNR_LIMITS_DB[0], 0.0, cfo_hz, 0.0, prbs)


@cache
def _shifted(length: int, shifts: tuple[int, ...], width: float) -> tuple[NDArray[np.complex128], C64, int]:
    """Correlation of the sum of other cyclic shifts, projector on what neither they nor shift 0 hold, and its rank."""
    apart = np.subtract.outer(np.arange(length), np.arange(length))
    own = models.correlation(length, width)
    turns = [np.exp((2j * pi * n / pusch_dmrs.N_SHIFTS) * apart) for n in shifts]
    rest = own * np.sum(turns, axis=0)
    values, vectors = np.linalg.eigh(own + rest)
    rank = max(int((values < _EMPTY).sum()), 1)
    quiet = vectors[:, :rank]
    return rest, (quiet @ quiet.conj().T).astype(np.complex64), rank


@cache
def _separator(length: int, shifts: tuple[int, ...], width: float, at: int) -> C64:
    """Taps ``(length, length)`` that take other cyclic shifts out, at an entry of `models.SNR_GRID_DB`."""
    rest, _, _ = _shifted(length, shifts, width)
    noise = 10 ** (-models.SNR_GRID_DB[at] / 10) * np.eye(length)
    taps = np.eye(length) - rest @ np.linalg.inv(models.correlation(length, width) + rest + noise)
    return taps.T.astype(np.complex64)


def _separate(
    cell: Cell, ul: UplinkConfig, subframe: int, pilots: C64, field: int, others: Sequence[int]
) -> tuple[C64, float, float]:
    """Pilots without the other cyclic shifts, largest offset that can be told, noise power."""
    own = pusch_dmrs.cyclic_shift(cell, ul, 2 * subframe, field)
    shifts = {(pusch_dmrs.cyclic_shift(cell, ul, 2 * subframe, o) - own) % pusch_dmrs.N_SHIFTS for o in others}
    if 0 in shifts:
        raise ValueError(f"cyclic_shift_field {field} is also among the others {tuple(others)}")
    apart = sorted(shifts | {0, pusch_dmrs.N_SHIFTS})
    spacing = min(b - a for a, b in pairwise(apart)) * _SHIFT_S
    width = min(0.8 * spacing, MAX_SHARED_WIDTH_S)
    length = min(pilots.shape[-1], models.MAX_WINDOW)
    key = length, tuple(sorted(shifts)), width
    _, projector, rank = _shifted(*key)
    blocks = np.lib.stride_tricks.sliding_window_view(pilots, length, axis=-1)[..., ::N_SC_RB, :].reshape(-1, length)
    noise = float(np.vdot(blocks, blocks @ projector.conj()).real) / (rank * len(blocks))
    at = models.snr_index((1 - noise) / (max(noise, 1e-6) * (len(shifts) + 1)))
    return _filter(pilots, _separator(*key, at)), 0.5 * width, noise


def _filter(x: C64, taps: C64) -> C64:
    """Filter ``(..., m_sc)`` over windows of the taps' length, each resource block as near to the middle as may be."""
    m_sc, length = x.shape[-1], len(taps)
    side = length // 2 // N_SC_RB * N_SC_RB
    middle = m_sc - length
    windows = np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)[..., ::N_SC_RB, :]
    inner = np.ascontiguousarray(windows) @ taps[:, side : side + N_SC_RB]
    parts = [x[..., :length] @ taps[:, :side], inner.reshape(*x.shape[:-1], middle + N_SC_RB)]
    return np.concatenate([*parts, x[..., middle:] @ taps[:, side + N_SC_RB :]], axis=-1)


@dataclass(frozen=True, slots=True)
class _TimePlan:
    """How the symbols' channels follow from the two reference symbols (see `ulchest.channel`).

    Attributes:
        mix: complex (2, 2), pilots into the two signals to be filtered.
        filters: entry of `models.SNR_GRID_DB` for each.
        weights: complex (2, n_symb), filtered signals into symbols.
        error: (n_symb,) mean square error of the channel.
        cfo_hz: carrier frequency offset.
    """

    mix: NDArray[np.complex128]
    filters: tuple[int, int]
    weights: NDArray[np.complex128]
    error: F64
    cfo_hz: float


def _explained(ul_filter: int, delay: _Delay, n_sc: int) -> float:
    return models.smoothers(min(n_sc, models.MAX_WINDOW)).explained[delay.width][ul_filter]


def _hopping(ul: UplinkConfig, delay: _Delay, n_sc: int, cfo_hz: float) -> _TimePlan:
    """Each slot by itself."""
    times = _times(ul)
    at = models.snr_index(delay.power / delay.noise_var)
    weights = times.slots * np.exp((2j * pi * cfo_hz) * times.since_own)
    error = np.full(ul.n_symb, delay.power * (1 - _explained(at, delay, n_sc)))
    return _TimePlan(np.eye(2, dtype=np.complex128), (at, at), weights, error, cfo_hz)


def _in_place(ul: UplinkConfig, pilots: C64, delay: _Delay) -> _TimePlan:
    """Sum and difference of the two slots, after the phase between them is taken out."""
    times = _times(ul)
    n, n_sc = pilots[0].size, pilots.shape[-1]
    snr = delay.power / delay.noise_var
    cross = complex(np.vdot(pilots[0], pilots[1])) / n
    phase = cmath.phase(cross)
    # Less than a standard deviation below one passes for one.
    fading = 1 - (abs(cross) + delay.noise_var / n**0.5) / delay.power
    fading, weights, power = _over_time(ul, round(-FADING_STEPS * log10(min(max(fading, MIN_FADING), MAX_FADING))))
    filters = models.snr_index(snr * (2 - fading)), models.snr_index(snr * fading)
    explained = np.array([_explained(at, delay, n_sc) for at in filters])
    # The last term is what the error of the phase adds.
    error = np.maximum(1 - explained @ power, 0) + (times.ahead - 0.5) ** 2 * ((1 + 0.5 / snr) / (snr * n))
    back = cmath.exp(-1j * phase) * _HALF
    mix = np.array([[_HALF, back], [_HALF, -back]])
    turned = weights * np.exp((1j * phase) * times.ahead)
    return _TimePlan(mix, filters, turned, delay.power * error, phase / (2 * pi * times.apart))


def equalise_pusch(grid: C64, estimate: UlChannelEstimate, symbols: Sequence[int]) -> tuple[C64, F32]:
    """Modulation symbols of a PUSCH: minimum mean square error over antennas, inverse transform, bias taken out.

    Args:
        grid: received complex64 ``(n_rx, n_symb, n_sc)``.
        estimate: its channel.
        symbols: SC-FDMA symbols that carry data (`pusch_dmrs.data_symbols`).

    Returns:
        Complex64 ``(len(symbols), m_sc)`` and the noise power of each SC-FDMA symbol's modulation symbols, float32
        ``(len(symbols),)``: receiver noise, error of the channel estimate, and the interference between symbols that
        the equaliser leaves. The modulation symbols' own power is one.

    Raises:
        ValueError: shapes that do not fit.
    """
    noise = np.maximum(estimate.error_var + np.float32(estimate.noise_var), np.float32(1e-30))
    starts = (N_SC_RB * estimate.prbs[0], N_SC_RB * estimate.prbs[1])
    x, share = ulchest.equalise(grid, estimate.h, noise, symbols, starts)
    share = np.clip(share, np.float32(1e-6), np.float32(1 - 1e-6))
    return scfdma.inverse(x, x), (1 - share) / share
