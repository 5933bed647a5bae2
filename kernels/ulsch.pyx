"""Channel interleaver of the UL-SCH as a gather of modulation symbols (TS 36.212 5.2.2.8)."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, uint8_t, uint64_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "ulsch.hpp" namespace "picocell" nogil:
    ctypedef struct DftPlan:
        int n
    bint dft_size_allowed(int n)
    DftPlan* dft_plan_create(int n)
    void dft_plan_destroy(DftPlan* plan)
    cdef struct UlschSend:
        const DftPlan* dft
        int n_symb, n_sc
        int first[2]
        int pilot[2]
        int n_data
        int symbols[14]
        int q_m
        bint placeholders
        float amplitude
    cdef struct UlschOps:
        bint (*send)(const UlschSend&, const uint8_t*, size_t, const int32_t*, const uint64_t*, const float*,
                     float*) noexcept nogil
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


cdef class PuschSender:
    """Sender of PUSCHs of one width; threads may share an object."""

    cdef DftPlan* _dft
    cdef readonly int m

    def __cinit__(self, int m):
        if not dft_size_allowed(m):
            raise ValueError(f"{m} subcarriers are not allowed: use 12 * 2^a * 3^b * 5^c")
        self.m = m
        self._dft = dft_plan_create(m)
        if self._dft is NULL:
            raise MemoryError

    def __dealloc__(self):
        dft_plan_destroy(self._dft)

    def __reduce__(self):
        return PuschSender, (self.m,)

    def send(self, const uint8_t[::1] coded, const int32_t[::1] source, int q_m, const uint64_t[::1] scrambling,
             const float complex[:, ::1] r, starts, symbols, pilots, float complex[:, ::1] grid, *,
             bint placeholders=False, float amplitude=1.0):
        """Interleave, scramble, modulate and spread coded bits, and write them and the reference signal."""
        cdef UlschSend where
        cdef bint ok
        cdef int i, l
        if q_m not in (2, 4, 6) or coded.shape[0] % q_m or not coded.shape[0]:
            raise ValueError(f"{coded.shape[0]} bits of q_m {q_m} are not allowed: groups of 2, 4 or 6 are")
        where.dft, where.q_m, where.placeholders, where.amplitude = self._dft, q_m, placeholders, amplitude
        where.n_symb, where.n_sc, where.n_data = grid.shape[0], grid.shape[1], len(symbols)
        where.first[0], where.first[1] = starts
        where.pilot[0], where.pilot[1] = pilots
        if where.n_symb not in (12, 14) or not 1 <= where.n_data <= where.n_symb:
            raise ValueError(f"{where.n_data} of {where.n_symb} symbols are not allowed: some of 12 or 14 are")
        for i, l in enumerate((*symbols, *pilots)):
            if not 0 <= l < where.n_symb:
                raise ValueError(f"symbol {l} is outside 0..{where.n_symb - 1}")
            if i < where.n_data:
                where.symbols[i] = l
        for i in range(2):
            if not 0 <= where.first[i] <= where.n_sc - self.m:
                raise ValueError(f"{self.m} subcarriers from {where.first[i]} on do not fit {where.n_sc}")
        if source.shape[0] != where.n_data * self.m or scrambling.shape[0] * 64 < source.shape[0] * q_m:
            raise ValueError(f"source of {source.shape[0]} groups and {scrambling.shape[0]} words of scrambling do not "
                             f"fit {where.n_data} symbols of {self.m} subcarriers")
        if r.shape[0] != 2 or r.shape[1] != self.m:
            raise ValueError(f"reference signal must be of shape (2, {self.m})")
        with nogil:
            ok = _ops.send(where, &coded[0], coded.shape[0] // q_m, &source[0], &scrambling[0], <const float*>&r[0, 0],
                           <float*>&grid[0, 0])
        if not ok:
            raise ValueError(f"source reaches {np.asarray(source).max()}: there are {coded.shape[0] // q_m} groups")
