"""Tail-biting convolutional code of rate 1/3 (TS 36.212 5.1.3.1), its rate matching (5.1.4.2) and its decoder."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t

from picocell.kernels import isa

cdef extern from "conv.hpp" namespace "picocell" nogil:
    const int conv_min_k
    const int conv_max_k
    const int conv_max_e
    cdef struct ConvOps:
        void (*encode)(const uint8_t*, int, uint8_t*) noexcept nogil
        void (*rate_match)(const uint8_t*, int, size_t, uint8_t*) noexcept nogil
        void (*rate_recover)(const int16_t*, size_t, int, int16_t*) noexcept nogil
        void (*decode)(const int16_t*, size_t, int, uint8_t*) noexcept nogil
        void (*search)(const int16_t*, const int32_t*, const int32_t*, const int32_t*, size_t, int,
                       uint8_t*, uint16_t*, float*) noexcept nogil
        void (*halves)(const int16_t*, size_t, const uint8_t*, int, int64_t*) noexcept nogil
    const ConvOps& conv_ops(int isa)

cdef const ConvOps* _ops = &conv_ops(isa.chosen())

MIN_K = conv_min_k
MAX_K = conv_max_k
MAX_E = conv_max_e
_LARGEST = 32767

cdef enum:
    _CRC_BITS = 16


def _check_k(k):
    if not conv_min_k <= k <= conv_max_k:
        raise ValueError(f"k {k} is outside {conv_min_k}..{conv_max_k}")


def _soft(llr, ndim):
    """Soft bits as contiguous int16; wider integers saturate."""
    array = np.asarray(llr)
    if array.dtype != np.int16:
        if array.dtype.kind not in "iu":
            raise ValueError(f"soft bits of dtype {array.dtype}: int16 is needed")
        array = np.clip(array, -_LARGEST, _LARGEST).astype(np.int16)
    if array.ndim != ndim:
        raise ValueError(f"soft bits of shape {array.shape}: {ndim} dimensions are needed")
    return np.ascontiguousarray(array)


def _integers(values, name):
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be a one-dimensional array of integers")
    return np.ascontiguousarray(array, np.int32)


def encode(bits):
    """Three streams d(0), d(1), d(2) of k bits each."""
    cdef const uint8_t[::1] source = np.ascontiguousarray(bits, np.uint8)
    cdef int k = source.shape[0]
    _check_k(k)
    out = np.empty((3, k), np.uint8)
    cdef uint8_t[:, ::1] view = out
    with nogil:
        _ops.encode(&source[0], k, &view[0, 0])
    return out


def rate_match(d, e):
    """The first e bits of the circular buffer of streams d (3, k)."""
    array = np.ascontiguousarray(d, np.uint8)
    if array.ndim != 2 or array.shape[0] != 3:
        raise ValueError(f"streams of shape {array.shape}: (3, k) is needed")
    _check_k(array.shape[1])
    if e < 0:
        raise ValueError(f"length {e} is negative")
    cdef const uint8_t[:, ::1] source = array
    out = np.empty(e, np.uint8)
    cdef uint8_t[::1] view = out
    cdef size_t count = e
    cdef int k = source.shape[1]
    if count:
        with nogil:
            _ops.rate_match(&source[0, 0], k, count, &view[0])
    return out


def rate_recover(llr, k):
    """Soft bits (e,) to int16 (3, k): repeats summed and saturated, 0 where nothing was sent."""
    _check_k(k)
    array = _soft(llr, 1)
    cdef const int16_t[::1] source = array
    cdef size_t count = array.shape[0]
    if count > conv_max_e:
        raise ValueError(f"{count} soft bits of a code word: at most {conv_max_e} are allowed")
    cdef int size = k
    out = np.zeros((3, k), np.int16)
    cdef int16_t[:, ::1] view = out
    if count:
        with nogil:
            _ops.rate_recover(&source[0], count, size, &view[0, 0])
    return out


def decode(llr):
    """Bits (k,) of the code word with soft bits (3, k)."""
    array = _soft(llr, 2)
    return decode_batch(array.reshape(1, *array.shape)).reshape(-1)


def decode_batch(llr):
    """Bits (n, k) of the code words with soft bits (n, 3, k)."""
    array = _soft(llr, 3)
    if array.shape[1] != 3:
        raise ValueError(f"soft bits of shape {array.shape}: (..., 3, k) is needed")
    _check_k(array.shape[2])
    cdef const int16_t[:, :, ::1] source = array
    cdef size_t n = array.shape[0]
    cdef int k = array.shape[2]
    out = np.empty((n, k), np.uint8)
    cdef uint8_t[:, ::1] view = out
    if n:
        with nogil:
            _ops.decode(&source[0, 0, 0], n, k, &view[0, 0])
    return out


def search(llr, starts, lengths, k):
    """Decodes candidates llr[start : start + length] of k bits (CRC included) each, all in one call."""
    array = _soft(llr, 1)
    first, length, size = _integers(starts, "starts"), _integers(lengths, "lengths"), _integers(k, "k")
    cdef size_t n = first.size
    if length.size != n or size.size != n:
        raise ValueError(f"{n} starts, {length.size} lengths and {size.size} k: their numbers must be equal")
    if n == 0:
        return np.zeros((0, 0), np.uint8), np.zeros(0, np.uint16), np.zeros(0, np.float32)
    cdef const int16_t[::1] source = array
    cdef const int32_t[::1] first_view = first, length_view = length, size_view = size
    cdef int32_t k_max = 0
    cdef int64_t available = array.size
    cdef size_t i
    for i in range(n):
        if not _CRC_BITS < size_view[i] <= conv_max_k:
            raise ValueError(f"k {size_view[i]} is outside {_CRC_BITS + 1}..{conv_max_k}")
        if first_view[i] < 0 or length_view[i] < 1 or <int64_t>first_view[i] + length_view[i] > available:
            raise ValueError(f"candidate {i} lies outside the {available} soft bits or is empty")
        if length_view[i] > conv_max_e:
            raise ValueError(f"candidate {i} of {length_view[i]} soft bits: at most {conv_max_e} are allowed")
        k_max = max(k_max, size_view[i])
    bits, crc, quality = np.empty((n, k_max), np.uint8), np.empty(n, np.uint16), np.empty(n, np.float32)
    cdef uint8_t[:, ::1] bits_view = bits
    cdef uint16_t[::1] crc_view = crc
    cdef float[::1] quality_view = quality
    with nogil:
        _ops.search(&source[0], &first_view[0], &length_view[0], &size_view[0], n, k_max,
                    &bits_view[0, 0], &crc_view[0], &quality_view[0])
    return bits, crc, quality


def halves(const int16_t[::1] llr not None, const uint8_t[::1] bits not None):
    """How far the first and the second half of soft bits agree with the code word of some bits, CRC included."""
    _check_k(bits.shape[0])
    if not 1 <= llr.shape[0] <= conv_max_e:
        raise ValueError(f"{llr.shape[0]} soft bits of a code word: 1 to {conv_max_e} are allowed")
    cdef int64_t sums[2]
    with nogil:
        _ops.halves(&llr[0], llr.shape[0], &bits[0], bits.shape[0], sums)
    return sums[0], sums[1]


cdef enum:
    _MOST = 512


cdef class Candidates:
    """Where code words may lie in soft bits that come in units; looked for together. Threads may share an object."""

    cdef int32_t first[_MOST]
    cdef int32_t count[_MOST]
    cdef int32_t k[_MOST]
    cdef int32_t n, unit, units, k_max

    def __init__(self, first, count, k, unit):
        starts, counts, sizes = _integers(first, "first"), _integers(count, "count"), _integers(k, "k")
        if not starts.size == counts.size == sizes.size <= _MOST:
            raise ValueError(f"{starts.size} places, {counts.size} counts and {sizes.size} k: their numbers must be "
                             f"equal and at most {_MOST}")
        if unit < 1:
            raise ValueError(f"unit {unit} is not allowed: it must be positive")
        cdef const int32_t[::1] start_view = starts, count_view = counts, size_view = sizes
        cdef int32_t i
        self.n, self.unit, self.units, self.k_max = starts.size, unit, 0, 0
        for i in range(self.n):
            if not _CRC_BITS < size_view[i] <= conv_max_k:
                raise ValueError(f"k {size_view[i]} is outside {_CRC_BITS + 1}..{conv_max_k}")
            if start_view[i] < 0 or count_view[i] < 1 or <int64_t>count_view[i] * unit > conv_max_e:
                raise ValueError(f"candidate {i} begins before the soft bits, is empty, or has more than {conv_max_e}")
            self.first[i], self.count[i], self.k[i] = start_view[i], count_view[i], size_view[i]
            self.units = max(self.units, start_view[i] + count_view[i])
            self.k_max = max(self.k_max, size_view[i])

    def find(self, const int16_t[::1] llr not None, const uint8_t[::1] silent not None, int mask, int other=-1):
        """Decodes the candidates without silent units, and keeps those whose CRC gives the mask."""
        if silent.shape[0] < self.units or llr.shape[0] < <int64_t>silent.shape[0] * self.unit:
            raise ValueError(f"{llr.shape[0]} soft bits and {silent.shape[0]} units do not hold the candidates, which "
                             f"need {self.units} units of {self.unit}")
        cdef int32_t which[_MOST]
        cdef int32_t starts[_MOST]
        cdef int32_t lengths[_MOST]
        cdef int32_t k[_MOST]
        cdef int32_t n = 0, i, j
        for i in range(self.n):
            for j in range(self.first[i], self.first[i] + self.count[i]):
                if silent[j]:
                    break
            else:
                which[n] = i
                starts[n], lengths[n], k[n] = self.first[i] * self.unit, self.count[i] * self.unit, self.k[i]
                n += 1
        found = []
        if n == 0:
            return found
        cdef uint16_t crc[_MOST]
        cdef float quality[_MOST]
        bits = np.empty((n, self.k_max), np.uint8)
        cdef uint8_t[:, ::1] bits_view = bits
        with nogil:
            _ops.search(&llr[0], starts, lengths, k, n, self.k_max, &bits_view[0, 0], crc, quality)
        for i in range(n):
            if crc[i] == mask or crc[i] == other:
                found.append((which[i], bits[i, :k[i]], crc[i], quality[i]))
        return found
