"""What the air does to samples: white Gaussian noise, and multipath whose taps move along straight lines."""

import numpy as np

from libc.math cimport sqrt
from libc.stdint cimport uint32_t

from picocell.kernels import isa

cdef extern from "propagation.hpp" namespace "picocell" nogil:
    cdef const int noise_lanes
    cdef struct NoiseState:
        uint32_t s[4][16]
    cdef struct PropagationOps:
        void (*add_noise)(NoiseState*, float*, size_t, float) noexcept nogil
        void (*fir)(const float*, size_t, const float*, const float*, size_t, float, float, float*) noexcept nogil
    const PropagationOps& propagation_ops(int isa)

cdef const PropagationOps* _ops = &propagation_ops(isa.chosen())


cdef class Noise:
    """A stream of circular complex white Gaussian noise, by its seed."""

    cdef NoiseState _state

    def __init__(self, seed=0):
        words = np.random.SeedSequence(seed).generate_state(4 * noise_lanes, np.uint32)
        cdef uint32_t[::1] view = words
        cdef int i
        for i in range(4 * noise_lanes):
            self._state.s[i // noise_lanes][i % noise_lanes] = view[i]

    def add(self, samples, double power):
        """Add noise of mean power ``power`` to complex64 samples of any shape, in place."""
        if not 0 <= power < float("inf"):
            raise ValueError(f"noise power {power} is not allowed: at least 0 and finite")
        if samples.dtype != np.complex64 or not samples.flags.c_contiguous or not samples.flags.writeable:
            raise ValueError("samples have to be a contiguous and writable array of complex64")
        cdef float[::1] view = samples.reshape(-1).view(np.float32)
        cdef size_t n = view.shape[0] // 2
        cdef float sigma = <float>sqrt(power / 2)
        if n:
            with nogil:
                _ops.add_noise(&self._state, &view[0], n, sigma)

    def draw(self, shape, double power=1.0):
        """New noise of a shape, complex64."""
        out = np.zeros(shape, np.complex64)
        self.add(out, power)
        return out


def add_moving_fir(x, taps, slope, double start, double step, out):
    """Add a filtered signal to another, the filter moving along a line.

    Sample i of ``out`` gets the sum over k of ``(taps[k] + (start + i step) slope[k]) x[i + len(taps) - 1 - k]``.

    Args:
        x: complex64 (n + len(taps) - 1,).
        taps: complex64 (length,).
        slope: complex64 (length,).
        start: weight of ``slope`` at the first sample.
        step: how much it grows a sample.
        out: complex64 (n,), contiguous, added to in place.
    """
    cdef float[::1] xs = np.ascontiguousarray(x, np.complex64).view(np.float32)
    cdef float[::1] h = np.ascontiguousarray(taps, np.complex64).view(np.float32)
    cdef float[::1] d = np.ascontiguousarray(slope, np.complex64).view(np.float32)
    if out.dtype != np.complex64 or out.ndim != 1 or not out.flags.c_contiguous:
        raise ValueError("out has to be a contiguous array of complex64 of one dimension")
    cdef float[::1] o = out.view(np.float32)
    cdef size_t n = o.shape[0] // 2
    cdef size_t length = h.shape[0] // 2
    if h.shape[0] != d.shape[0] or length == 0:
        raise ValueError(f"{h.shape[0] // 2} taps and {d.shape[0] // 2} slopes: as many of both, and at least one")
    if <size_t>xs.shape[0] != 2 * (n + length - 1):
        raise ValueError(f"{xs.shape[0] // 2} samples do not fit {n} outputs of {length} taps: {n + length - 1} do")
    if n:
        with nogil:
            _ops.fir(&xs[0], n, &h[0], &d[0], length, <float>start, <float>step, &o[0])
