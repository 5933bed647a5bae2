"""Channel estimation and equalisation of SC-FDMA allocations from two reference symbols."""

import numpy as np

from libc.math cimport isfinite
from libc.stdint cimport int16_t, uint64_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "ulchest.hpp" namespace "picocell" nogil:
    const int ulchest_max_subcarriers
    const int ulchest_max_rx
    const int ulchest_max_symbols
    cdef struct UlAllocation:
        int n_rx
        int n_symb
        int n_sc
        int m
        int first[2]
    const int ulchest_max_window
    const int ulchest_max_offsets
    cdef struct UlDelayTables:
        int length
        int n_snr
        int n_widths
        int n_offsets
        double first_snr_db
        double snr_step_db
        double first_offset
        double offset_step
        double turn
        const float* inverse
        const double* log_det
        const float* phases
        const double* prior
        const float* silence
        const float* quiet
    cdef struct UlDelay:
        int width
        double offset
        double noise
        double total
    ctypedef struct DftPlan:
        int n
    bint dft_size_allowed(int n)
    DftPlan* dft_plan_create(int n)
    void dft_plan_destroy(DftPlan* plan)
    cdef struct UlPuschPlan:
        const UlDelayTables* delay
        int pilot[2]
        int window
        const float* taps
        const double* explained
        int n_fading
        double fading_steps
        double min_fading, max_fading
        const double* fading
        const double* over_time
        const double* over_power
        const double* ahead
        const double* since_own
        double apart
        double least_snr
    cdef struct UlPuschBits:
        int n_data
        int symbols[14]
        int q_m
        const uint64_t* scrambling
        const DftPlan* dft
    cdef struct UlPuschFound:
        float* x
        float* variance
        int16_t* llr
        double* level
    cdef struct UlchestOps:
        double (*pilots)(const UlAllocation&, const float*, const int*, const float*, float*) noexcept nogil
        int (*covariance)(const float*, int, int, int, float*) noexcept nogil
        UlDelay (*delay)(const UlDelayTables&, const float*, double, double) noexcept nogil
        void (*channel)(const UlAllocation&, const float*, double, const float*, const float* const*, int,
                        const float*, float*) noexcept nogil
        void (*equalise)(const UlAllocation&, const float*, const float*, const float*, const int*, int, float*,
                         float*) noexcept nogil
        bint (*pusch)(const UlPuschPlan&, const UlAllocation&, const float*, const float*, const UlPuschBits&, double,
                      const UlPuschFound&) noexcept nogil
    const UlchestOps& ulchest_ops(int isa)

cdef const UlchestOps* _ops = &ulchest_ops(isa.chosen())

MAX_RX = ulchest_max_rx
BLOCK_LENGTHS = (12, 24)
MAX_WINDOW = ulchest_max_window
MAX_OFFSETS = ulchest_max_offsets


cdef _complex(array, shape, str what):
    """The array as contiguous complex64 of the shape."""
    data = np.ascontiguousarray(array, np.complex64)
    if data.shape != shape:
        raise ValueError(f"{what} of shape {data.shape} is not allowed: shape {shape} is")
    return data


cdef _grid(grid):
    data = np.ascontiguousarray(grid, np.complex64)
    if data.ndim != 3 or not 1 <= data.shape[0] <= MAX_RX or data.shape[1] not in (12, 14):
        raise ValueError(f"grid of shape {data.shape} is not allowed: shape (n_rx 1..{MAX_RX}, 14 or 12, n_sc) is")
    return data


cdef UlAllocation _where(grid, starts, Py_ssize_t m) except *:
    cdef UlAllocation where
    where.n_rx, where.n_symb, where.n_sc = grid.shape
    if m % 12 or not 12 <= m <= ulchest_max_subcarriers:
        raise ValueError(f"{m} subcarriers are not allowed: use a multiple of 12 in 12..{ulchest_max_subcarriers}")
    where.m = m
    first, second = starts
    for start in (first, second):
        if not 0 <= start <= where.n_sc - m:
            raise ValueError(f"{m} subcarriers from {start} on do not fit {where.n_sc}")
    where.first[0], where.first[1] = first, second
    return where


cdef const float* _floats(array) except NULL:
    """First float of a contiguous complex64 or float32 array that is not empty."""
    cdef const float[::1] view = array.reshape(-1).view(np.float32)
    return &view[0]


cdef float* _writable(array) except NULL:
    cdef float[::1] view = array.reshape(-1).view(np.float32)
    return &view[0]


cdef int _symbols(symbols, int n_symb, int* out) except -1:
    cdef int n = 0
    for l in symbols:
        if not 0 <= l < n_symb or n == ulchest_max_symbols:
            raise ValueError(f"symbols {tuple(symbols)} are not allowed: at most {n_symb} of 0..{n_symb - 1} are")
        out[n] = l
        n += 1
    return n


def pilots(grid, r, symbols, starts):
    """Two symbols of the grid times the conjugate of r, and their mean power."""
    grid = _grid(grid)
    r = np.ascontiguousarray(r, np.complex64)
    if r.ndim != 2 or r.shape[0] != 2:
        raise ValueError(f"reference signal of shape {r.shape} is not allowed: shape (2, m_sc) is")
    cdef UlAllocation where = _where(grid, starts, r.shape[1])
    cdef int which[14]
    if _symbols(symbols, where.n_symb, which) != 2 or (which[0] * 2 >= where.n_symb) or (which[1] * 2 < where.n_symb):
        raise ValueError(f"symbols {tuple(symbols)} are not allowed: one of each slot is")
    out = np.empty((2, where.n_rx, where.m), np.complex64)
    cdef const float* y = _floats(grid)
    cdef const float* reference = _floats(r)
    cdef float* sink = _writable(out)
    cdef double power
    with nogil:
        power = _ops.pilots(where, y, which, reference, sink)
    return out, power


def covariance(pilots, int length):
    """Mean covariance of the blocks of pilots by lag, and the number of blocks."""
    data = np.ascontiguousarray(pilots, np.complex64)
    if length not in BLOCK_LENGTHS:
        raise ValueError(f"block length {length} is not allowed: use one of {BLOCK_LENGTHS}")
    if data.ndim < 1 or not data.size or data.shape[data.ndim - 1] % 12 or data.shape[data.ndim - 1] < length:
        raise ValueError(f"pilots of shape {data.shape} are not allowed: shape (..., m), m a multiple of 12, is")
    out = np.empty((length, length), np.complex64)
    cdef int m = data.shape[data.ndim - 1]
    cdef int n = data.size // m
    cdef int count
    cdef const float* source = _floats(data)
    cdef float* sink = _writable(out)
    with nogil:
        count = _ops.covariance(source, n, m, length, sink)
    return out, count


cdef const double* _doubles(array) except NULL:
    cdef const double[::1] view = array.reshape(-1)
    return &view[0]


cdef class DelayModels:
    """Tables of the delay models; threads may share an object."""

    cdef object _arrays
    cdef UlDelayTables _tables
    cdef readonly int length

    def __cinit__(self, inverse, log_det, prior, silence, quiet, snr_db, offsets, double turn):
        inverse, silence, quiet = (np.ascontiguousarray(a, np.float32) for a in (inverse, silence, quiet))
        log_det, prior = (np.ascontiguousarray(a, np.float64) for a in (log_det, prior))
        first_snr, snr_step, n_snr = _even(snr_db, "snr_db", 64)
        first_offset, offset_step, n_offsets = _even(offsets, "offsets", MAX_OFFSETS)
        if inverse.ndim != 4 or inverse.shape[0] != n_snr or inverse.shape[3] not in BLOCK_LENGTHS:
            raise ValueError(f"inverse of shape {inverse.shape} is not allowed: ({n_snr}, n_widths, 12|24, 12|24) is")
        n_widths, length = inverse.shape[1], inverse.shape[3]
        wanted = {"inverse": (n_snr, n_widths, length, length), "log_det": (n_snr, n_widths),
                  "prior": (n_widths, n_offsets), "silence": (length, length), "quiet": (n_widths, length, length)}
        given = {"inverse": inverse, "log_det": log_det, "prior": prior, "silence": silence, "quiet": quiet}
        for name, shape in wanted.items():
            if given[name].shape != shape or not n_widths:
                raise ValueError(f"{name} of shape {given[name].shape} is not allowed: {shape} is")
        phases = np.exp(1j * turn * np.outer(np.arange(length), offsets)).astype(np.complex64)
        self._arrays = (inverse, log_det, prior, silence, quiet, snr_db, offsets, turn, phases)
        self.length = length
        self._tables.length, self._tables.n_snr = length, n_snr
        self._tables.n_widths, self._tables.n_offsets = n_widths, n_offsets
        self._tables.first_snr_db, self._tables.snr_step_db = first_snr, snr_step
        self._tables.first_offset, self._tables.offset_step = first_offset, offset_step
        self._tables.turn = turn
        self._tables.inverse, self._tables.silence = _floats(inverse), _floats(silence)
        self._tables.quiet, self._tables.phases = _floats(quiet), _floats(phases)
        self._tables.log_det, self._tables.prior = _doubles(log_det), _doubles(prior)

    def __reduce__(self):
        return DelayModels, self._arrays[:8]

    def fit(self, covariance, int n_blocks, known_noise=None):
        """Entry of the width, offset, noise power and total power that the covariance makes most likely."""
        data = _complex(covariance, (self.length, self.length), "covariance")
        cdef double known = -1.0 if known_noise is None else known_noise
        if known_noise is not None and not (known >= 0 and isfinite(known)):
            raise ValueError(f"known_noise {known_noise} is not allowed: it must be finite and not negative")
        cdef const float* source = _floats(data)
        cdef UlDelay best
        with nogil:
            best = _ops.delay(self._tables, source, n_blocks, known)
        return best.width, best.offset, best.noise, best.total


cdef _even(values, str what, int most):
    """First value, step and number of evenly spaced values."""
    steps = np.asarray(values, np.float64)
    if steps.ndim != 1 or not 3 <= len(steps) <= most or not np.allclose(np.diff(steps), steps[1] - steps[0]):
        raise ValueError(f"{what} are not allowed: 3..{most} evenly spaced numbers are")
    return float(steps[0]), float(steps[1] - steps[0]), len(steps)


def channel(pilots, double turn, mix, first_taps, second_taps, weights):
    """Channel of all symbols from the pilots of two."""
    data = np.ascontiguousarray(pilots, np.complex64)
    weights = np.ascontiguousarray(weights, np.complex64)
    mix = _complex(mix, (2, 2), "mix")
    if data.ndim != 3 or data.shape[0] != 2 or not 1 <= data.shape[1] <= MAX_RX:
        raise ValueError(f"pilots of shape {data.shape} are not allowed: shape (2, n_rx 1..{MAX_RX}, m_sc) is")
    if weights.ndim != 2 or weights.shape[0] != 2 or weights.shape[1] not in (12, 14):
        raise ValueError(f"weights of shape {weights.shape} are not allowed: shape (2, 14 or 12) is")
    if not isfinite(turn):
        raise ValueError(f"turn {turn} is not finite")
    taps = np.ascontiguousarray(first_taps, np.float32), np.ascontiguousarray(second_taps, np.float32)
    cdef int length = taps[0].shape[0]
    for t in taps:
        if t.shape != (length, length) or length % 12 or not 12 <= length <= min(MAX_WINDOW, data.shape[2]):
            raise ValueError(f"taps of shape {t.shape} are not allowed: square ones of multiples of 12 up to "
                             f"{min(MAX_WINDOW, data.shape[2])} are")
    grid = np.empty((data.shape[1], weights.shape[1], data.shape[2]), np.complex64)
    cdef UlAllocation where = _where(grid, (0, 0), data.shape[2])
    cdef const float* both[2]
    both[0], both[1] = _floats(taps[0]), _floats(taps[1])
    cdef const float* source = _floats(data)
    cdef const float* mixing = _floats(mix)
    cdef const float* weight = _floats(weights)
    cdef float* sink = _writable(grid)
    with nogil:
        _ops.channel(where, source, turn, mixing, both, length, weight, sink)
    return grid


def equalise(grid, h, noise, symbols, starts):
    """Subcarriers of some symbols, equalised and without bias on the mean, and the gain that was taken out."""
    grid = _grid(grid)
    h = np.ascontiguousarray(h, np.complex64)
    noise = np.ascontiguousarray(noise, np.float32)
    if h.ndim != 3 or h.shape[:2] != grid.shape[:2]:
        raise ValueError(f"h of shape {h.shape} is not allowed: shape ({grid.shape[0]}, {grid.shape[1]}, m_sc) is")
    if noise.shape != grid.shape[1:2] or not (noise > 0).all():
        raise ValueError(f"noise must be {grid.shape[1]} positive numbers")
    cdef UlAllocation where = _where(grid, starts, h.shape[2])
    cdef int which[14]
    cdef int n = _symbols(symbols, where.n_symb, which)
    x = np.empty((n, where.m), np.complex64)
    share = np.empty(n, np.float32)
    if not n:
        return x, share
    cdef const float* y = _floats(grid)
    cdef const float* response = _floats(h)
    cdef const float* power = _floats(noise)
    cdef float* sink = _writable(x)
    cdef float* gain = _writable(share)
    with nogil:
        _ops.equalise(where, y, response, power, which, n, sink, gain)
    return x, share


cdef class PuschReceiver:
    """Receiver of PUSCHs of one width; threads may share an object."""

    cdef UlPuschPlan _plan
    cdef DftPlan* _dft
    cdef object _kept
    cdef readonly int m, n_symb

    def __cinit__(self, int m, DelayModels delay not None, taps, explained, fading, over_time, over_power, ahead,
                  since_own, *, pilots, double fading_steps, double min_fading, double max_fading, double apart,
                  double least_snr):
        if not dft_size_allowed(m):
            raise ValueError(f"{m} subcarriers are not allowed: use 12 * 2^a * 3^b * 5^c")
        if delay.length > m:
            raise ValueError(f"delay models of {delay.length} subcarriers do not fit {m}")
        taps = np.ascontiguousarray(taps, np.float32)
        explained, fading, over_time, over_power, ahead, since_own = (
            np.ascontiguousarray(a, np.float64) for a in (explained, fading, over_time, over_power, ahead, since_own))
        n_symb, window, n_fading = ahead.size, taps.shape[2] if taps.ndim == 4 else 0, fading.size
        models = (delay._tables.n_widths, delay._tables.n_snr)
        if n_symb not in (12, 14) or window % 12 or not 12 <= window <= min(MAX_WINDOW, m) or not n_fading:
            raise ValueError(f"{n_symb} symbols, windows of {window} and {n_fading} steps of fading are not allowed")
        wanted = {"taps": (*models, window, window), "explained": models, "fading": (n_fading,),
                  "over_time": (n_fading, 2, n_symb), "over_power": (n_fading, 2, n_symb), "since_own": (n_symb,)}
        given = {"taps": taps, "explained": explained, "fading": fading, "over_time": over_time,
                 "over_power": over_power, "since_own": since_own}
        for name, shape in wanted.items():
            if given[name].shape != shape:
                raise ValueError(f"{name} of shape {given[name].shape} is not allowed: {shape} is")
        if not (fading_steps > 0 and 0 < min_fading < max_fading and apart > 0 and least_snr > 0):
            raise ValueError("steps, limits of the fading, distance of the pilots and least SNR must be positive")
        first, second = pilots
        if not (0 <= first < n_symb // 2 <= second < n_symb):
            raise ValueError(f"symbols {tuple(pilots)} are not allowed: one of each slot is")
        self._dft = dft_plan_create(m)
        if self._dft is NULL:
            raise MemoryError
        self._kept = (delay, taps, explained, fading, over_time, over_power, ahead, since_own)
        self.m, self.n_symb = m, n_symb
        self._plan.delay, self._plan.window, self._plan.n_fading = &delay._tables, window, n_fading
        self._plan.pilot[0], self._plan.pilot[1] = first, second
        self._plan.taps, self._plan.explained, self._plan.fading = _floats(taps), _doubles(explained), _doubles(fading)
        self._plan.over_time, self._plan.over_power = _doubles(over_time), _doubles(over_power)
        self._plan.ahead, self._plan.since_own = _doubles(ahead), _doubles(since_own)
        self._plan.fading_steps, self._plan.apart, self._plan.least_snr = fading_steps, apart, least_snr
        self._plan.min_fading, self._plan.max_fading = min_fading, max_fading

    def __dealloc__(self):
        dft_plan_destroy(self._dft)

    def receive(self, const float complex[:, :, ::1] grid, const float complex[:, ::1] r, starts, symbols, int q_m,
                const uint64_t[::1] scrambling, double cfo_hz=0.0):
        """Symbols, their noise, soft bits and levels of a PUSCH; None where nothing at all was received."""
        cdef UlAllocation where
        cdef UlPuschBits bits
        cdef UlPuschFound found
        cdef int first, second, n
        cdef bint heard
        first, second = starts
        where.n_rx, where.n_symb, where.n_sc, where.m = grid.shape[0], grid.shape[1], grid.shape[2], self.m
        where.first[0], where.first[1] = first, second
        if not 1 <= grid.shape[0] <= ulchest_max_rx or where.n_symb != self.n_symb:
            raise ValueError(f"grid of {where.n_rx} antennas and {where.n_symb} symbols is not allowed: "
                             f"1..{MAX_RX} and {self.n_symb} are")
        if min(first, second) < 0 or max(first, second) + self.m > where.n_sc:
            raise ValueError(f"{self.m} subcarriers from {first} and {second} on do not fit {where.n_sc}")
        if r.shape[0] != 2 or r.shape[1] != self.m:
            raise ValueError(f"reference signal must be of shape (2, {self.m})")
        if q_m not in (1, 2, 4, 6, 8) or not isfinite(cfo_hz):
            raise ValueError(f"q_m {q_m} or cfo_hz {cfo_hz} is not allowed: 1, 2, 4, 6 or 8, and a finite number are")
        n = _symbols(symbols, self.n_symb, bits.symbols)
        if not n or scrambling.shape[0] * 64 < n * self.m * q_m:
            raise ValueError(f"{n} symbols with {scrambling.shape[0]} words of scrambling are not allowed")
        bits.n_data, bits.q_m, bits.scrambling, bits.dft = n, q_m, &scrambling[0], self._dft
        x, variance = np.empty((n, self.m), np.complex64), np.empty(n, np.float32)
        llr = np.empty(n * self.m * q_m, np.int16)
        cdef float complex[:, ::1] to_x = x
        cdef float[::1] to_variance = variance
        cdef int16_t[::1] to_llr = llr
        cdef double level[6]
        found.x, found.variance, found.llr, found.level = <float*>&to_x[0, 0], &to_variance[0], &to_llr[0], level
        with nogil:
            heard = _ops.pusch(self._plan, where, <const float*>&grid[0, 0, 0], <const float*>&r[0, 0], bits, cfo_hz,
                               found)
        if not heard:
            return None
        return x, variance, llr, (level[0], level[1], level[2], level[3], level[4], level[5])
