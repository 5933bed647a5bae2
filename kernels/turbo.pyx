"""LTE turbo code, one code block a call: encoder, rate matching, decoder (TS 36.212 5.1.3.2 and 5.1.4.1)."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, uint8_t

from picocell.kernels import isa, tables

cdef extern from "turbo.hpp" namespace "picocell" nogil:
    cdef struct TurboResult:
        int half_iterations
        bint crc_ok
    cdef struct TurboOps:
        void (*set_tables)(const int32_t*, const int32_t*) noexcept nogil
        void (*encode)(const uint8_t*, int, uint8_t*) noexcept nogil
        int (*usable)(int, int, int) noexcept nogil
        void (*match)(const uint8_t*, int, int, int, int, size_t, uint8_t*) noexcept nogil
        void (*recover)(const int16_t*, size_t, int, int, int, int, int16_t*) noexcept nogil
        void* (*decoder_new)() noexcept nogil
        void (*decoder_free)(void*) noexcept nogil
        TurboResult (*decode)(void*, const int16_t*, int, int, int, int, uint8_t*) noexcept nogil
    const TurboOps& turbo_ops(int isa)

cdef const TurboOps* _ops = &turbo_ops(isa.chosen())
cdef const int32_t[:, ::1] _qpp = tables.qpp()
cdef const int32_t[::1] _columns = tables.turbo_columns()
_ops.set_tables(&_qpp[0, 0], &_columns[0])

SIZES = tables.BLOCK_SIZES
cdef frozenset _SIZES = frozenset(SIZES)
cdef dict _KINDS = {None: -1, "24A": 0, "24B": 1}


cdef int _size(k, n_filler=0) except -1:
    if k not in _SIZES:
        raise ValueError(f"{k} bits are no turbo code block: one of the {len(SIZES)} sizes of TS 36.212 Table 5.1.3-3")
    if not 0 <= n_filler < k:
        raise ValueError(f"{n_filler} filler bits are not within 0..{k - 1}")
    return k


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
    """Iterative max-log-MAP decoder, extrinsics scaled by 0.75; holds scratch, so one thread at a time.

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
            llr: int16 array (3, K + 4), positive for bit 0, 0 for a bit that was not received.
            crc: "24A" or "24B": stop after the constituent decoding with which this checksum of the K bits holds.
            n_filler: filler bits at the start of the block, known to be 0.

        Returns:
            Bits, uint8 array (K,); full iterations begun; whether the checksum holds (False without `crc`, and
            where no LLR differs from zero).

        Raises:
            ValueError: an argument out of its range.
        """
        array = _streams(llr, np.int16)
        cdef int k = _size(array.shape[1] - 4, n_filler), filler = n_filler
        if crc not in _KINDS:
            raise ValueError(f"no checksum {crc!r} for code blocks: use '24A', '24B' or None")
        cdef int kind = _KINDS[crc]
        cdef const int16_t[:, ::1] view = array
        packed = np.empty(k // 8, np.uint8)
        cdef uint8_t[::1] result = packed
        cdef TurboResult done
        with nogil:
            done = _ops.decode(self._scratch, &view[0, 0], k, filler, self.max_iterations, kind, &result[0])
        return np.unpackbits(packed), (done.half_iterations + 1) // 2, bool(done.crc_ok)
