"""Channel estimation from scattered reference symbols: delay model, filter over frequency, filter over time."""

import numpy as np

from libc.math cimport isfinite, log10, rint, sqrt
from libc.stdint cimport int32_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "chest.hpp" namespace "picocell" nogil:
    cdef struct ChestRows:
        size_t n_rows, n_pilots
        const int32_t* index
        const float* reference
        size_t n_rssi
        const int32_t* rssi
    cdef struct ChestDelayModels:
        size_t n_widths, length, n_lags, n_phases, n_blocks
        const int32_t* blocks
        const int32_t* lag
        const double* places
        const double* silence
        const double* cosine
        const double* sine
        const double* vectors
        const double* values
        const int32_t* loud
        const double* prior
        double time_gain, noise_correction, weight
        bint even
        size_t guard
    cdef struct ChestObservation:
        double power, first, rssi, noise, apart, slope
        int32_t width
    cdef struct ChestFilter:
        size_t length
        const int32_t* start
        const float* taps
        const float* fours
        const int32_t* four
        const int32_t* later
    cdef struct ChestGroup:
        size_t n_ports, n_times, first_row, first_port
        const float* filters
        const int32_t* symbols
    cdef struct ChestDopplerModels:
        size_t n_snr, n_widths, n_offsets
        const double* weights
        const double* log_det
        const double* offsets
        const double* prior
        const double* turns
        double freedom
    cdef struct ChestPlan:
        size_t n_rx, n_rows, n_pilots, n_sc, n_symb, n_groups, n_ports
        const int32_t* index
        const int32_t* row_filter
        const int32_t* first_pilot
        ChestFilter filter[2]
        double own[2]
        ChestGroup group[2]
        const double* times
        ChestDopplerModels doppler
        size_t snr
        double slope, scale
    cdef struct ChestResult:
        double noise, cfo
        int32_t doppler
    cdef struct ChestOps:
        void (*observe)(const float*, size_t, size_t, size_t, const ChestRows&, const ChestDelayModels&, float*,
                        ChestObservation&) noexcept nogil
        void (*interpolate)(const float*, const ChestPlan&, float*, ChestResult&) noexcept nogil
    const ChestOps& chest_ops(int isa)

cdef const ChestOps* _ops = &chest_ops(isa.chosen())

MAX_TIMES = 4

cdef enum:
    _MOST_WIDTHS = 16
    _VECTOR = 8


cdef const int32_t* _ints(list keep, array, shape, name) except NULL:
    """Pointer to a checked copy of an array that `keep` holds on to."""
    kept = np.array(array, np.int32, order="C", ndmin=1)
    _check(kept, shape, name)
    keep.append(kept)
    cdef int32_t[::1] view = kept.reshape(-1)
    return &view[0]


cdef const double* _doubles(list keep, array, shape, name) except NULL:
    kept = np.array(array, np.float64, order="C", ndmin=1)
    _check(kept, shape, name)
    keep.append(kept)
    cdef double[::1] view = kept.reshape(-1)
    return &view[0]


cdef const float* _floats(list keep, array, shape, name) except NULL:
    kept = np.array(array, np.float32, order="C", ndmin=1)
    _check(kept, shape, name)
    keep.append(kept)
    cdef float[::1] view = kept.reshape(-1)
    return &view[0]


def _check(array, shape, name):
    if array.shape != shape or array.size == 0:
        raise ValueError(f"{name} of shape {array.shape} is not allowed: it must be {shape} and not empty")


cdef _within(array, low, high, name):
    if np.min(array) < low or np.max(array) > high:
        raise ValueError(f"{name} has entries outside {low}..{high}")


cdef class Filter:
    """Weights over a window of pilots for each subcarrier."""
    cdef ChestFilter view
    cdef list keep
    cdef readonly double own
    cdef readonly double gain
    cdef size_t n_sc
    cdef size_t n_pilots

    def __init__(self, start, taps, own, gain, n_pilots):
        self.keep = []
        self.own = own
        self.gain = gain
        self.n_pilots = n_pilots
        start = np.asarray(start)
        taps = np.asarray(taps)
        if start.ndim != 1 or taps.ndim != 2 or taps.shape[0] != start.shape[0] or taps.shape[1] > n_pilots:
            raise ValueError(f"start of shape {start.shape} and taps of shape {taps.shape} are not allowed: "
                             f"(n_sc,) and (n_sc, window), window at most {n_pilots}")
        self.n_sc = start.shape[0]
        self.view.length = taps.shape[1]
        self.view.start = _ints(self.keep, start, start.shape, "start")
        _within(start, 0, n_pilots - taps.shape[1], "start")
        if self.view.length:
            self.view.taps = _floats(self.keep, taps, taps.shape, "taps")
            self._set_fours(start, taps)

    cdef _set_fours(self, start, taps):
        """The taps of four subcarriers together, without repetitions: most are those of four before them."""
        if len(start) % 4:
            return
        apart = start.reshape(-1, 4) - start[::4, None]
        if apart.min() < 0 or apart.max() > 1:
            return
        rows = taps.astype(np.float32).reshape(len(apart), 4, -1).transpose(0, 2, 1).reshape(len(apart), -1)
        found, which = np.unique(rows.view(np.uint32), axis=0, return_inverse=True)
        fours = np.append(found.view(np.float32), np.zeros(16, np.float32))
        self.view.fours = _floats(self.keep, fours, fours.shape, "fours")
        self.view.four = _ints(self.keep, which.reshape(-1), (len(apart),), "four")
        self.view.later = _ints(self.keep, apart @ (1, 2, 4, 8), (len(apart),), "later")


cdef class FilterChoice:
    """Filters over frequency by delay model and noise level."""
    cdef object make
    cdef dict made
    cdef double first_db, step_db, gain_db
    cdef readonly int n_snr, n_widths
    cdef double freedom[_MOST_WIDTHS]

    def __init__(self, make, *, snr_db, gain_db, freedom):
        levels = np.asarray(snr_db, np.float64)
        if levels.ndim != 1 or len(levels) < 2 or not np.allclose(np.diff(levels), levels[1] - levels[0]):
            raise ValueError("snr_db must be two or more levels, evenly spaced")
        if not 1 <= len(freedom) <= _MOST_WIDTHS:
            raise ValueError(f"freedom of {len(freedom)} delay models is not allowed: 1 to {_MOST_WIDTHS}")
        self.make, self.made = make, {}
        self.first_db, self.step_db, self.n_snr = levels[0], levels[1] - levels[0], len(levels)
        self.gain_db, self.n_widths = gain_db, len(freedom)
        for i, value in enumerate(freedom):
            self.freedom[i] = value

    cdef int level(self, double snr_db):
        """Noise level nearest to a signal-to-noise ratio."""
        return <int>min(max(rint((snr_db - self.first_db) / self.step_db), 0.0), <double>(self.n_snr - 1))

    cdef tuple pair(self, int width, double snr_db):
        """Filters of a delay model for the two places of the first pilot."""
        cdef int key = width * self.n_snr + self.level(snr_db + self.gain_db)
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = self.make(width, key - width * self.n_snr)
        return found


cdef class Chest:
    """Estimator for one arrangement of pilots. Threads may share an object."""
    cdef list keep
    cdef ChestRows rows
    cdef ChestDelayModels delay
    cdef ChestPlan plan
    cdef double noise_spread

    def __init__(self, *, n_symb, n_sc, index, row_filter, first_pilot, ports, symbols, times, delay, time_gain,
                 doppler, filters):
        self.keep = []
        index = np.asarray(index)
        if index.ndim != 2:
            raise ValueError(f"index of shape {index.shape} is not allowed: (n_rows, n_pilots)")
        n_rows, n_pilots = index.shape
        _within(index, 0, n_symb * n_sc - 1, "index")
        if not 1 <= len(ports) <= 2 or len(symbols) != len(ports) or len(filters) != len(ports):
            raise ValueError("one or two groups of ports are allowed, with symbols and filters for each")
        self.plan.n_rows = n_rows
        self.plan.n_pilots = n_pilots
        self.plan.n_sc = n_sc
        self.plan.n_symb = n_symb
        self.plan.index = _ints(self.keep, index, (n_rows, n_pilots), "index")
        self.plan.row_filter = _ints(self.keep, row_filter, (n_rows,), "row_filter")
        _within(row_filter, 0, 1, "row_filter")
        self.plan.first_pilot = _ints(self.keep, first_pilot, (2,), "first_pilot")
        _within(first_pilot, 0, n_sc - 1 - 6 * (n_pilots - 1), "first_pilot")
        self.plan.times = _doubles(self.keep, times, (n_symb,), "times")
        _within(symbols[0], 0, n_symb - 1, "symbols")
        self._set_doppler(doppler, np.asarray(times)[list(symbols[0])])
        self._set_groups(ports, symbols, filters)
        self.rows.n_rows = n_rows
        self.rows.n_pilots = n_pilots
        self.rows.index = self.plan.index
        self.rows.n_rssi = len(symbols[0])
        self.rows.rssi = self.plan.group[0].symbols
        self._set_delay(delay, time_gain)

    cdef _set_doppler(self, doppler, pilot_times):
        cdef ChestDopplerModels* m = &self.plan.doppler
        n_times = len(pilot_times)
        m.n_snr, m.n_widths = np.shape(doppler.log_det)
        m.n_offsets = len(doppler.offsets)
        m.weights = _doubles(self.keep, doppler.weights, (m.n_snr, m.n_widths, n_times, n_times), "weights")
        m.log_det = _doubles(self.keep, doppler.log_det, (m.n_snr, m.n_widths), "log_det")
        m.offsets = _doubles(self.keep, doppler.offsets, (m.n_offsets,), "offsets")
        m.prior = _doubles(self.keep, doppler.prior, (m.n_offsets,), "prior")
        angles = 2 * np.pi * np.asarray(doppler.offsets)[:, None, None] * np.subtract.outer(pilot_times, pilot_times)
        turns = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        m.turns = _doubles(self.keep, turns, (m.n_offsets, n_times, n_times, 2), "turns")

    cdef _set_groups(self, ports, symbols, filters):
        cdef size_t row = 0, port = 0, i, n_times
        self.plan.n_groups = len(ports)
        for i in range(self.plan.n_groups):
            n_times = len(symbols[i])
            if not 1 <= n_times <= MAX_TIMES:
                raise ValueError(f"{n_times} pilot symbols are not allowed: 1 to {MAX_TIMES}")
            _within(symbols[i], 0, self.plan.n_symb - 1, "symbols")
            self.plan.group[i].n_ports = ports[i]
            self.plan.group[i].n_times = n_times
            self.plan.group[i].first_row = row
            self.plan.group[i].first_port = port
            self.plan.group[i].symbols = _ints(self.keep, symbols[i], (n_times,), "symbols")
            shape = (self.plan.doppler.n_snr, self.plan.doppler.n_widths, self.plan.n_symb, n_times)
            self.plan.group[i].filters = _floats(self.keep, filters[i], shape, "filters")
            row += n_times * self.plan.group[i].n_ports
            port += self.plan.group[i].n_ports
        if row != self.plan.n_rows:
            raise ValueError(f"index has {self.plan.n_rows} rows, the groups have {row}")
        self.plan.n_ports = port

    cdef _set_delay(self, delay, time_gain):
        cdef ChestDelayModels* m = &self.delay
        n_widths, length = np.shape(delay.values)
        n_lags, n_phases = np.shape(delay.cosine)
        m.n_widths, m.length, m.n_lags, m.n_phases = n_widths, length, n_lags, n_phases
        m.n_blocks = len(delay.blocks)
        m.blocks = _ints(self.keep, delay.blocks, (m.n_blocks,), "blocks")
        _within(delay.blocks, 0, self.plan.n_pilots - length, "blocks")
        m.lag = _ints(self.keep, delay.lag, (length, length), "lag")
        _within(delay.lag, 0, n_lags - 1, "lag")
        rows, columns = np.tril_indices(length)
        m.even = n_lags == length and np.array_equal(np.asarray(delay.lag)[rows, columns], rows - columns)
        m.places = _doubles(self.keep, delay.places, (length,), "places")
        silence = np.asarray(delay.silence, np.float64)
        _check(silence, (length, length), "silence")
        # whole vectors are read also from the end of the last row
        padded = np.pad(silence.reshape(-1), (0, _VECTOR))
        m.silence = _doubles(self.keep, padded, padded.shape, "silence")
        m.cosine = _doubles(self.keep, delay.cosine, (n_lags, n_phases), "cosine")
        m.sine = _doubles(self.keep, delay.sine, (n_lags, n_phases), "sine")
        m.vectors = _doubles(self.keep, delay.vectors, (n_widths, length, length), "vectors")
        m.values = _doubles(self.keep, delay.values, (n_widths, length), "values")
        m.loud = _ints(self.keep, delay.loud, (n_widths,), "loud")
        _within(delay.loud, 0, length - 1, "loud")
        m.prior = _doubles(self.keep, delay.prior, (n_widths, n_phases), "prior")
        m.time_gain = time_gain
        m.guard = delay.guard
        self.noise_spread = delay.noise_spread

    def observe(self, grid, reference):
        """Least squares at the pilots and choice of the delay model."""
        grid = np.ascontiguousarray(grid, np.complex64)
        reference = np.ascontiguousarray(reference, np.complex64)
        self._check_shapes(grid, reference)
        cdef size_t n_rx = grid.shape[0]
        z = np.empty((n_rx, self.plan.n_rows, self.plan.n_pilots), np.complex64)
        cdef const float complex[:, :, ::1] y = grid
        cdef const float complex[:, ::1] r = reference
        cdef float complex[:, :, ::1] pilots = z
        cdef ChestObservation out = self._observed(&y[0, 0, 0], n_rx, &r[0, 0], &pilots[0, 0, 0])
        return z, out.power, out.first, out.rssi, out.noise, out.apart, out.slope, out.width

    def estimate(self, grid, reference, FilterChoice choice not None):
        """`observe` and `interpolate` in one call, with the filters for what was observed."""
        grid = np.ascontiguousarray(grid, np.complex64)
        reference = np.ascontiguousarray(reference, np.complex64)
        self._check_shapes(grid, reference)
        cdef const float complex[:, :, ::1] y = grid
        cdef const float complex[:, ::1] r = reference
        if <size_t>choice.n_widths != self.delay.n_widths or <size_t>choice.n_snr != self.plan.doppler.n_snr:
            raise ValueError(f"filters for {choice.n_widths} delay models and {choice.n_snr} noise levels do not fit: "
                             f"{self.delay.n_widths} and {self.plan.doppler.n_snr} are needed")
        cdef size_t n_rx = y.shape[0]
        z = np.empty((n_rx, self.plan.n_rows, self.plan.n_pilots), np.complex64)
        cdef float complex[:, :, ::1] pilots = z
        cdef ChestObservation seen = self._observed(&y[0, 0, 0], n_rx, &r[0, 0], &pilots[0, 0, 0])
        if seen.power <= 0:
            return None, seen.power, seen.first, seen.rssi, 0.0, 0.0, 0.0, 0.0
        cdef double snr_db = 10 * log10(max(1 - seen.noise, 0.02) / seen.noise)
        cdef Filter first, second
        first, second = choice.pair(seen.width, snr_db)
        self._check_filters(first, second)
        h = np.empty((n_rx, self.plan.n_ports, self.plan.n_symb, self.plan.n_sc), np.complex64)
        cdef float complex[:, :, :, ::1] filled = h
        cdef ChestResult out = self._interpolated(
            &pilots[0, 0, 0], n_rx, first, second, choice.level(snr_db - 10 * log10(first.gain)), seen.slope,
            sqrt(seen.power), n_rx * choice.freedom[seen.width], &filled[0, 0, 0, 0])
        return h, seen.power, seen.first, seen.rssi, seen.apart, out.noise, seen.slope, out.cfo

    cdef _check_shapes(self, grid, reference):
        if grid.ndim != 3 or grid.shape[0] < 1 or grid.shape[1:] != (self.plan.n_symb, self.plan.n_sc):
            raise ValueError(f"grid of shape {grid.shape} is not allowed: "
                             f"(n_rx, {self.plan.n_symb}, {self.plan.n_sc})")
        if reference.shape != (self.plan.n_rows, self.plan.n_pilots):
            raise ValueError(f"reference of shape {reference.shape} is not allowed: "
                             f"({self.plan.n_rows}, {self.plan.n_pilots})")

    cdef ChestObservation _observed(self, const float complex* grid, size_t n_rx, const float complex* reference,
                                    float complex* z) except *:
        cdef ChestRows rows = self.rows
        cdef ChestDelayModels models = self.delay
        cdef ChestObservation out
        out.noise = out.apart = out.slope = 0
        out.width = 0
        rows.reference = <const float*>reference
        models.weight = n_rx * self.plan.n_ports * models.n_blocks
        models.noise_correction = 1 + self.noise_spread / sqrt(n_rx * self.plan.n_rows * models.n_blocks)
        with nogil:
            _ops.observe(<const float*>grid, n_rx, self.plan.n_symb * self.plan.n_sc, self.plan.n_sc, rows, models,
                         <float*>z, out)
        if not isfinite(out.power):
            raise ValueError("grid has values that are not finite")
        return out

    cdef int _check_filters(self, Filter first, Filter second) except -1:
        if not (first.n_sc == second.n_sc == self.plan.n_sc
                and first.n_pilots == second.n_pilots == self.plan.n_pilots):
            raise ValueError("the filters are for another arrangement of pilots")
        return 0

    cdef ChestResult _interpolated(self, const float complex* z, size_t n_rx, Filter first, Filter second, size_t snr,
                                   double slope, double scale, double freedom, float complex* h) except *:
        cdef ChestPlan plan = self.plan
        cdef ChestResult out
        plan.n_rx = n_rx
        plan.filter[0], plan.filter[1] = first.view, second.view
        plan.own[0], plan.own[1] = first.own, second.own
        plan.snr, plan.slope, plan.scale, plan.doppler.freedom = snr, slope, scale, freedom
        with nogil:
            _ops.interpolate(<const float*>z, plan, <float*>h, out)
        return out

    def interpolate(self, z, Filter first not None, Filter second not None, snr, slope, scale, freedom):
        """Pilots to all resource elements."""
        z = np.ascontiguousarray(z, np.complex64)
        if z.ndim != 3 or z.shape[0] < 1 or z.shape[1:] != (self.plan.n_rows, self.plan.n_pilots):
            raise ValueError(f"z of shape {z.shape} is not allowed: (n_rx, {self.plan.n_rows}, {self.plan.n_pilots})")
        self._check_filters(first, second)
        if not 0 <= snr < self.plan.doppler.n_snr:
            raise ValueError(f"snr {snr} is outside 0..{self.plan.doppler.n_snr - 1}")
        if not scale > 0:
            raise ValueError(f"scale {scale} is not allowed: it must be positive")
        h = np.empty((len(z), self.plan.n_ports, self.plan.n_symb, self.plan.n_sc), np.complex64)
        cdef const float complex[:, :, ::1] pilots = z
        cdef float complex[:, :, :, ::1] filled = h
        cdef ChestResult out = self._interpolated(&pilots[0, 0, 0], len(z), first, second, snr, slope, scale, freedom,
                                                  &filled[0, 0, 0, 0])
        return h, out.noise, out.cfo, out.doppler
