"""Downlink channel estimation from cell-specific reference signals (TS 36.211 6.10.1, TS 36.214 5.1).

The Wiener estimator works in four steps, each for all antennas and ports together:

1. Least squares at the pilots. What of their covariance lies outside the longest channel is noise; the likelihood of
   the rest picks the delay window: its centre, which is the timing offset, and its width.
2. The centre is taken out as a phase slope, and a real Wiener filter interpolates over frequency.
3. The likelihood of the covariance between pilot symbols picks frequency offset and Doppler width, and a second filter
   interpolates over time. Slope and rotation are put back.
4. What the filters leave of the pilots, over the degrees of freedom that they leave, is noise, and so is what arrives
   well outside the delay window: the mean of the two is reported.

Nothing depends on the absolute level of the input.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import log10, pi
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.chest import Chest, Filter, FilterChoice
from picocell.phy.lte import crs, wiener
from picocell.phy.lte.cell import N_SC_RB, Cell
from picocell.phy.lte.frame import SUBCARRIER_SPACING, symbol_starts

Method = Literal["wiener", "linear", "average"]

NOISE_FLOOR: Final = 1e-6
"""Least noise power reported, relative to the pilots' power."""

_TINY: Final = 1e-30
_LEAST_SNR_DB: Final = -30.0
_REFERENCE_FFT: Final = 2048
_TIME_GAIN: Final = (1.0, 1.6, 2.1, 2.5)
"""By how much the filter over 1 to 4 pilot symbols lowers the noise when the channel is neither still nor fast."""


@dataclass(slots=True)
class ChannelEstimate:
    """Channel and measurements of one subframe.

    Attributes:
        h: complex64 (n_rx, n_ports, n_symb, n_sc) channel from each port to each receive antenna.
        noise_var: noise power per resource element and receive antenna, mean over antennas; never zero.
        rsrp: linear power per resource element of port 0's reference signal, mean over antennas (TS 36.214 5.1.1).
        rssi: linear power of a symbol that contains port 0's reference signal, over the grid's width, mean over
            symbols and antennas (TS 36.214 5.1.3).
        snr_db: rsrp over noise_var.
        delay_s: delay of the channel against the FFT window (positive: the signal comes late).
        cfo_hz: carrier frequency offset left in the subframe, as used for interpolation.
    """

    h: NDArray[np.complex64]
    noise_var: float
    rsrp: float
    rssi: float
    snr_db: float
    delay_s: float = 0.0
    cfo_hz: float = 0.0

    @property
    def rsrq_db(self) -> float:
        """Reference signal received quality N x RSRP / RSSI in dB (TS 36.214 5.1.3)."""
        n_prb = self.h.shape[-1] / N_SC_RB
        return 10 * log10(max(n_prb * self.rsrp, _TINY) / max(self.rssi, _TINY))


class Estimator:
    """Channel estimator of one cell; keeps what depends on the cell alone. Threads may share it.

    Args:
        cell: the cell; all its ports are estimated.
        method: "wiener"; "linear" (straight lines between pilots); "average" (one value for the subframe, after
            timing and frequency offset are taken out: right for a channel without fading).
        delay_spread_s: width of the delay window, up to 6 microseconds; None to let the pilots choose.
        doppler_hz: largest Doppler shift; None to let the pilots choose.

    Raises:
        ValueError: no such method, or a width out of range.
    """

    def __init__(
        self,
        cell: Cell,
        method: Method = "wiener",
        delay_spread_s: float | None = None,
        doppler_hz: float | None = None,
    ) -> None:
        if method not in ("wiener", "linear", "average"):
            raise ValueError(f"method {method!r} is not known: use 'wiener', 'linear' or 'average'")
        if delay_spread_s is not None and not 0 <= delay_spread_s <= wiener.DELAY_WIDTHS[-1]:
            raise ValueError(f"delay_spread_s {delay_spread_s} is outside 0..{wiener.DELAY_WIDTHS[-1]}")
        if doppler_hz is not None and not 0 <= doppler_hz <= 1000:
            raise ValueError(f"doppler_hz {doppler_hz} is outside 0..1000")
        self.cell = cell
        self.method: Method = method
        self._delay_widths = wiener.DELAY_WIDTHS if delay_spread_s is None else (float(delay_spread_s),)
        self._doppler_widths = wiener.DOPPLER_WIDTHS if doppler_hz is None else (float(doppler_hz),)
        if method == "average":
            self._delay_widths, self._doppler_widths = (0.0,), (0.0,)
        self._arrangements: dict[int, _Arrangement] = {}
        self._known: dict[int, tuple[_Arrangement, NDArray[np.complex64]]] = {}

    def estimate(self, subframe: int, grid: NDArray[np.complex64]) -> ChannelEstimate:
        """Estimate the channel of a subframe.

        Args:
            subframe: 0..9.
            grid: complex64 (n_rx, n_symb, n_sc).

        Raises:
            ValueError: a grid of another shape or with values that are not finite, a subframe outside 0..9 or one
                without reference signals.
        """
        known = self._known.get(subframe)
        if known is None:
            n_symbols = crs.n_downlink_symbols(self.cell, subframe)
            arrangement = self._arrangements.get(n_symbols) or self._arrange(n_symbols)
            known = self._known[subframe] = arrangement, arrangement.reference(self.cell, subframe)
        arrangement, reference = known
        h, power, first, rssi, apart, residual, slope, cfo = arrangement.chest.estimate(
            grid, reference, arrangement.filters
        )
        if h is None:
            h = np.zeros((len(grid), self.cell.n_ports, self.cell.n_symb, self.cell.n_sc), np.complex64)
            return ChannelEstimate(h, _TINY, 0.0, rssi, _LEAST_SNR_DB)
        if self.method == "wiener":  # the residual varies less, what lies apart from the channel is less biased
            apart = 0.5 * (apart + residual)
        elif self.method == "average":
            apart = residual
        noise_var = max(apart, NOISE_FLOOR) * power
        rsrp = max(first - noise_var, 10 ** (_LEAST_SNR_DB / 10) * noise_var)
        delay = -slope / (2 * pi * crs.SPACING * SUBCARRIER_SPACING)
        return ChannelEstimate(h, noise_var, rsrp, rssi, 10 * log10(rsrp / noise_var), delay, cfo)

    def _arrange(self, n_symbols: int) -> "_Arrangement":
        if not n_symbols:
            raise ValueError("an uplink subframe carries no reference signals")
        made = _Arrangement(self.cell, n_symbols, self.method, self._delay_widths, self._doppler_widths)
        return self._arrangements.setdefault(n_symbols, made)


class _Arrangement:
    """Pilots of a downlink subframe, or of the first OFDM symbols of a special one, and the kernel set up for them."""

    def __init__(
        self,
        cell: Cell,
        n_symbols: int,
        method: Method,
        delay_widths: tuple[float, ...],
        doppler_widths: tuple[float, ...],
    ) -> None:
        groups = [(0, 1)[: cell.n_ports], (2, 3)[: max(cell.n_ports - 2, 0)]]
        symbols = [[l for l in crs.positions(cell, ports[0])[0] if l < n_symbols] for ports in groups if ports]
        used = [(ports, mine) for ports, mine in zip(groups, symbols, strict=False) if mine]
        if sum(len(ports) for ports, _ in used) < cell.n_ports:
            raise ValueError(f"{n_symbols} OFDM symbols hold no reference signals of some of the {cell.n_ports} ports")
        self._rows = [(port, i) for ports, mine in used for port in ports for i in range(len(mine))]
        v_shift = crs.v_shift(cell) % 3
        offsets = (v_shift, v_shift + 3)
        time_gain = _TIME_GAIN[len(used[0][1]) - 1]
        self.filters = FilterChoice(
            lambda model, snr: _frequency_filters(cell.n_prb, method, offsets, delay_widths[model], snr),
            snr_db=wiener.SNR_GRID_DB,
            gain_db=10 * log10(time_gain),
            freedom=[len(used[0][0]) * (1 + SUBCARRIER_SPACING * cell.n_sc * width) for width in delay_widths],
        )
        times = symbol_times(cell)
        pilot_times = [tuple(times[l] for l in mine) for _, mine in used]
        self.chest = Chest(
            n_symb=cell.n_symb,
            n_sc=cell.n_sc,
            index=np.stack([crs.flat_index(cell, port)[i] for port, i in self._rows]),
            row_filter=[offsets.index(crs.positions(cell, port)[1][i]) for port, i in self._rows],
            first_pilot=offsets,
            ports=[len(ports) for ports, _ in used],
            symbols=[mine for _, mine in used],
            times=times,
            delay=wiener.delay_models(2 * cell.n_prb, delay_widths),
            time_gain=time_gain,
            doppler=wiener.doppler_models(pilot_times[0], doppler_widths),
            filters=[_time_filters(method, mine, times, doppler_widths) for mine in pilot_times],
        )

    def reference(self, cell: Cell, subframe: int) -> NDArray[np.complex64]:
        """What was sent on the pilots, complex64 (n_rows, n_pilots)."""
        return np.stack([crs.sequence(cell, subframe, port)[i] for port, i in self._rows])


def _frequency_filters(
    n_prb: int, method: Method, offsets: tuple[int, int], width: float, snr: int
) -> tuple[Filter, Filter]:
    """Filters over frequency for pilots from either of two subcarriers on."""
    if method == "average":
        return wiener.mean_filter(n_prb), wiener.mean_filter(n_prb)
    if method == "linear":
        return wiener.straight_filter(n_prb, offsets[0]), wiener.straight_filter(n_prb, offsets[1])
    return wiener.delay_filter(n_prb, offsets[0], width, snr), wiener.delay_filter(n_prb, offsets[1], width, snr)


def _time_filters(
    method: Method, pilot_times: tuple[float, ...], times: tuple[float, ...], widths: tuple[float, ...]
) -> NDArray[np.float32]:
    """Filters over time, float32 (n_snr, n_widths, n_symb, n_times)."""
    if method == "wiener":
        return wiener.doppler_filters(pilot_times, times, widths)
    n = len(pilot_times)
    weights = np.full((len(times), n), 1 / n) if method == "average" else wiener.straight_weights(pilot_times, times)
    shape = (len(wiener.SNR_GRID_DB), len(widths), len(times), n)
    return np.broadcast_to(weights.astype(np.float32), shape)


@lru_cache(maxsize=8)
def symbol_times(cell: Cell) -> tuple[float, ...]:
    """Start of each OFDM symbol's useful part within the subframe, in seconds."""
    ends = symbol_starts(_REFERENCE_FFT, cell.cp)[1:]
    return tuple((end - _REFERENCE_FFT) / (_REFERENCE_FFT * SUBCARRIER_SPACING) for end in ends)


@lru_cache(maxsize=64)
def _estimator(cell: Cell, method: Method) -> Estimator:
    return Estimator(cell, method)


def estimate(cell: Cell, subframe: int, grid: NDArray[np.complex64], method: Method = "wiener") -> ChannelEstimate:
    """Estimate the channel of a subframe from its cell-specific reference signals.

    Args:
        cell: the cell.
        subframe: 0..9.
        grid: complex64 (n_rx, n_symb, n_sc).
        method: see `Estimator`.

    Raises:
        ValueError: as `Estimator.estimate`, or an unknown method.
    """
    return _estimator(cell, method).estimate(subframe, grid)
