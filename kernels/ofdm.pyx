"""OFDM modulation and demodulation of a subframe (TS 36.211 6.12, 5.6), FFT, frequency shift."""

import math

import numpy as np

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "ofdm.hpp" namespace "picocell" nogil:
    ctypedef struct FftPlan:
        int n
    ctypedef struct OfdmPlan:
        int n_sc
        int n_symb
        int n_samples
        int cp[14]
    ctypedef struct OfdmOps:
        int (*fft_width)(int) noexcept nogil
        int max_radix
        void (*fft)(const FftPlan*, const float*, float*, size_t, bint) noexcept nogil
        void (*modulate)(const OfdmPlan*, const float*, float*) noexcept nogil
        void (*demodulate)(const OfdmPlan*, const float*, double, double, int, float*) noexcept nogil
        void (*mix)(const float*, double, double, size_t, float*) noexcept nogil
    const OfdmOps& ofdm_ops(int isa)
    bint fft_size_allowed(int n)
    FftPlan* fft_plan_create(int n, int width, int max_radix, double scale)
    void fft_plan_destroy(FftPlan* plan)
    OfdmPlan* ofdm_plan_create(const OfdmOps& ops, int n_prb, int n, bint extended_cp, bint half_shift)
    void ofdm_plan_destroy(OfdmPlan* plan)

cdef const OfdmOps* _ops = &ofdm_ops(isa.chosen())

MAX_PRB = 110


cdef _checked(array, tuple tail, str what):
    """The array as contiguous complex64 of shape (count, *tail)."""
    data = np.ascontiguousarray(array, np.complex64)
    if data.ndim != 1 + len(tail) or data.shape[1:] != tail:
        raise ValueError(f"{what} of shape {data.shape} are not allowed: shape (n_ant, {', '.join(map(str, tail))}) is")
    return data


cdef _output(out, tuple shape):
    """A new array, or the caller's if it fits."""
    if out is None:
        return np.empty(shape, np.complex64)
    if not isinstance(out, np.ndarray) or out.dtype != np.complex64 or out.shape != shape:
        raise ValueError(f"out must be a complex64 array of shape {shape}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writeable")
    return out


cdef _finite(double value, str what):
    if not math.isfinite(value):
        raise ValueError(f"{what} {value} is not finite")


cdef class Ofdm:
    """Modulator and demodulator of one bandwidth, FFT size and cyclic prefix.

    An object only reads its tables, so threads may share it.
    """

    cdef OfdmPlan* _plan
    cdef readonly int n_prb, fft_size, n_symb, n_sc, samples_per_subframe
    cdef readonly bint extended_cp, half_shift

    def __cinit__(self, int n_prb, int fft_size, bint extended_cp=False, bint half_shift=False):
        if not 1 <= n_prb <= MAX_PRB:
            raise ValueError(f"n_prb {n_prb} is outside 1..{MAX_PRB}")
        if fft_size % 128 or not fft_size_allowed(fft_size):
            raise ValueError(f"FFT size {fft_size} is not allowed: it must be 128 * 2^a * 3^b, at most 4096")
        if 12 * n_prb >= fft_size:
            raise ValueError(f"{12 * n_prb} subcarriers do not fit an FFT of {fft_size}")
        self._plan = ofdm_plan_create(_ops[0], n_prb, fft_size, extended_cp, half_shift)
        if self._plan is NULL:
            raise MemoryError
        self.n_prb, self.fft_size, self.extended_cp, self.half_shift = n_prb, fft_size, extended_cp, half_shift
        self.n_symb, self.n_sc = self._plan.n_symb, self._plan.n_sc
        self.samples_per_subframe = self._plan.n_samples

    def __dealloc__(self):
        ofdm_plan_destroy(self._plan)

    def __reduce__(self):
        return Ofdm, (self.n_prb, self.fft_size, self.extended_cp, self.half_shift)

    def modulate(self, grid, out=None):
        """Samples (n_ant, samples_per_subframe) of the grid (n_ant, n_symb, n_sc)."""
        data = _checked(grid, (self.n_symb, self.n_sc), "grids")
        samples = _output(out, (data.shape[0], self.samples_per_subframe))
        cdef const float[:, ::1] source = data.view(np.float32).reshape(len(data), 2 * self.n_symb * self.n_sc)
        cdef float[:, ::1] sink = samples.view(np.float32)
        cdef Py_ssize_t i
        with nogil:
            for i in range(source.shape[0]):
                _ops.modulate(self._plan, &source[i, 0], &sink[i, 0])
        return samples

    def demodulate(self, samples, double cfo=0.0, double phase=0.0, int window_advance=0, out=None):
        """Grid (n_ant, n_symb, n_sc) of the samples (n_ant, samples_per_subframe)."""
        cdef int longest = self._plan.cp[1]
        if not 0 <= window_advance < longest:
            raise ValueError(f"window_advance {window_advance} is outside 0..{longest - 1}")
        _finite(cfo, "cfo")
        _finite(phase, "phase")
        data = _checked(samples, (self.samples_per_subframe,), "samples")
        grid = _output(out, (data.shape[0], self.n_symb, self.n_sc))
        cdef const float[:, ::1] source = data.view(np.float32)
        cdef float[:, ::1] sink = grid.view(np.float32).reshape(len(grid), 2 * self.n_symb * self.n_sc)
        cdef Py_ssize_t i
        with nogil:
            for i in range(source.shape[0]):
                _ops.demodulate(self._plan, &source[i, 0], cfo, phase, window_advance, &sink[i, 0])
        return grid


cdef class Fft:
    """FFT of one size in single precision; threads may share it."""

    cdef FftPlan* _forward
    cdef FftPlan* _inverse
    cdef readonly int n

    def __cinit__(self, int n):
        if not fft_size_allowed(n):
            raise ValueError(f"FFT size {n} is not allowed: it must be 64 * 2^a * 3^b, at most 4096")
        self.n = n
        self._forward = fft_plan_create(n, _ops.fft_width(n), _ops.max_radix, 1.0)
        self._inverse = fft_plan_create(n, _ops.fft_width(n), _ops.max_radix, 1.0 / n)
        if self._forward is NULL or self._inverse is NULL:
            raise MemoryError

    def __dealloc__(self):
        fft_plan_destroy(self._forward)
        fft_plan_destroy(self._inverse)

    def __reduce__(self):
        return Fft, (self.n,)

    cdef _transform(self, x, bint inverse):
        data = np.ascontiguousarray(x, np.complex64)
        if data.ndim not in (1, 2) or data.shape[data.ndim - 1] != self.n:
            raise ValueError(f"shape {data.shape} is not allowed: shapes ({self.n},) and (m, {self.n}) are")
        result = np.empty(data.shape, np.complex64)
        cdef const float[::1] source = data.view(np.float32).reshape(2 * data.size)
        cdef float[::1] sink = result.view(np.float32).reshape(2 * data.size)
        cdef size_t count = data.size // self.n
        if count:
            with nogil:
                _ops.fft(self._inverse if inverse else self._forward, &source[0], &sink[0], count, inverse)
        return result

    def forward(self, x):
        """Sum of x[n] exp(-2 pi j k n / N) along the last axis of x (n,) or (m, n)."""
        return self._transform(x, False)

    def inverse(self, x):
        """The inverse of forward: positive exponent, scaled by 1/N."""
        return self._transform(x, True)


def mix(samples, double frequency, double phase=0.0):
    """samples * exp(2 pi j (frequency n + phase)), n counting along the last axis."""
    _finite(frequency, "frequency")
    _finite(phase, "phase")
    data = np.ascontiguousarray(samples, np.complex64)
    if not np.ndim(samples):
        raise ValueError("samples must have at least one axis")
    result = np.empty(data.shape, np.complex64)
    if not data.size:
        return result
    cdef size_t n = data.shape[data.ndim - 1]
    cdef const float[::1] source = data.view(np.float32).reshape(2 * data.size)
    cdef float[::1] sink = result.view(np.float32).reshape(2 * data.size)
    cdef size_t i, rows = data.size // n
    with nogil:
        for i in range(rows):
            _ops.mix(&source[2 * n * i], frequency, phase, n, &sink[2 * n * i])
    return result
