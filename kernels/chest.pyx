"""Channel estimation from scattered reference symbols: delay model, filter over frequency, filter over time."""

import numpy as np

from libc.math cimport isfinite, sqrt
from libc.stdint cimport int32_t

from picocell.kernels import isa

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
        size_t guard
    cdef struct ChestObservation:
        double power, first, rssi, noise, apart, slope
        int32_t width
    cdef struct ChestFilter:
        size_t length
        const int32_t* start
        const float* taps
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
        self._set_doppler(doppler, len(symbols[0]))
        self._set_groups(ports, symbols, filters)
        self.rows.n_rows = n_rows
        self.rows.n_pilots = n_pilots
        self.rows.index = self.plan.index
        self.rows.n_rssi = len(symbols[0])
        self.rows.rssi = self.plan.group[0].symbols
        self._set_delay(delay, time_gain)

    cdef _set_doppler(self, doppler, n_times):
        cdef ChestDopplerModels* m = &self.plan.doppler
        m.n_snr, m.n_widths = doppler.log_det.shape
        m.n_offsets = len(doppler.offsets)
        m.weights = _doubles(self.keep, doppler.weights, (m.n_snr, m.n_widths, n_times, n_times), "weights")
        m.log_det = _doubles(self.keep, doppler.log_det, (m.n_snr, m.n_widths), "log_det")
        m.offsets = _doubles(self.keep, doppler.offsets, (m.n_offsets,), "offsets")
        m.prior = _doubles(self.keep, doppler.prior, (m.n_offsets,), "prior")

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
        n_widths, length = delay.values.shape
        n_lags, n_phases = delay.cosine.shape
        m.n_widths, m.length, m.n_lags, m.n_phases = n_widths, length, n_lags, n_phases
        m.n_blocks = len(delay.blocks)
        m.blocks = _ints(self.keep, delay.blocks, (m.n_blocks,), "blocks")
        _within(delay.blocks, 0, self.plan.n_pilots - length, "blocks")
        m.lag = _ints(self.keep, delay.lag, (length, length), "lag")
        _within(delay.lag, 0, n_lags - 1, "lag")
        m.places = _doubles(self.keep, delay.places, (length,), "places")
        m.silence = _doubles(self.keep, delay.silence, (length, length), "silence")
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
        if grid.ndim != 3 or grid.shape[0] < 1 or grid.shape[1:] != (self.plan.n_symb, self.plan.n_sc):
            raise ValueError(f"grid of shape {grid.shape} is not allowed: "
                             f"(n_rx, {self.plan.n_symb}, {self.plan.n_sc})")
        if reference.shape != (self.plan.n_rows, self.plan.n_pilots):
            raise ValueError(f"reference of shape {reference.shape} is not allowed: "
                             f"({self.plan.n_rows}, {self.plan.n_pilots})")
        cdef size_t n_rx = grid.shape[0]
        z = np.empty((n_rx, self.plan.n_rows, self.plan.n_pilots), np.complex64)
        cdef const float[::1] y_view = grid.reshape(-1).view(np.float32)
        cdef const float[::1] r_view = reference.reshape(-1).view(np.float32)
        cdef float[::1] z_view = z.reshape(-1).view(np.float32)
        cdef ChestRows rows = self.rows
        cdef ChestDelayModels models = self.delay
        cdef ChestObservation out
        out.noise = out.apart = out.slope = 0
        out.width = 0
        rows.reference = &r_view[0]
        models.weight = n_rx * self.plan.n_ports * models.n_blocks
        models.noise_correction = 1 + self.noise_spread / sqrt(n_rx * self.plan.n_rows * models.n_blocks)
        with nogil:
            _ops.observe(&y_view[0], n_rx, self.plan.n_symb * self.plan.n_sc, self.plan.n_sc, rows, models,
                         &z_view[0], out)
        if not isfinite(out.power):
            raise ValueError("grid has values that are not finite")
        return z, out.power, out.first, out.rssi, out.noise, out.apart, out.slope, out.width

    def interpolate(self, z, Filter first not None, Filter second not None, snr, slope, scale, freedom):
        """Pilots to all resource elements."""
        cdef ChestPlan plan = self.plan
        z = np.ascontiguousarray(z, np.complex64)
        if z.ndim != 3 or z.shape[0] < 1 or z.shape[1:] != (plan.n_rows, plan.n_pilots):
            raise ValueError(f"z of shape {z.shape} is not allowed: (n_rx, {plan.n_rows}, {plan.n_pilots})")
        if not (first.n_sc == second.n_sc == plan.n_sc and first.n_pilots == second.n_pilots == plan.n_pilots):
            raise ValueError("the filters are for another arrangement of pilots")
        if not 0 <= snr < plan.doppler.n_snr:
            raise ValueError(f"snr {snr} is outside 0..{plan.doppler.n_snr - 1}")
        if not scale > 0:
            raise ValueError(f"scale {scale} is not allowed: it must be positive")
        plan.n_rx = z.shape[0]
        plan.filter[0], plan.filter[1] = first.view, second.view
        plan.own[0], plan.own[1] = first.own, second.own
        plan.snr = snr
        plan.slope = slope
        plan.scale = scale
        plan.doppler.freedom = freedom
        h = np.empty((plan.n_rx, plan.n_ports, plan.n_symb, plan.n_sc), np.complex64)
        cdef const float[::1] z_view = z.reshape(-1).view(np.float32)
        cdef float[::1] h_view = h.reshape(-1).view(np.float32)
        cdef ChestResult out
        with nogil:
            _ops.interpolate(&z_view[0], plan, &h_view[0], out)
        return h, out.noise, out.cfo, out.doppler
