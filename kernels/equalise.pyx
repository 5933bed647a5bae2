"""Equalisers: maximum ratio combining of one port, and transmit diversity (TS 36.211 6.3.4.3) over two or four."""

import numpy as np

cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint32_t

from picocell.kernels import isa

cnp.import_array()

cdef extern from "equalise.hpp" namespace "picocell" nogil:
    cdef struct EqualiseOps:
        void (*siso)(const float*, const float*, size_t, size_t, const int32_t*, size_t, float, float*,
                     float*) noexcept nogil
        void (*sfbc)(const float*, const float*, size_t, size_t, size_t, const int32_t*, size_t, float, float*,
                     float*) noexcept nogil
        uint32_t (*largest)(const int32_t*, size_t) noexcept nogil
    const EqualiseOps& equalise_ops(int isa)

cdef const EqualiseOps* _ops = &equalise_ops(isa.chosen())


def siso(y, h, index, noise_var):
    """One port, all receive antennas: x = sum conj(h) y / sum |h|^2."""
    y = np.ascontiguousarray(y, np.complex64)
    h = np.ascontiguousarray(h, np.complex64)
    if y.ndim != 2 or h.shape != y.shape:
        raise ValueError(f"y of shape {y.shape} and h of shape {h.shape} are not allowed: both must be (n_rx, n_grid)")
    return _run(y, h, 1, index, noise_var)


def sfbc2(y, h, index, noise_var):
    """Transmit diversity over two ports: h is (n_rx, 2, n_grid), consecutive entries of index are pairs."""
    return _diversity(y, h, 2, index, noise_var)


def sfbc4(y, h, index, noise_var):
    """Transmit diversity over four ports: h is (n_rx, 4, n_grid), consecutive entries of index are quadruples."""
    return _diversity(y, h, 4, index, noise_var)


cdef _diversity(y, h, int n_ports, index, noise_var):
    y = np.ascontiguousarray(y, np.complex64)
    h = np.ascontiguousarray(h, np.complex64)
    if y.ndim != 2 or h.ndim != 3 or h.shape != (y.shape[0], n_ports, y.shape[1]):
        raise ValueError(f"y of shape {y.shape} and h of shape {h.shape} are not allowed: "
                         f"they must be (n_rx, n_grid) and (n_rx, {n_ports}, n_grid)")
    return _run(y, h, n_ports, index, noise_var)


cdef cnp.ndarray _aligned(array):
    """The same array, without gaps and at an address that fits its type."""
    cdef cnp.ndarray data = array
    return data if cnp.PyArray_ISCARRAY_RO(data) else np.require(data, None, "CA")


cdef _run(y, h, int n_ports, index, noise_var):
    cdef cnp.ndarray received = _aligned(y), channel = _aligned(h)
    cdef cnp.ndarray where = _aligned(np.ascontiguousarray(index, np.int32))
    cdef float noise = noise_var
    if not (isfinite(noise) and noise >= 0):
        raise ValueError(f"noise_var {noise_var} is not allowed: it must be finite and not negative")
    cdef cnp.npy_intp n_re = cnp.PyArray_DIM(where, 0)
    if cnp.PyArray_NDIM(where) != 1 or (n_ports > 1 and n_re % 2):
        raise ValueError(f"index of shape {np.shape(index)} is not allowed: it must be (n_re,), n_re even with diversity")
    cdef cnp.ndarray x = cnp.PyArray_EMPTY(1, &n_re, cnp.NPY_CFLOAT, 0)
    cdef cnp.ndarray var = cnp.PyArray_EMPTY(1, &n_re, cnp.NPY_FLOAT, 0)
    if n_re == 0:
        return x, var
    cdef size_t n_rx = cnp.PyArray_DIM(received, 0), n_grid = cnp.PyArray_DIM(received, 1), count = n_re
    if n_rx == 0 or n_grid == 0:
        raise ValueError("y is empty: there must be at least one receive antenna and one resource element")
    cdef const float* y_data = <const float*>cnp.PyArray_DATA(received)
    cdef const float* h_data = <const float*>cnp.PyArray_DATA(channel)
    cdef const int32_t* places = <const int32_t*>cnp.PyArray_DATA(where)
    cdef float* x_data = <float*>cnp.PyArray_DATA(x)
    cdef float* var_data = <float*>cnp.PyArray_DATA(var)
    cdef uint32_t largest
    with nogil:
        largest = _ops.largest(places, count)
        if largest < n_grid:
            if n_ports == 1:
                _ops.siso(y_data, h_data, n_rx, n_grid, places, count, noise, x_data, var_data)
            else:
                _ops.sfbc(y_data, h_data, n_rx, n_ports, n_grid, places, count, noise, x_data, var_data)
    if largest >= n_grid:
        raise ValueError(f"index has an entry outside 0..{n_grid - 1}")
    return x, var
