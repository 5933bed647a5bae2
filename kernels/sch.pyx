"""Whole transport blocks of DL-SCH, UL-SCH and PCH (TS 36.212 5.2.2, 5.3.2), one call without the GIL each.

CRC24A, segmentation with CRC24B, turbo code, rate matching and concatenation, and the way back with soft combining.
"""

from collections import namedtuple

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from picocell.kernels import isa, tables

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "<stdlib.h>" nogil:
    void* aligned_alloc(size_t alignment, size_t size)

cdef extern from "sch.hpp" namespace "picocell" nogil:
    cdef struct Segmentation:
        int c, k_plus, k_minus, c_minus, f, crc
    cdef struct SchShape:
        int tbs, unit
        int64_t g
        int n_ir, rv
    cdef struct SchSoft:
        int16_t* llr
        size_t stride
        uint8_t* passed
        uint8_t* bytes
        uint8_t* fresh
    cdef struct SchOutcome:
        bint crc_ok
        int blocks_ok, blocks_tried, iterations
    cdef struct SchOps:
        void (*set_tables)(const int32_t*, const int32_t*) noexcept nogil
        Segmentation (*segment)(int) noexcept nogil
        bint (*fits)(int, int) noexcept nogil
        void (*encode)(const SchShape*, const uint8_t*, uint64_t*) noexcept nogil
        void (*unpack)(const uint64_t*, size_t, uint8_t*) noexcept nogil
        void* (*decoder_new)(int) noexcept nogil
        void (*decoder_free)(void*) noexcept nogil
        SchOutcome (*decode)(void*, const SchShape*, const int16_t*, const SchSoft*, int, uint8_t*) noexcept nogil
    const SchOps& sch_ops(int isa)
    int sch_block_bytes
    int sch_front
    int sch_max_tbs

cdef const SchOps* _ops = &sch_ops(isa.chosen())
cdef const int32_t[:, ::1] _qpp = tables.qpp()
cdef const int32_t[::1] _columns = tables.turbo_columns()
_ops.set_tables(&_qpp[0, 0], &_columns[0])

MAX_TBS = sch_max_tbs

cdef enum:
    MOST_THREADS = 64

SchResult = namedtuple(
    "SchResult", ["payload", "crc_ok", "iterations", "code_blocks_ok", "code_blocks"], module="picocell.kernels.sch"
)


cdef int _tbs(tbs) except -1:
    if tbs % 8 or not 8 <= tbs <= sch_max_tbs:
        raise ValueError(f"a transport block of {tbs} bits is not allowed: a multiple of 8 in 8..{sch_max_tbs}")
    return tbs


cdef int _n_ir(int tbs, n_ir) except -1:
    """N_IR as the kernel takes it (0: no limit)."""
    if n_ir is None:
        return 0
    cdef int limit = max(0, min(int(n_ir), 1 << 30))
    if limit == 0 or not _ops.fits(tbs, limit):
        raise ValueError(f"a soft buffer of N_IR={n_ir} leaves code blocks of a transport block of {tbs} bits empty")
    return limit


cdef int _fill(SchShape* shape, g, q_m, n_l, rv) except -1:
    if q_m not in (1, 2, 4, 6, 8):
        raise ValueError(f"Q_m={q_m} is no modulation order: use 1, 2, 4, 6 or 8")
    if not 1 <= n_l <= 4:
        raise ValueError(f"N_L={n_l} layers are outside 1..4")
    if not 0 <= rv <= 3:
        raise ValueError(f"redundancy version {rv} is outside 0..3")
    if g < 0 or g > 1 << 30 or g % (q_m * n_l):
        raise ValueError(f"G={g} coded bits are no multiple of N_L Q_m = {n_l * q_m} in 0..2^30")
    shape.unit = q_m * n_l
    shape.g = g
    shape.rv = rv
    return 0


def encode(payload, g, q_m, n_l=1, rv=0, n_ir=None):
    """Encodes a transport block.

    Args:
        payload: bytes of the transport block, most significant bit first.
        g: coded bits available, G: a multiple of n_l * q_m.
        q_m: bits a symbol: 1, 2, 4, 6 or 8.
        n_l: layers that the transport block is mapped on, N_L (2 for transmit diversity).
        rv: redundancy version, 0..3.
        n_ir: soft buffer of the transport block N_IR; None: no limit.

    Returns:
        uint8 array (g,) of bits.

    Raises:
        ValueError: an argument out of its range.
    """
    words = encode_packed(payload, g, q_m, n_l, rv, n_ir)
    out = np.empty(g, np.uint8)
    cdef const uint64_t[::1] packed = words
    cdef uint8_t[::1] result = out
    cdef size_t count = result.shape[0]
    if count:
        with nogil:
            _ops.unpack(&packed[0], count, &result[0])
    return out


def encode_packed(const uint8_t[::1] payload, g, q_m, n_l=1, rv=0, n_ir=None):
    """Encodes a transport block as `encode` does.

    Returns:
        uint64 array (ceil(g / 64),), the first bit in the lowest place, zeros behind the last: as `gold.packed` gives
        a scrambling sequence and `dltx.shared_packed` takes them.

    Raises:
        ValueError: an argument out of its range.
    """
    cdef SchShape shape
    shape.tbs = _tbs(8 * payload.shape[0])
    shape.n_ir = _n_ir(shape.tbs, n_ir)
    _fill(&shape, g, q_m, n_l, rv)
    out = np.empty((shape.g + 63) // 64, np.uint64)
    cdef uint64_t[::1] result = out
    if shape.g:
        with nogil:
            _ops.encode(&shape, &payload[0], &result[0])
    return out


cdef class SoftBuffer:
    """Soft bits of one transport block between its transmissions, and the code blocks that already passed.

    Args:
        tbs: bits of the transport block.
        n_ir: soft buffer of the transport block N_IR (TS 36.212 5.1.4.1.2); None: no limit.

    Raises:
        ValueError: an argument out of its range.
    """

    cdef readonly int tbs
    cdef readonly object n_ir
    cdef int _blocks
    cdef void* _memory  # soft bits, bytes of the code blocks, and whether they passed
    cdef SchSoft _soft
    cdef uint8_t _fresh

    def __cinit__(self, tbs, n_ir=None):
        self.tbs = _tbs(tbs)
        _n_ir(self.tbs, n_ir)
        self.n_ir = n_ir
        cdef Segmentation s = _ops.segment(self.tbs)
        self._blocks = s.c
        self._soft.stride = (3 * (s.k_plus + 4) + 1 + sch_front + 31) // 32 * 32
        cdef size_t front = sch_front * sizeof(int16_t)
        cdef size_t soft = front + s.c * self._soft.stride * sizeof(int16_t)
        cdef size_t size = (soft + s.c + s.c * sch_block_bytes + 63) // 64 * 64
        self._memory = aligned_alloc(64, size)
        if self._memory == NULL:
            raise MemoryError
        memset(self._memory, 0, size)
        self._fresh = 1
        self._soft.fresh = &self._fresh
        self._soft.llr = <int16_t*>self._memory + sch_front
        self._soft.bytes = <uint8_t*>self._memory + soft
        self._soft.passed = self._soft.bytes + s.c * sch_block_bytes

    def __dealloc__(self):
        free(self._memory)

    @property
    def passed(self):
        """Code blocks whose checksum held, bool array (code_blocks,)."""
        return np.array([self._soft.passed[i] for i in range(self._blocks)], np.bool_)

    def clear(self):
        """Forgets everything: a new transport block of the same size begins."""
        self._fresh = 1
        memset(self._soft.passed, 0, self._blocks)


cdef class SchDecoder:
    """Decodes transport blocks; holds scratch, so one thread at a time.

    Args:
        max_iterations: full turbo iterations after which a code block is given up, 1..255.
        threads: how many share the code blocks of a transport block, the caller among them, 1..64; all but the caller
            wait for work as long as the decoder lives. The results do not depend on it. A forked process keeps the
            object, but without the threads.

    Raises:
        ValueError: an argument out of its range.
        MemoryError: no memory, or no more threads.
    """

    cdef void* _scratch
    cdef readonly int max_iterations, threads

    def __cinit__(self, max_iterations=6, threads=1):
        if not 1 <= max_iterations <= 255:
            raise ValueError(f"{max_iterations} iterations are outside 1..255")
        if not 1 <= threads <= MOST_THREADS:
            raise ValueError(f"{threads} threads are outside 1..{MOST_THREADS}")
        self.max_iterations, self.threads = max_iterations, threads
        self._scratch = _ops.decoder_new(threads)
        if self._scratch == NULL:
            raise MemoryError

    def __dealloc__(self):
        _ops.decoder_free(self._scratch)

    def decode(self, llr, tbs, q_m, n_l=1, rv=0, SoftBuffer soft=None, n_ir=None):
        """Decodes one transmission of a transport block.

        Args:
            llr: int16 array (g,), positive for bit 0; only their proportions matter, in and between transmissions.
            tbs: bits of the transport block.
            q_m: bits a symbol: 1, 2, 4, 6 or 8.
            n_l: layers that the transport block is mapped on, N_L (2 for transmit diversity).
            rv: redundancy version, 0..3.
            soft: what earlier transmissions gave; this one is added (saturating), and code blocks that passed
                before are not decoded again.
            n_ir: soft buffer of the transport block N_IR; None: that of `soft`, else no limit.

        Returns:
            SchResult: payload (the best guess where crc_ok is false), crc_ok (CRC24A and all CRC24B hold), iterations
            (mean of full iterations begun over the code blocks decoded in this call), code_blocks_ok, code_blocks.

        Raises:
            ValueError: an argument out of its range, or `soft` made for something else.
        """
        cdef SchShape shape
        cdef const SchSoft* kept = NULL
        array = np.ascontiguousarray(llr, np.int16)
        if array.ndim != 1:
            raise ValueError(f"LLRs have shape {array.shape}, one dimension is wanted")
        shape.tbs = _tbs(tbs)
        if soft is not None:
            if soft.tbs != shape.tbs:
                raise ValueError(f"the soft buffer is for {soft.tbs} bits, not for a transport block of {tbs}")
            if n_ir is None:
                n_ir = soft.n_ir
            elif n_ir != soft.n_ir:
                raise ValueError(f"the soft buffer was made with N_IR={soft.n_ir}, not {n_ir}")
            kept = &soft._soft
        shape.n_ir = _n_ir(shape.tbs, n_ir)
        _fill(&shape, array.shape[0], q_m, n_l, rv)
        cdef int16_t nothing = 0
        cdef const int16_t[::1] view = array
        cdef const int16_t* first = &view[0] if shape.g else &nothing
        payload = PyBytes_FromStringAndSize(NULL, shape.tbs // 8)
        cdef uint8_t* result = <uint8_t*>PyBytes_AS_STRING(payload)  # nobody else has it before it is filled
        cdef SchOutcome done
        with nogil:
            done = _ops.decode(self._scratch, &shape, first, kept, self.max_iterations, result)
        cdef int blocks = _ops.segment(shape.tbs).c
        mean = done.iterations / <double>done.blocks_tried if done.blocks_tried else 0.0
        return SchResult(payload, bool(done.crc_ok), mean, done.blocks_ok, blocks)
