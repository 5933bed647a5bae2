"""Tail-biting convolutional code of rate 1/3 (TS 36.212 5.1.3.1), its rate matching (5.1.4.2) and its decoder."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t

from picocell.kernels import isa

cnp.import_array()

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "conv.hpp" namespace "picocell" nogil:
    const int conv_min_k
    const int conv_max_k
    const int conv_max_e
    const int conv_max_batch
    cdef struct ConvOps:
        void (*encode)(const uint8_t*, int, uint8_t*) noexcept nogil
        void (*rate_match)(const uint8_t*, int, size_t, uint8_t*) noexcept nogil
        void (*rate_recover)(const int16_t*, size_t, int, int16_t*) noexcept nogil
        void (*decode)(const int16_t*, size_t, int, uint8_t*) noexcept nogil
        size_t (*search)(const int16_t*, const int32_t*, const int32_t*, const int32_t*, size_t, int, const int32_t*,
                         int32_t*, uint8_t*, uint16_t*, float*) noexcept nogil
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


cdef cnp.ndarray _soft(llr, int ndim):
    """Soft bits as contiguous int16; wider integers saturate."""
    cdef cnp.ndarray array = np.asarray(llr)
    if cnp.PyArray_TYPE(array) != cnp.NPY_INT16:
        if array.dtype.kind not in "iu":
            raise ValueError(f"soft bits of dtype {array.dtype}: int16 is needed")
        array = np.clip(array, -_LARGEST, _LARGEST).astype(np.int16)
    if cnp.PyArray_NDIM(array) != ndim:
        raise ValueError(f"soft bits of shape {np.shape(array)}: {ndim} dimensions are needed")
    if not cnp.PyArray_ISCARRAY_RO(array):
        array = np.require(array, np.int16, "CA")
    return array


cdef cnp.ndarray _empty2(Py_ssize_t rows, Py_ssize_t columns):
    cdef cnp.npy_intp shape[2]
    shape[0], shape[1] = rows, columns
    return cnp.PyArray_EMPTY(2, shape, cnp.NPY_UINT8, 0)


def _integers(values, name):
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be a one-dimensional array of integers")
    return np.require(array, np.int32, "CA")


def encode(bits):
    """Three streams d(0), d(1), d(2) of k bits each."""
    cdef cnp.ndarray source = np.ascontiguousarray(bits, np.uint8)
    if cnp.PyArray_NDIM(source) != 1:
        raise ValueError(f"bits of shape {np.shape(source)}: one dimension is needed")
    cdef int k = cnp.PyArray_DIM(source, 0)
    _check_k(k)
    cdef cnp.ndarray out = _empty2(3, k)
    cdef const uint8_t* first = <const uint8_t*>cnp.PyArray_DATA(source)
    cdef uint8_t* d = <uint8_t*>cnp.PyArray_DATA(out)
    with nogil:
        _ops.encode(first, k, d)
    return out


def rate_match(d, e):
    """The first e bits of the circular buffer of streams d (3, k)."""
    cdef cnp.ndarray source = np.ascontiguousarray(d, np.uint8)
    if cnp.PyArray_NDIM(source) != 2 or cnp.PyArray_DIM(source, 0) != 3:
        raise ValueError(f"streams of shape {np.shape(source)}: (3, k) is needed")
    cdef int k = cnp.PyArray_DIM(source, 1)
    _check_k(k)
    if e < 0:
        raise ValueError(f"length {e} is negative")
    cdef cnp.npy_intp count = e
    cdef cnp.ndarray out = cnp.PyArray_EMPTY(1, &count, cnp.NPY_UINT8, 0)
    cdef const uint8_t* first = <const uint8_t*>cnp.PyArray_DATA(source)
    cdef uint8_t* target = <uint8_t*>cnp.PyArray_DATA(out)
    if count:
        with nogil:
            _ops.rate_match(first, k, count, target)
    return out


def rate_recover(llr, k):
    """Soft bits (e,) to int16 (3, k): repeats summed and saturated, 0 where nothing was sent."""
    _check_k(k)
    cdef cnp.ndarray source = _soft(llr, 1)
    cdef size_t count = cnp.PyArray_DIM(source, 0)
    if count > conv_max_e:
        raise ValueError(f"{count} soft bits of a code word: at most {conv_max_e} are allowed")
    cdef int size = k
    cdef cnp.npy_intp shape[2]
    shape[0], shape[1] = 3, size
    cdef cnp.ndarray out = cnp.PyArray_EMPTY(2, shape, cnp.NPY_INT16, 0)
    cdef const int16_t* first = <const int16_t*>cnp.PyArray_DATA(source)
    cdef int16_t* d = <int16_t*>cnp.PyArray_DATA(out)
    with nogil:
        _ops.rate_recover(first, count, size, d)
    return out


cdef _decode(cnp.ndarray source, Py_ssize_t n, int streams, int k):
    if streams != 3:
        raise ValueError(f"soft bits of shape {np.shape(source)}: (..., 3, k) is needed")
    _check_k(k)
    cdef cnp.ndarray out = _empty2(n, k)
    cdef const int16_t* first = <const int16_t*>cnp.PyArray_DATA(source)
    cdef uint8_t* bits = <uint8_t*>cnp.PyArray_DATA(out)
    if n:
        with nogil:
            _ops.decode(first, n, k, bits)
    return out


def decode(llr):
    """Bits (k,) of the code word with soft bits (3, k)."""
    cdef cnp.ndarray source = _soft(llr, 2)
    return _decode(source, 1, cnp.PyArray_DIM(source, 0), cnp.PyArray_DIM(source, 1))[0]


def decode_batch(llr):
    """Bits (n, k) of the code words with soft bits (n, 3, k)."""
    cdef cnp.ndarray source = _soft(llr, 3)
    return _decode(source, cnp.PyArray_DIM(source, 0), cnp.PyArray_DIM(source, 1), cnp.PyArray_DIM(source, 2))


def search(llr, starts, lengths, k):
    """Decodes candidates llr[start : start + length] of k bits (CRC included) each, all in one call."""
    cdef cnp.ndarray source = _soft(llr, 1)
    cdef cnp.ndarray starts_of = _integers(starts, "starts"), lengths_of = _integers(lengths, "lengths")
    cdef cnp.ndarray sizes_of = _integers(k, "k")
    cdef size_t n = cnp.PyArray_DIM(starts_of, 0), n_lengths = cnp.PyArray_DIM(lengths_of, 0)
    cdef size_t n_sizes = cnp.PyArray_DIM(sizes_of, 0)
    if n_lengths != n or n_sizes != n:
        raise ValueError(f"{n} starts, {n_lengths} lengths and {n_sizes} k: their numbers must be equal")
    if n == 0:
        return np.zeros((0, 0), np.uint8), np.zeros(0, np.uint16), np.zeros(0, np.float32)
    cdef const int16_t* soft = <const int16_t*>cnp.PyArray_DATA(source)
    cdef const int32_t* first = <const int32_t*>cnp.PyArray_DATA(starts_of)
    cdef const int32_t* length = <const int32_t*>cnp.PyArray_DATA(lengths_of)
    cdef const int32_t* size = <const int32_t*>cnp.PyArray_DATA(sizes_of)
    cdef int32_t k_max = 0
    cdef int64_t available = cnp.PyArray_DIM(source, 0)
    cdef size_t i, count
    for i in range(n):
        if not _CRC_BITS < size[i] <= conv_max_k:
            raise ValueError(f"k {size[i]} is outside {_CRC_BITS + 1}..{conv_max_k}")
        if first[i] < 0 or length[i] < 1 or <int64_t>first[i] + length[i] > available:
            raise ValueError(f"candidate {i} lies outside the {available} soft bits or is empty")
        if length[i] > conv_max_e:
            raise ValueError(f"candidate {i} of {length[i]} soft bits: at most {conv_max_e} are allowed")
        k_max = max(k_max, size[i])
    cdef cnp.npy_intp shape = n
    cdef cnp.ndarray bits = _empty2(n, k_max)
    cdef cnp.ndarray crc = cnp.PyArray_EMPTY(1, &shape, cnp.NPY_UINT16, 0)
    cdef cnp.ndarray quality = cnp.PyArray_EMPTY(1, &shape, cnp.NPY_FLOAT32, 0)
    cdef uint8_t* rows = <uint8_t*>cnp.PyArray_DATA(bits)
    cdef uint16_t* masks = <uint16_t*>cnp.PyArray_DATA(crc)
    cdef float* shares = <float*>cnp.PyArray_DATA(quality)
    with nogil:
        i = 0
        while i < n:
            count = min(n - i, <size_t>conv_max_batch)
            _ops.search(soft, first + i, length + i, size + i, count, k_max, NULL, NULL, rows + i * k_max, masks + i,
                        shares + i)
            i += count
    return bits, crc, quality


def halves(cnp.ndarray llr not None, cnp.ndarray bits not None):
    """How far the first and the second half of soft bits agree with the code word of some bits, CRC included."""
    if not (cnp.PyArray_TYPE(llr) == cnp.NPY_INT16 and cnp.PyArray_TYPE(bits) == cnp.NPY_UINT8
            and cnp.PyArray_NDIM(llr) == cnp.PyArray_NDIM(bits) == 1
            and cnp.PyArray_ISCARRAY_RO(llr) and cnp.PyArray_ISCARRAY_RO(bits)):
        raise ValueError("soft bits and bits must be contiguous arrays of one dimension, of int16 and uint8")
    cdef int64_t n = cnp.PyArray_DIM(llr, 0), k = cnp.PyArray_DIM(bits, 0)
    _check_k(k)
    if not 1 <= n <= conv_max_e:
        raise ValueError(f"{n} soft bits of a code word: 1 to {conv_max_e} are allowed")
    cdef int64_t sums[2]
    _ops.halves(<const int16_t*>cnp.PyArray_DATA(llr), n, <const uint8_t*>cnp.PyArray_DATA(bits), k, sums)
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

    def find(self, cnp.ndarray llr not None, cnp.ndarray silent not None, int mask, int other=-1):
        """Decodes the candidates without silent units, and keeps those whose CRC gives the mask."""
        if not (cnp.PyArray_TYPE(llr) == cnp.NPY_INT16 and cnp.PyArray_TYPE(silent) == cnp.NPY_UINT8
                and cnp.PyArray_NDIM(llr) == cnp.PyArray_NDIM(silent) == 1
                and cnp.PyArray_ISCARRAY_RO(llr) and cnp.PyArray_ISCARRAY_RO(silent)):
            raise ValueError("soft bits and silent must be contiguous arrays of one dimension, of int16 and uint8")
        cdef int64_t units = cnp.PyArray_DIM(silent, 0), n_soft = cnp.PyArray_DIM(llr, 0)
        if units < self.units or n_soft < units * self.unit:
            raise ValueError(f"{n_soft} soft bits and {units} units do not hold the candidates, which need "
                             f"{self.units} units of {self.unit}")
        cdef const int16_t* soft = <const int16_t*>cnp.PyArray_DATA(llr)
        cdef const uint8_t* quiet = <const uint8_t*>cnp.PyArray_DATA(silent)
        cdef int32_t which[_MOST]
        cdef int32_t starts[_MOST]
        cdef int32_t lengths[_MOST]
        cdef int32_t k[_MOST]
        cdef int32_t kept[_MOST]
        cdef int32_t n = 0, i, j
        for i in range(self.n):
            for j in range(self.first[i], self.first[i] + self.count[i]):
                if quiet[j]:
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
        cdef int32_t wanted[2]
        cdef size_t hits
        wanted[0], wanted[1] = mask, other
        cdef cnp.ndarray bits = _empty2(n, self.k_max)
        cdef uint8_t* rows = <uint8_t*>cnp.PyArray_DATA(bits)
        with nogil:
            hits = _ops.search(soft, starts, lengths, k, n, self.k_max, wanted, kept, rows, crc, quality)
        for i in range(<int32_t>hits):
            found.append((which[kept[i]], bits[i, :k[kept[i]]], crc[i], quality[i]))
        if hits > 1:
            found.sort(key=_place)
        return found


def _place(hit):
    return hit[0]
