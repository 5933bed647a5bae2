"""Channel interleaver of the UL-SCH as a gather of modulation symbols (TS 36.212 5.2.2.8)."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, uint8_t

from picocell.kernels import isa

cdef extern from "ulsch.hpp" namespace "picocell" nogil:
    cdef struct UlschOps:
        bint (*gather_bits)(const uint8_t*, size_t, const int32_t*, size_t, int, uint8_t*) noexcept nogil
        bint (*gather_llr)(const int16_t*, size_t, const int32_t*, size_t, int, int16_t*) noexcept nogil
    const UlschOps& ulsch_ops(int isa)

cdef const UlschOps* _ops = &ulsch_ops(isa.chosen())


def _arguments(source, index, q_m, dtype):
    """Values and places, contiguous and of the right type."""
    if q_m not in (2, 4, 6):
        raise ValueError(f"q_m {q_m} is not allowed: use 2, 4 or 6")
    values = np.asarray(source)
    if values.dtype != dtype or values.ndim != 1 or values.size % q_m:
        raise ValueError(f"source is {values.dtype} {values.shape}: {np.dtype(dtype)} (n * {q_m},) is needed")
    places = np.asarray(index)
    if places.ndim != 1 or (places.size and places.dtype.kind not in "iu"):
        raise ValueError("index must be a one-dimensional array of integers")
    return np.ascontiguousarray(values), np.ascontiguousarray(places, np.int32)


def gather_bits(source, index, int q_m):
    """Groups of q_m bits in the order of the index."""
    values, places = _arguments(source, index, q_m, np.uint8)
    cdef const uint8_t[::1] read = values
    cdef const int32_t[::1] where = places
    out = np.empty(places.size * q_m, np.uint8)
    cdef uint8_t[::1] write = out
    cdef size_t n = values.size // q_m, m = places.size
    cdef bint ok
    if not m:
        return out
    if not n:
        raise ValueError("source is empty, but the index is not")
    with nogil:
        ok = _ops.gather_bits(&read[0], n, &where[0], m, q_m, &write[0])
    if not ok:
        raise ValueError(f"index reaches {places.max()}: the source has {n} groups")
    return out


def gather_llr(source, index, int q_m):
    """Groups of q_m soft bits in the order of the index."""
    values, places = _arguments(source, index, q_m, np.int16)
    cdef const int16_t[::1] read = values
    cdef const int32_t[::1] where = places
    out = np.empty(places.size * q_m, np.int16)
    cdef int16_t[::1] write = out
    cdef size_t n = values.size // q_m, m = places.size
    cdef bint ok
    if not m:
        return out
    if not n:
        raise ValueError("source is empty, but the index is not")
    with nogil:
        ok = _ops.gather_llr(&read[0], n, &where[0], m, q_m, &write[0])
    if not ok:
        raise ValueError(f"index reaches {places.max()}: the source has {n} groups")
    return out
