"""Channel estimation from scattered reference symbols: delay model, filter over frequency, filter over time.

A row is the reference symbols of one port in one OFDM symbol, six subcarriers apart; rows are ordered by port, then by
symbol. ``picocell.phy.lte.wiener`` makes the tables.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_TIMES: int

class _DelayTables(Protocol):
    @property
    def blocks(self) -> NDArray[np.int32]: ...
    @property
    def lag(self) -> NDArray[np.int32]: ...
    @property
    def places(self) -> NDArray[np.float64]: ...
    @property
    def silence(self) -> NDArray[np.float64]: ...
    @property
    def cosine(self) -> NDArray[np.float64]: ...
    @property
    def sine(self) -> NDArray[np.float64]: ...
    @property
    def vectors(self) -> NDArray[np.float64]: ...
    @property
    def values(self) -> NDArray[np.float64]: ...
    @property
    def loud(self) -> NDArray[np.int32]: ...
    @property
    def prior(self) -> NDArray[np.float64]: ...
    @property
    def noise_spread(self) -> float: ...
    @property
    def guard(self) -> int: ...

class _DopplerTables(Protocol):
    @property
    def weights(self) -> NDArray[np.float64]: ...
    @property
    def log_det(self) -> NDArray[np.float64]: ...
    @property
    def offsets(self) -> NDArray[np.float64]: ...
    @property
    def prior(self) -> NDArray[np.float64]: ...

class Filter:
    """Weights over a window of pilots for each subcarrier.

    Args:
        start: int32 (n_sc,) first pilot that each subcarrier uses.
        taps: float32 (n_sc, window); with a window of 0 every subcarrier gets the mean of all pilots.
        own: mean weight of a pilot in its own estimate.
        gain: mean noise power of an output for noise of power one.
        n_pilots: pilots of a row.

    Raises:
        ValueError: shapes, or a window that reaches past the pilots.
    """

    own: float
    gain: float
    def __init__(self, start: ArrayLike, taps: ArrayLike, own: float, gain: float, n_pilots: int) -> None: ...

class FilterChoice:
    """Filters over frequency by delay model and noise level, each made when it is first asked for.

    Args:
        make: gives the filters of a delay model and a noise level, for rows with row_filter 0 and 1.
        snr_db: the noise levels as signal-to-noise ratios, evenly spaced.
        gain_db: by how much the filter over time raises that ratio, roughly.
        freedom: independent observations of a pilot symbol by delay model, of one receive antenna; 1 to 16 models.

    Raises:
        ValueError: other numbers.
    """

    n_snr: int
    n_widths: int
    def __init__(
        self,
        make: Callable[[int, int], tuple[Filter, Filter]],
        *,
        snr_db: ArrayLike,
        gain_db: float,
        freedom: Sequence[float],
    ) -> None: ...

class Chest:
    """Estimator for one arrangement of pilots. Threads may share an object.

    Args:
        n_symb: OFDM symbols of a subframe.
        n_sc: subcarriers.
        index: int32 (n_rows, n_pilots) flattened resource elements of the pilots.
        row_filter: int32 (n_rows,) which of two filters over frequency a row takes.
        first_pilot: int32 (2,) first pilot's subcarrier under each of them.
        ports: number of ports in each of one or two groups of ports that share OFDM symbols.
        symbols: pilot symbols of each group, 1 to MAX_TIMES.
        times: float64 (n_symb,) seconds.
        delay: tables of the delay models.
        time_gain: by how much the filter over time will lower the noise, roughly.
        doppler: tables of the Doppler models, for the first group's symbols.
        filters: for each group float32 (n_snr, n_widths, n_symb, n_times): filters over time.

    Raises:
        ValueError: shapes that do not agree, or entries out of range.
    """

    def __init__(
        self,
        *,
        n_symb: int,
        n_sc: int,
        index: ArrayLike,
        row_filter: ArrayLike,
        first_pilot: ArrayLike,
        ports: Sequence[int],
        symbols: Sequence[Sequence[int]],
        times: ArrayLike,
        delay: _DelayTables,
        time_gain: float,
        doppler: _DopplerTables,
        filters: Sequence[NDArray[np.float32]],
    ) -> None: ...
    def observe(
        self, grid: NDArray[np.complex64], reference: NDArray[np.complex64]
    ) -> tuple[NDArray[np.complex64], float, float, float, float, float, float, int]:
        """Least squares at the pilots and choice of the delay model.

        Args:
            grid: complex64 (n_rx, n_symb, n_sc).
            reference: complex64 (n_rows, n_pilots), what was sent.

        Returns:
            ``(z, power, first, rssi, noise, apart, slope, width)``: complex64 (n_rx, n_rows, n_pilots) least squares
            estimates over sqrt(power); mean power of a pilot, of a pilot of port 0, of an OFDM symbol; noise over
            power, outside the chosen delay window and outside a wider one; phase slope of the window's centre in
            radians per pilot spacing; model. With power 0 only power, first and rssi mean anything.

        Raises:
            ValueError: wrong shapes, or values that are not finite.
        """

    def estimate(
        self, grid: NDArray[np.complex64], reference: NDArray[np.complex64], choice: FilterChoice
    ) -> tuple[NDArray[np.complex64] | None, float, float, float, float, float, float, float]:
        """`observe` and `interpolate` in one call, with the filters for what was observed.

        Args:
            grid: complex64 (n_rx, n_symb, n_sc).
            reference: complex64 (n_rows, n_pilots), what was sent.
            choice: where the filters over frequency come from.

        Returns:
            ``(h, power, first, rssi, apart, residual, slope, cfo)``: the channel as by `interpolate`, scaled to the
            pilots' power; None where that is 0. The rest as by `observe`, and noise power and frequency offset as by
            `interpolate`.

        Raises:
            ValueError: wrong shapes, values that are not finite, filters for other models or pilots.
        """

    def interpolate(
        self,
        z: NDArray[np.complex64],
        first: Filter,
        second: Filter,
        snr: int,
        slope: float,
        scale: float,
        freedom: float,
    ) -> tuple[NDArray[np.complex64], float, float, int]:
        """Pilots to all resource elements.

        Args:
            z: complex64 (n_rx, n_rows, n_pilots).
            first: filter over frequency of the rows with row_filter 0.
            second: of those with row_filter 1.
            snr: noise level after the filter over frequency, an entry of the Doppler tables.
            slope: radians per pilot spacing, taken out before the filter and put back.
            scale: factor on the output.
            freedom: independent observations of a pilot symbol.

        Returns:
            ``(h, noise, cfo, doppler)``: complex64 (n_rx, n_ports, n_symb, n_sc), noise power of z, frequency offset in
            hertz, Doppler model.

        Raises:
            ValueError: wrong shapes, filters or numbers.
        """
