"""LTE turbo code of single code blocks and batches: encoder, rate matching, decoder (TS 36.212 5.1.3.2, 5.1.4.1)."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int16_t, int32_t, uint8_t

from picocell.kernels import isa, tables

cnp.import_array()

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "turbo.hpp" namespace "picocell" nogil:
    cdef struct TurboResult:
        int32_t half_iterations
        int32_t crc_ok
    cdef struct TurboOps:
        void (*set_tables)(const int32_t*, const int32_t*) noexcept nogil
        void (*encode)(const uint8_t*, int, uint8_t*) noexcept nogil
        int (*usable)(int, int, int) noexcept nogil
        void (*match)(const uint8_t*, int, int, int, int, size_t, uint8_t*) noexcept nogil
        void (*recover)(const int16_t*, size_t, int, int, int, int, int16_t*) noexcept nogil
        void (*encode_match)(const uint8_t*, int, int, int, int, size_t, uint8_t*) noexcept nogil
        void* (*decoder_new)() noexcept nogil
        void (*decoder_free)(void*) noexcept nogil
        void (*decode)(void*, const int16_t*, int, int, int, int, int, uint8_t*, TurboResult*) noexcept nogil
    const TurboOps& turbo_ops(int isa)

cdef const TurboOps* _ops = &turbo_ops(isa.chosen())
cdef const int32_t[:, ::1] _qpp = tables.qpp()
cdef const int32_t[::1] _columns = tables.turbo_columns()
_ops.set_tables(&_qpp[0, 0], &_columns[0])

SIZES = tables.BLOCK_SIZES
cdef frozenset _SIZES = frozenset(SIZES)
cdef dict _KINDS = {None: -1, "24A": 0, "24B": 1}


cdef int _kind(crc) except -2:
    if crc not in _KINDS:
        raise ValueError(f"no checksum {crc!r} for code blocks: use '24A', '24B' or None")
    return _KINDS[crc]


cdef int _size(k, n_filler=0) except -1:
    if k not in _SIZES:
        raise ValueError(f"{k} bits are no turbo code block: one of the {len(SIZES)} sizes of TS 36.212 Table 5.1.3-3")
    if not 0 <= n_filler < k:
        raise ValueError(f"{n_filler} filler bits are not within 0..{k - 1}")
    return k


cdef bint _plain(cnp.ndarray llr):
    """Whether these are int16 without gaps."""
    return cnp.PyArray_TYPE(llr) == cnp.NPY_INT16 and cnp.PyArray_ISCARRAY_RO(llr)


cdef cnp.ndarray _soft(llr, int dimensions):
    """LLRs as int16. Floats are scaled to a mean magnitude of 256; what is no number counts as not received."""
    cdef cnp.ndarray array
    if isinstance(llr, np.ndarray) and _plain(llr):
        array = llr
    else:
        array = _converted(llr, dimensions)
    if cnp.PyArray_NDIM(array) != dimensions or cnp.PyArray_DIM(array, dimensions - 2) != 3:
        wanted = "(3, K + 4)" if dimensions == 2 else "(n, 3, K + 4)"
        raise ValueError(f"LLRs have shape {np.shape(array)}, {wanted} is wanted")
    return array


cdef _converted(llr, int dimensions):
    array = np.asarray(llr)
    if array.dtype.kind == "f":
        array = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=1e30, neginf=-1e30)
        if dimensions == 3 and array.ndim == 3:
            mean = [_mean(block) for block in array]
            array = array * (256 / np.array(mean)[:, None, None])
        else:
            array = array * (256 / _mean(array))
        array = np.clip(np.rint(array), -32767, 32767)
    return np.require(array, np.int16, ["C", "A"])


cdef double _mean(array):
    """Mean magnitude of the finite LLRs that were received."""
    found = np.abs(array[(array != 0) & (np.abs(array) < 1e30)])
    return max(found.mean(), 1e-30) if found.size else 1e30


cdef _streams(d, dtype):
    array = np.ascontiguousarray(d, dtype)
    if array.ndim != 2 or array.shape[0] != 3:
        raise ValueError(f"coded bits have shape {array.shape}, (3, K + 4) is wanted")
    return array


cdef int _buffer(int k, int filler, n_cb, rv) except -1:
    """N_cb as the kernel takes it (0: no limit)."""
    if not 0 <= rv <= 3:
        raise ValueError(f"redundancy version {rv} is outside 0..3")
    if n_cb is None:
        return 0
    cdef int limit = min(int(n_cb), 1 << 20)
    if limit <= 0 or _ops.usable(k, filler, limit) == 0:
        raise ValueError(f"a soft buffer of N_cb={n_cb} holds no coded bit")
    return limit


def encode(bits):
    """Encodes a code block.

    Args:
        bits: uint8 array (K,) of 0 and 1, K one of SIZES; filler bits are 0.

    Returns:
        uint8 array (3, K + 4): d(0), d(1), d(2) with the tail.

    Raises:
        ValueError: K is no block size.
    """
    array = np.ascontiguousarray(bits, np.uint8)
    cdef int k = _size(array.size if array.ndim == 1 else -1)
    cdef const uint8_t[::1] view = array
    out = np.empty((3, k + 4), np.uint8)
    cdef uint8_t[:, ::1] result = out
    with nogil:
        _ops.encode(&view[0], k, &result[0, 0])
    return out


def rate_match(d, e, rv=0, n_cb=None, n_filler=0):
    """Selects the bits that are sent (TS 36.212 5.1.4.1).

    Args:
        d: uint8 array (3, K + 4).
        e: number of bits sent, E.
        rv: redundancy version, 0..3.
        n_cb: soft buffer of the block N_cb; None: no limit.
        n_filler: filler bits at the start of the block, which are not sent.

    Returns:
        uint8 array (e,).

    Raises:
        ValueError: an argument out of its range.
    """
    array = _streams(d, np.uint8)
    cdef int k = _size(array.shape[1] - 4, n_filler)
    cdef int filler = n_filler, limit = _buffer(k, filler, n_cb, rv), version = rv
    if e < 0:
        raise ValueError(f"{e} bits cannot be sent")
    cdef size_t length = e
    out = np.empty(e, np.uint8)
    cdef const uint8_t[:, ::1] coded = array
    cdef uint8_t[::1] result = out
    if length:
        with nogil:
            _ops.match(&coded[0, 0], k, filler, limit, version, length, &result[0])
    return out


cdef cnp.ndarray _bits(bits):
    """Bits of one block as uint8 without gaps."""
    cdef cnp.ndarray array
    if isinstance(bits, np.ndarray):
        array = bits
        if cnp.PyArray_TYPE(array) == cnp.NPY_UINT8 and cnp.PyArray_NDIM(array) == 1 and cnp.PyArray_ISCARRAY_RO(array):
            return array
    array = np.ascontiguousarray(bits, np.uint8)
    if cnp.PyArray_NDIM(array) != 1:
        raise ValueError(f"bits have shape {np.shape(array)}, one dimension is wanted")
    return array


def encode_match(bits, e, rv=0, n_cb=None, n_filler=0):
    """Encodes a code block and selects the bits that are sent: `encode` and `rate_match` in one call.

    Args:
        bits: uint8 array (K,) of 0 and 1, K one of SIZES; filler bits are 0.
        e: number of bits sent, E.
        rv: redundancy version, 0..3.
        n_cb: soft buffer of the block N_cb; None: no limit.
        n_filler: filler bits at the start of the block, which are not sent.

    Returns:
        uint8 array (e,).

    Raises:
        ValueError: an argument out of its range.
    """
    cdef cnp.ndarray array = _bits(bits)
    cdef int k = _size(cnp.PyArray_DIM(array, 0), n_filler)
    cdef int filler = n_filler, limit = _buffer(k, filler, n_cb, rv), version = rv
    if e < 0:
        raise ValueError(f"{e} bits cannot be sent")
    cdef cnp.npy_intp length = e
    cdef cnp.ndarray out = cnp.PyArray_EMPTY(1, &length, cnp.NPY_UINT8, 0)
    cdef const uint8_t* source = <const uint8_t*>cnp.PyArray_DATA(array)
    cdef uint8_t* sink = <uint8_t*>cnp.PyArray_DATA(out)
    if length:
        with nogil:
            _ops.encode_match(source, k, filler, limit, version, length, sink)
    return out


def rate_recover(llr, k, rv=0, n_cb=None, n_filler=0, soft=None):
    """Undoes rate_match: sums LLRs where their coded bits stand, saturating.

    Args:
        llr: int16 array (e,).
        k: block size K.
        rv: redundancy version, 0..3.
        n_cb: soft buffer of the block N_cb; None: no limit.
        n_filler: filler bits at the start of the block; their LLRs stay zero.
        soft: what earlier transmissions gave, int16 array (3, K + 4), C-contiguous; it is added to in place.

    Returns:
        int16 array (3, K + 4), `soft` itself where it was given.

    Raises:
        ValueError: an argument out of its range.
    """
    cdef int size = _size(k, n_filler)
    cdef int filler = n_filler, limit = _buffer(size, filler, n_cb, rv), version = rv
    array = np.ascontiguousarray(llr, np.int16)
    if array.ndim != 1:
        raise ValueError(f"LLRs have shape {array.shape}, one dimension is wanted")
    if soft is None:
        soft = np.zeros((3, size + 4), np.int16)
    cdef int16_t[:, ::1] result = soft
    if result.shape[0] != 3 or result.shape[1] != size + 4:
        raise ValueError(f"soft has shape {soft.shape}, (3, {size + 4}) is wanted")
    cdef const int16_t[::1] view = array
    cdef size_t length = view.shape[0]
    if length:
        with nogil:
            _ops.recover(&view[0], length, size, filler, limit, version, &result[0, 0])
    return soft


cdef class TurboDecoder:
    """Iterative max-log-MAP decoder in int8; holds scratch, so one thread at a time.

    Extrinsics are scaled by 0.625 in the first iteration, 0.875 in the last two, 0.75 between.

    Args:
        max_iterations: full iterations (two constituent decodings each) after which it gives up, 1..255.

    Raises:
        ValueError: max_iterations out of its range.
    """

    cdef void* _scratch
    cdef readonly int max_iterations

    def __cinit__(self, max_iterations=6):
        if not 1 <= max_iterations <= 255:
            raise ValueError(f"{max_iterations} iterations are outside 1..255")
        self.max_iterations = max_iterations
        self._scratch = _ops.decoder_new()
        if self._scratch == NULL:
            raise MemoryError

    def __dealloc__(self):
        _ops.decoder_free(self._scratch)

    def decode(self, llr, crc=None, n_filler=0):
        """Decodes a code block; the scale of its LLRs does not matter.

        Args:
            llr: (3, K + 4), positive for bit 0, 0 for a bit that was not received: int16, or floats, of which NaN
                counts as not received.
            crc: "24A" or "24B": stop after the constituent decoding with which this checksum of the K bits holds.
            n_filler: filler bits at the start of the block, known to be 0.

        Returns:
            Bits, uint8 array (K,); full iterations begun; whether the checksum holds (False without `crc`, and
            where no LLR differs from zero).

        Raises:
            ValueError: an argument out of its range.
        """
        cdef cnp.ndarray array = _soft(llr, 2)
        cdef int k = _size(cnp.PyArray_DIM(array, 1) - 4, n_filler), filler = n_filler, kind = _kind(crc)
        cdef cnp.npy_intp length = k
        cdef cnp.ndarray bits = cnp.PyArray_EMPTY(1, &length, cnp.NPY_UINT8, 0)
        cdef const int16_t* soft = <const int16_t*>cnp.PyArray_DATA(array)
        cdef uint8_t* out = <uint8_t*>cnp.PyArray_DATA(bits)
        cdef TurboResult done
        with nogil:
            _ops.decode(self._scratch, soft, 1, k, filler, self.max_iterations, kind, out, &done)
        return bits, (done.half_iterations + 1) // 2, bool(done.crc_ok)

    def decode_many(self, llr, crc=None, n_filler=0):
        """Decodes code blocks of one size, side by side where a block alone does not fill the registers.

        Each block stops by itself when its checksum holds.

        Args:
            llr: (n, 3, K + 4), as in `decode`.
            crc: "24A" or "24B": stop after the constituent decoding with which this checksum of the K bits holds.
            n_filler: filler bits at the start of each block, known to be 0.

        Returns:
            Bits, uint8 array (n, K); full iterations begun, int32 array (n,); whether the checksums hold, bool (n,).

        Raises:
            ValueError: an argument out of its range.
        """
        cdef cnp.ndarray array = _soft(llr, 3)
        cdef int k = _size(cnp.PyArray_DIM(array, 2) - 4, n_filler), filler = n_filler, kind = _kind(crc), i
        cdef int n = cnp.PyArray_DIM(array, 0)
        cdef cnp.npy_intp shape[2]
        shape[:] = [n, k]
        cdef cnp.ndarray bits = cnp.PyArray_EMPTY(2, shape, cnp.NPY_UINT8, 0)
        cdef cnp.ndarray iterations = cnp.PyArray_EMPTY(1, shape, cnp.NPY_INT32, 0)
        cdef cnp.ndarray held = cnp.PyArray_EMPTY(1, shape, cnp.NPY_BOOL, 0)
        cdef const int16_t* soft = <const int16_t*>cnp.PyArray_DATA(array)
        cdef uint8_t* out = <uint8_t*>cnp.PyArray_DATA(bits)
        cdef int32_t* begun = <int32_t*>cnp.PyArray_DATA(iterations)
        cdef uint8_t* ok = <uint8_t*>cnp.PyArray_DATA(held)
        cdef TurboResult[64] done
        cdef int first = 0, part
        with nogil:
            while first < n:
                part = min(n - first, 64)
                _ops.decode(self._scratch, soft + <size_t>first * 3 * (k + 4), part, k, filler, self.max_iterations,
                            kind, out + <size_t>first * k, done)
                for i in range(part):
                    begun[first + i] = (done[i].half_iterations + 1) // 2
                    ok[first + i] = done[i].crc_ok != 0
                first += part
        return bits, iterations, held
