"""Length-31 Gold sequences (TS 36.211 7.2, TS 38.211 5.2.1)."""

import numpy as np

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "gold.hpp" namespace "picocell" nogil:
    cdef struct GoldOps:
        void (*packed)(uint32_t, size_t, uint64_t*) noexcept nogil
        void (*bits)(uint32_t, size_t, uint8_t*) noexcept nogil
    const GoldOps& gold_ops(int isa)

cdef const GoldOps* _ops = &gold_ops(isa.chosen())


def _check(c_init, n):
    if not 0 <= c_init < 1 << 31:
        raise ValueError(f"c_init {c_init} is outside 0..2^31-1")
    if n < 0:
        raise ValueError(f"length {n} is negative")


def sequence(c_init, n):
    """Bits c(0) to c(n-1), one a byte."""
    _check(c_init, n)
    out = np.empty(n, np.uint8)
    cdef uint8_t[::1] view = out
    cdef uint32_t init = c_init
    cdef size_t count = n
    if count:
        with nogil:
            _ops.bits(init, count, &view[0])
    return out


def packed(c_init, n):
    """The same bits, packed least significant bit first into 64-bit words."""
    _check(c_init, n)
    out = np.empty((n + 63) // 64, np.uint64)
    cdef uint64_t[::1] view = out
    cdef uint32_t init = c_init
    cdef size_t count = n
    if count:
        with nogil:
            _ops.packed(init, count, &view[0])
    return out


def sequences(c_init, n):
    """One sequence a row for many c_init."""
    _check(int(np.min(c_init, initial=0)), n)
    _check(int(np.max(c_init, initial=0)), n)
    cdef uint32_t[::1] inits = np.ascontiguousarray(c_init, np.uint32)
    out = np.empty((inits.shape[0], n), np.uint8)
    cdef uint8_t[:, ::1] view = out
    cdef size_t count = n
    cdef Py_ssize_t i
    if count:
        with nogil:
            for i in range(inits.shape[0]):
                _ops.bits(inits[i], count, &view[i, 0])
    return out
