"""Equalisers: maximum ratio combining of one port, and transmit diversity (TS 36.211 6.3.4.3) over two or four."""

import numpy as np

from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint32_t

from picocell.kernels import isa

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


cdef _run(y, h, int n_ports, index, noise_var):
    index = np.ascontiguousarray(index, np.int32)
    cdef float noise = noise_var
    if not (isfinite(noise) and noise >= 0):
        raise ValueError(f"noise_var {noise_var} is not allowed: it must be finite and not negative")
    if index.ndim != 1 or (n_ports > 1 and index.shape[0] % 2):
        raise ValueError(f"index of shape {index.shape} is not allowed: it must be (n_re,), n_re even with diversity")
    cdef size_t n_rx = y.shape[0]
    cdef size_t n_grid = y.shape[1]
    cdef size_t n_re = index.shape[0]
    x = np.empty(n_re, np.complex64)
    var = np.empty(n_re, np.float32)
    if n_re == 0:
        return x, var
    if n_rx == 0 or n_grid == 0:
        raise ValueError("y is empty: there must be at least one receive antenna and one resource element")
    cdef const float[::1] y_view = y.reshape(-1).view(np.float32)
    cdef const float[::1] h_view = h.reshape(-1).view(np.float32)
    cdef const int32_t[::1] where = index
    cdef float[::1] x_view = x.view(np.float32)
    cdef float[::1] var_view = var
    cdef uint32_t largest
    with nogil:
        largest = _ops.largest(&where[0], n_re)
        if largest < n_grid:
            if n_ports == 1:
                _ops.siso(&y_view[0], &h_view[0], n_rx, n_grid, &where[0], n_re, noise, &x_view[0], &var_view[0])
            else:
                _ops.sfbc(&y_view[0], &h_view[0], n_rx, n_ports, n_grid, &where[0], n_re, noise, &x_view[0],
                          &var_view[0])
    if largest >= n_grid:
        raise ValueError(f"index has an entry outside 0..{n_grid - 1}")
    return x, var
