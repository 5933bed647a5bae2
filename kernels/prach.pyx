"""Noise and peaks of the power delay profiles of random access preambles (TS 36.211 5.7)."""

import numpy as np

from libc.stdint cimport int32_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "prach.hpp" namespace "picocell" nogil:
    const int prach_max_points
    cdef struct PrachNoise:
        float start
        float clip
        float gain
        double tolerance
        double branches
        int n_shapes
        const double* spreads
        const double* shapes
        const double* measured
    cdef struct PrachOps:
        void (*noise)(const PrachNoise&, const float*, size_t, size_t, float*, double*) noexcept nogil
        void (*peaks)(const float*, size_t, const int32_t*, const int32_t*, size_t, size_t, float*,
                      int32_t*) noexcept nogil
    const PrachOps& prach_ops(int isa)

cdef const PrachOps* _ops = &prach_ops(isa.chosen())

MAX_POINTS = prach_max_points


def noise(const float[:, ::1] profile, int branches, double start, double clip, double gain, double tolerance,
          const double[::1] spreads, const double[::1] shapes, const double[::1] measured):
    """Noise of one branch on each row, and the shape of its distribution."""
    cdef PrachNoise how
    cdef size_t rows = profile.shape[0], n = profile.shape[1]
    if not rows or n % 64 or not 64 <= n <= prach_max_points:
        raise ValueError(f"profiles of {n} points are not allowed: a multiple of 64 up to {MAX_POINTS} is")
    if branches < 1 or not spreads.shape[0] or not (spreads.shape[0] == shapes.shape[0] == measured.shape[0]):
        raise ValueError(f"{branches} branches, or tables of different lengths, are not allowed")
    how.start, how.clip, how.gain, how.tolerance, how.branches = start, clip, gain, tolerance, branches
    how.n_shapes, how.spreads, how.shapes, how.measured = spreads.shape[0], &spreads[0], &shapes[0], &measured[0]
    level, shape = np.empty(rows, np.float32), np.empty(rows)
    cdef float[::1] to_level = level
    cdef double[::1] to_shape = shape
    with nogil:
        _ops.noise(how, &profile[0, 0], rows, n, &to_level[0], &to_shape[0])
    return level, shape


def peaks(const float[:, ::1] profile, const int32_t[::1] row, const int32_t[::1] first, Py_ssize_t width):
    """Largest point of each window and its place in it."""
    cdef Py_ssize_t rows = profile.shape[0], n = profile.shape[1], count = row.shape[0], i
    if not 1 <= width <= n or first.shape[0] != count or not count:
        raise ValueError(f"{count} windows of {width} points do not fit profiles of {n}")
    for i in range(count):
        if not (0 <= row[i] < rows and 0 <= first[i] < n):
            raise ValueError(f"window {i} begins at point {first[i]} of row {row[i]}: there are {rows} rows of {n}")
    peak, at = np.empty(count, np.float32), np.empty(count, np.int32)
    cdef float[::1] to_peak = peak
    cdef int32_t[::1] to_at = at
    with nogil:
        _ops.peaks(&profile[0, 0], n, &row[0], &first[0], count, width, &to_peak[0], &to_at[0])
    return peak, at
