"""NR polar code: encoder with rate matching, successive cancellation and list decoders (TS 38.212 5.3.1, 5.4.1)."""

from operator import index

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int8_t, int16_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from picocell.kernels import isa, tables

cnp.import_array()

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "polar.hpp" namespace "picocell" nogil:
    int polar_max_list
    cdef struct PolarCode:
        int k, n, log_n, e, n_pc, match
        bint i_bil
        uint8_t bit[1024]
        uint16_t place[1024]
        uint16_t order[1024]
        uint16_t sub_block[32]
        uint16_t sent[8192]
        uint32_t remainder[3][1024]
    cdef struct PolarInput:
        const void* llr
        int kind, blocks, list, crc
        uint32_t mask
    cdef struct PolarOps:
        void (*encode)(const PolarCode*, const uint8_t*, int, int, uint32_t, uint8_t*) noexcept nogil
        void* (*decoder_new)(const PolarCode*) noexcept nogil
        void (*decoder_free)(void*) noexcept nogil
        void (*decode)(void*, const PolarInput*, uint8_t*, uint8_t*) noexcept nogil
    const PolarOps& polar_ops(int isa)

cdef const PolarOps* _ops = &polar_ops(isa.chosen())

cdef dict _KINDS = {None: -1, "24C": 0, "11": 1, "6": 2}
cdef tuple _POLYNOMIALS = ((24, 0xB2B117), (11, 0x621), (6, 0x21))  # TS 38.212 5.1, without the highest term
cdef int[4] _LENGTHS = [0, 24, 11, 6]  # by kind + 1
cdef tuple _MATCHES = ("repetition", "puncturing", "shortening")

CRC_LENGTHS = {"24C": 24, "11": 11, "6": 6}
LIST_SIZES = (1, 2, 4, 8, 16)


def _column(table, name):
    return np.array([int(row[name]) for row in tables.rows(f"polar_38212_{table}")], np.int32)


RELIABILITY = _column("5.3.1.2-1_polar_sequence", "Q")
cdef object _INTERLEAVER = _column("5.3.1.1-1_polar_interleaver", "Pi")
cdef object _SUB_BLOCKS = _column("5.4.1.1-1_subblock_interleaver", "P")
RELIABILITY.flags.writeable = False


def code_length(k, e, n_max=9):
    """n of the code length N = 2^n (TS 38.212 5.3.1).

    Args:
        k: bits of a block with its checksum, K.
        e: bits that are sent, E.
        n_max: largest n, 9 downlink, 10 uplink.

    Raises:
        ValueError: K or E is not positive, or n_max outside 5..10.
    """
    k, e, n_max = index(k), index(e), index(n_max)
    if k < 1 or e < 1:
        raise ValueError(f"K={k} bits and E={e} bits must be positive")
    if not 5 <= n_max <= 10:
        raise ValueError(f"n_max={n_max} is outside 5..10")
    n_1 = int(e - 1).bit_length()
    if 8 * e <= 9 * 2 ** (n_1 - 1) and 16 * k < 9 * e:
        n_1 -= 1
    n_2 = int(8 * k - 1).bit_length()  # R_min = 1/8
    return max(min(n_1, n_2, n_max), 5)


def _interleaver(k, i_il):
    """Pi(k) (TS 38.212 5.3.1.1)."""
    if not i_il:
        return np.arange(k)
    return _INTERLEAVER[_INTERLEAVER >= _INTERLEAVER.size - k] - (_INTERLEAVER.size - k)


def _sub_block_order(n):
    """J(n): the coded bit that stands at each place of y (TS 38.212 5.4.1.1)."""
    return (_SUB_BLOCKS[:, None] * (n // 32) + np.arange(n // 32)).ravel()


def _positions(k, e, n, n_pc, n_pc_wm):
    """What each u_i is, 0 frozen, 1 information, 2 parity (TS 38.212 5.3.1.2, 5.4.1.1), and how E is reached."""
    order = RELIABILITY[RELIABILITY < n]
    frozen = np.zeros(n, bool)
    match = 0
    if e < n:
        places = _sub_block_order(n)
        if 16 * k <= 7 * e:
            match = 1
            frozen[places[: n - e]] = True
            first = -((2 * e - 3 * n) // 4) if 4 * e >= 3 * n else -((4 * e - 9 * n) // 16)
            frozen[: max(first, 0)] = True
        else:
            match = 2
            frozen[places[e:]] = True
    free = order[~frozen[order]]
    if free.size < k + n_pc:
        raise ValueError(f"K={k} bits and {n_pc} parity bits do not fit into E={e} bits of N={n}")
    chosen = free[free.size - k - n_pc :]
    bit = np.zeros(n, np.uint8)
    bit[chosen] = 1
    bit[chosen[: n_pc - n_pc_wm]] = 2
    if n_pc_wm:
        rest = chosen[n_pc:][::-1]  # most reliable first
        weight = np.bitwise_count(rest)
        bit[rest[np.argsort(weight, kind="stable")[:n_pc_wm]]] = 2
    return bit, match


def _triangle(e):
    """Index of the bit that stands at each place behind the interleaver of coded bits (TS 38.212 5.4.1.3)."""
    t = 0
    while t * (t + 1) // 2 < e:
        t += 1
    row, column = np.nonzero(np.arange(t)[:, None] + np.arange(t) < t)  # row by row
    row, column = row[:e], column[:e]
    return np.lexsort((row, column))


cdef class _Decoder:
    """Scratch of one decoding at a time."""

    cdef void* scratch

    def __dealloc__(self):
        _ops.decoder_free(self.scratch)


cdef class Code:
    """A polar code with its interleavers and rate matching. Threads may share it; scratch is kept between calls.

    Args:
        k: bits of a block with its checksum, K.
        e: bits that are sent, E, up to 8192.
        n_max: largest n of N = 2^n: 9 downlink, 10 uplink.
        i_il: interleaves the block (PBCH, DCI); then k is 164 at most.
        i_bil: interleaves the coded bits (UCI).
        n_pc: parity bits, n_PC: 0, or 3 (UCI of 18..25 bits).
        n_pc_wm: those of them that go where rows are lightest, 0 or 1.

    Attributes:
        n: coded bits before rate matching, N.
        matching: "repetition", "puncturing" or "shortening".

    Raises:
        ValueError: an argument out of its range, or bits that do not fit.
    """

    cdef PolarCode _code
    cdef list _idle
    cdef readonly int k, e, n, n_max, n_pc, n_pc_wm
    cdef readonly bint i_il, i_bil
    cdef readonly str matching

    def __init__(self, k, e, n_max=9, i_il=False, i_bil=False, n_pc=0, n_pc_wm=0):
        k, e, n_max, n_pc, n_pc_wm = index(k), index(e), index(n_max), index(n_pc), index(n_pc_wm)
        if not 1 <= e <= 8192:
            raise ValueError(f"E={e} bits are outside 1..8192")
        if not 5 <= n_max <= 10:
            raise ValueError(f"n_max={n_max} is outside 5..10")
        largest = 164 if i_il else 1 << n_max
        if not 1 <= k <= largest:
            raise ValueError(f"K={k} bits are outside 1..{largest}")
        if not 0 <= n_pc_wm <= n_pc <= 3:
            raise ValueError(f"{n_pc} parity bits, {n_pc_wm} of them in light rows, are not 0 <= n_pc_wm <= n_pc <= 3")
        log_n = code_length(k, e, n_max)
        self.k, self.e, self.n, self.n_max = k, e, 1 << log_n, n_max
        self.n_pc, self.n_pc_wm, self.i_il, self.i_bil = n_pc, n_pc_wm, i_il, i_bil
        bit, match = _positions(k, e, self.n, n_pc, n_pc_wm)
        self.matching = _MATCHES[match]
        self._idle = []
        self._fill(log_n, match, bit)

    cdef int _fill(self, int log_n, int match, bit) except -1:
        cdef PolarCode* code = &self._code
        cdef int i, length
        memset(code, 0, sizeof(PolarCode))
        code.k, code.n, code.log_n, code.e = self.k, self.n, log_n, self.e
        code.n_pc, code.match, code.i_bil = self.n_pc, match, self.i_bil
        for i in range(self.n):
            code.bit[i] = bit[i]
        order = np.flatnonzero(bit)
        for i in range(self.k + self.n_pc):
            code.order[i] = order[i]
        information = np.flatnonzero(bit == 1)
        behind = _interleaver(self.k, self.i_il)
        for i in range(self.k):
            code.place[behind[i]] = information[i]
        for i in range(32):
            code.sub_block[i] = _SUB_BLOCKS[i]
        if self.i_bil:
            sent = _triangle(self.e)
            for i in range(self.e):
                code.sent[i] = sent[i]
        for which, (length, polynomial) in enumerate(_POLYNOMIALS):
            power = 1
            for i in range(self.k - 1, -1, -1):
                code.remainder[which][i] = power
                power <<= 1
                if power >> length:
                    power ^= 1 << length | polynomial
        return 0

    def __repr__(self):
        return f"Code(k={self.k}, e={self.e}, n={self.n}, {self.matching})"

    @property
    def kinds(self):
        """What each u_i is: 0 frozen, 1 information, 2 parity; uint8 array (n,)."""
        return np.array([self._code.bit[i] for i in range(self.n)], np.uint8)

    @property
    def places(self):
        """Index i of the u_i that each bit of the block is; int array (k,)."""
        return np.array([self._code.place[i] for i in range(self.k)])

    cdef _Decoder _take(self):
        cdef _Decoder decoder
        if self._idle:
            return self._idle.pop()
        decoder = _Decoder()
        decoder.scratch = _ops.decoder_new(&self._code)
        if decoder.scratch == NULL:
            raise MemoryError
        return decoder

    cdef int _checksum(self, crc, mask, uint32_t* bits) except -2:
        if crc not in _KINDS:
            raise ValueError(f"no checksum {crc!r} for polar codes: use '24C', '11', '6' or None")
        cdef int kind = _KINDS[crc], length = _LENGTHS[kind + 1]
        if self.k < length:
            raise ValueError(f"a checksum of {length} bits does not fit into K={self.k}")
        if not 0 <= mask < 1 << length:
            raise ValueError(f"mask {mask:#x} is not of the {length} bits of the checksum")
        bits[0] = mask
        return kind

    def encode(self, bits, crc=None, mask=0):
        """Encodes blocks: checksum, interleaving, polar transform, rate matching.

        Args:
            bits: uint8 array (k,) or (blocks, k) of 0 and 1; where `crc` is named, without the checksum's bits.
            crc: "24C", "11" or "6": the checksum that is attached (TS 38.212 5.1); None: `bits` are complete.
            mask: number that is added bit by bit to the checksum, its lowest bit to the last.

        Returns:
            uint8 array (e,) or (blocks, e): the bits that are sent.

        Raises:
            ValueError: bits of another shape, or an argument out of its range.
        """
        cdef uint32_t added
        cdef int kind = self._checksum(crc, mask, &added)
        cdef cnp.npy_intp wanted = self.k - _LENGTHS[kind + 1]
        cdef cnp.ndarray array = np.ascontiguousarray(bits, np.uint8) if type(bits) is not cnp.ndarray else _bytes(bits)
        cdef int ndim = cnp.PyArray_NDIM(array)
        if ndim < 1 or ndim > 2 or cnp.PyArray_DIM(array, ndim - 1) != wanted:
            raise ValueError(f"bits have shape {_shape(array)}, (…, {wanted}) is wanted")
        cdef int blocks = 1 if ndim == 1 else cnp.PyArray_DIM(array, 0)
        cdef cnp.npy_intp[2] shape = [blocks, self.e]
        cdef cnp.ndarray out = cnp.PyArray_EMPTY(ndim, &shape[2 - ndim], cnp.NPY_UINT8, 0)
        cdef const uint8_t* source = <const uint8_t*>cnp.PyArray_DATA(array)
        cdef uint8_t* target = <uint8_t*>cnp.PyArray_DATA(out)
        with nogil:
            _ops.encode(&self._code, source, blocks, kind, added, target)
        return out

    def decode(self, llr, list_size=8, crc=None, mask=0):
        """Decodes blocks by successive cancellation, of one path or of a list.

        Args:
            llr: array (e,) or (blocks, e) of int8, int16, float32 or float64, positive for bit 0, 0 for what was not
                received. Only their proportions within a block matter; NaN counts as 0.
            list_size: paths kept: 1, 2, 4, 8 or 16.
            crc: "24C", "11" or "6": the checksum at the end of a block; the most likely path for which it holds is
                taken. None: the most likely path.
            mask: number that was added to the checksum.

        Returns:
            Bits, uint8 array (k,) or (blocks, k), with the checksum; whether it holds (true where there is none, false
            where all LLRs are 0), bool or bool array (blocks,). Where it does not, bits are of the most likely path.

        Raises:
            ValueError: an argument out of its range, or LLRs of another type or shape.
        """
        cdef PolarInput given
        given.crc = self._checksum(crc, mask, &given.mask)
        if list_size not in LIST_SIZES:
            raise ValueError(f"a list of {list_size} paths is not supported: use 1, 2, 4, 8 or 16")
        given.list = list_size
        cdef cnp.ndarray array = llr if type(llr) is cnp.ndarray else np.asarray(llr)
        cdef int kind = cnp.PyArray_TYPE(array)
        if kind == cnp.NPY_FLOAT64:
            array = array.astype(np.float32)
            kind = cnp.NPY_FLOAT32
        if kind == cnp.NPY_INT8:
            given.kind = 0
        elif kind == cnp.NPY_INT16:
            given.kind = 1
        elif kind == cnp.NPY_FLOAT32:
            given.kind = 2
        else:
            raise ValueError(f"LLRs of type {array.dtype} are not supported: use int8, int16, float32 or float64")
        if not cnp.PyArray_ISCARRAY_RO(array):
            array = np.require(array, array.dtype.newbyteorder("="), "CA")
        cdef int ndim = cnp.PyArray_NDIM(array)
        if ndim < 1 or ndim > 2 or cnp.PyArray_DIM(array, ndim - 1) != self.e:
            raise ValueError(f"LLRs have shape {_shape(array)}, (…, {self.e}) is wanted")
        given.blocks = 1 if ndim == 1 else cnp.PyArray_DIM(array, 0)
        given.llr = cnp.PyArray_DATA(array)
        cdef cnp.npy_intp[2] shape = [given.blocks, self.k]
        cdef cnp.ndarray out = cnp.PyArray_EMPTY(ndim, &shape[2 - ndim], cnp.NPY_UINT8, 0)
        cdef uint8_t* bits = <uint8_t*>cnp.PyArray_DATA(out)
        cdef _Decoder decoder = self._take()
        cdef uint8_t single
        cdef uint8_t* ok = &single
        cdef cnp.ndarray right = None
        if ndim == 2:
            right = cnp.PyArray_EMPTY(1, shape, cnp.NPY_BOOL, 0)
            ok = <uint8_t*>cnp.PyArray_DATA(right)
        with nogil:
            _ops.decode(decoder.scratch, &given, bits, ok)
        self._idle.append(decoder)
        return (out, right) if ndim == 2 else (out, single != 0)


cdef _shape(cnp.ndarray array):
    return (<object>array).shape


cdef cnp.ndarray _bytes(cnp.ndarray array):
    """The array itself where it is one of contiguous bytes, else a copy that is."""
    if cnp.PyArray_TYPE(array) == cnp.NPY_UINT8 and cnp.PyArray_ISCARRAY_RO(array):
        return array
    return np.ascontiguousarray(array, np.uint8)


def checksum(bits, name):
    """Checksum of bits (TS 38.212 5.1).

    Args:
        bits: uint8 array (n,), first bit first; only the least significant bit of each counts.
        name: "24C", "11" or "6".

    Raises:
        ValueError: no such checksum, or bits not of one dimension.
    """
    if name not in CRC_LENGTHS:
        raise ValueError(f"no checksum {name!r} for polar codes: use '24C', '11' or '6'")
    array = np.ascontiguousarray(bits, np.uint8)
    if array.ndim != 1:
        raise ValueError(f"bits have shape {array.shape}, one dimension is wanted")
    cdef const uint8_t[::1] view = array
    cdef uint32_t length, polynomial, register = 0, bit
    cdef Py_ssize_t i
    length, polynomial = _POLYNOMIALS[_KINDS[name]]
    for i in range(view.shape[0]):
        bit = ((register >> (length - 1)) ^ view[i]) & 1
        register = (register << 1) & ((1u << length) - 1)
        if bit:
            register ^= polynomial
    return register
