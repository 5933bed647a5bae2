"""NR LDPC code: encoder, rate matching, layered min-sum decoder of many code blocks a call (TS 38.212 5.3.2, 5.4.2)."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, uint8_t

from picocell.kernels import isa, tables

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "ldpc.hpp" namespace "picocell" nogil:
    cdef struct LdpcEdge:
        int32_t row, column, shift
    cdef struct LdpcGraph:
        int z, kb, rows, columns, edges
        LdpcEdge edge[316]
        int row_begin[47]
    cdef struct LdpcRing:
        int n_cb, filler_begin, filler_end, k0
    cdef struct LdpcInput:
        const void* llr
        int kind, blocks, length, n_filler, n_iterations, crc
        bint early_stop
    cdef struct LdpcOps:
        void (*encode)(const LdpcGraph*, const uint8_t*, int, uint8_t*) noexcept nogil
        void (*match)(const LdpcRing*, const uint8_t*, int, size_t, uint8_t*) noexcept nogil
        void (*recover)(const LdpcRing*, const int16_t*, int, size_t, int16_t*) noexcept nogil
        void* (*decoder_new)(const LdpcGraph*) noexcept nogil
        void (*decoder_free)(void*) noexcept nogil
        void (*decode)(void*, const LdpcInput*, uint8_t*, uint8_t*, int32_t*) noexcept nogil
        int (*batch)(int, int) noexcept nogil
    const LdpcOps& ldpc_ops(int isa)

cdef const LdpcOps* _ops = &ldpc_ops(isa.chosen())

cdef dict _SETS = {int(row["Z"]): int(row["i_LS"]) for row in tables.rows("ldpc_38212_5.3.2-1_lifting_sizes")}
cdef dict _GRAPHS = {1: "ldpc_38212_5.3.2-2_ldpc_bg1", 2: "ldpc_38212_5.3.2-3_ldpc_bg2"}
cdef dict _KINDS = {None: -1, "24A": 0, "24B": 1, "16": 2}
cdef tuple _K0 = tables.rows("ldpc_38212_5.4.2.1-2_k0")

LIFTING_SIZES = tuple(sorted(_SETS))


def base_graph(bg, z):
    """The base graph for a lifting size (TS 38.212 Tables 5.3.2-2 and 5.3.2-3).

    Args:
        bg: base graph, 1 or 2.
        z: lifting size, one of LIFTING_SIZES.

    Returns:
        int32 array (edges, 3): row i, column j, shift V(i, j) mod Z, rows ascending.

    Raises:
        ValueError: an argument out of its range.
    """
    if bg not in _GRAPHS:
        raise ValueError(f"no base graph {bg!r}: use 1 or 2")
    if z not in _SETS:
        raise ValueError(f"{z!r} is no lifting size: one of the 51 of TS 38.212 Table 5.3.2-1, 2..384")
    column = f"V{_SETS[z]}"
    edges = [(int(r["i"]), int(r["j"]), int(r[column]) % z) for r in tables.rows(_GRAPHS[bg])]
    return np.array(sorted(edges), np.int32)


cdef class _Decoder:
    """Scratch of one decoding at a time."""

    cdef void* scratch

    def __dealloc__(self):
        _ops.decoder_free(self.scratch)


cdef _blocks(array, int length, what):
    """The array as (blocks, length), and whether it had one dimension only."""
    if array.ndim not in (1, 2) or (length >= 0 and array.shape[array.ndim - 1] != length):
        wanted = f"(…, {length})" if length >= 0 else "(n,) or (blocks, n)"
        raise ValueError(f"{what} have shape {array.shape}, {wanted} is wanted")
    return (array[None] if array.ndim == 1 else array), array.ndim == 1


cdef int _order(q_m, e) except -1:
    if q_m not in (1, 2, 4, 6, 8, 10):
        raise ValueError(f"Q_m={q_m} is no modulation order: use 1, 2, 4, 6, 8 or 10")
    if e < 0 or e % q_m:
        raise ValueError(f"E={e} bits of a block are no multiple of Q_m={q_m}")
    return q_m


cdef class Code:
    """The LDPC code of one base graph and lifting size. Threads may share it; scratch is kept between calls.

    Args:
        bg: base graph, 1 or 2.
        z: lifting size Z_c, one of LIFTING_SIZES.

    Attributes:
        k: bits of a code block with its filler bits, K: 22 Z or 10 Z.
        n: coded bits N: 66 Z or 50 Z; the first 2 Z bits of the block are not among them.

    Raises:
        ValueError: an argument out of its range.
    """

    cdef LdpcGraph _graph
    cdef list _idle
    cdef readonly int bg, z, k, n

    def __init__(self, bg, z):
        cdef const int32_t[:, ::1] edges = base_graph(bg, z)
        cdef int e, rows = 46 if bg == 1 else 42
        self.bg, self.z = bg, z
        self._graph.z = z
        self._graph.kb = 22 if bg == 1 else 10
        self._graph.rows = rows
        self._graph.columns = self._graph.kb + rows
        self._graph.edges = edges.shape[0]
        for e in range(edges.shape[0] - 1, -1, -1):
            self._graph.edge[e].row = edges[e, 0]
            self._graph.edge[e].column = edges[e, 1]
            self._graph.edge[e].shift = edges[e, 2]
            self._graph.row_begin[edges[e, 0]] = e
        self._graph.row_begin[rows] = edges.shape[0]
        self.k = self._graph.kb * z
        self.n = (self._graph.columns - 2) * z
        self._idle = []

    def __repr__(self):
        return f"Code(bg={self.bg}, z={self.z})"

    cdef _Decoder _take(self):
        cdef _Decoder decoder
        if self._idle:
            return self._idle.pop()
        decoder = _Decoder()
        decoder.scratch = _ops.decoder_new(&self._graph)
        if decoder.scratch == NULL:
            raise MemoryError
        return decoder

    cdef int _filler(self, n_filler) except -1:
        if not 0 <= n_filler <= self.k - 2 * self.z:
            raise ValueError(f"{n_filler} filler bits are not within 0..{self.k - 2 * self.z}")
        return n_filler

    def encode(self, bits):
        """Encodes code blocks (TS 38.212 5.3.2).

        Args:
            bits: uint8 array (k,) or (blocks, k) of 0 and 1; filler bits, at the end of a block, are 0.

        Returns:
            uint8 array (n,) or (blocks, n): d, filler bits as 0.

        Raises:
            ValueError: bits of another shape.
        """
        array, single = _blocks(np.ascontiguousarray(bits, np.uint8), self.k, "bits")
        out = np.empty((array.shape[0], self.n), np.uint8)
        cdef const uint8_t[:, ::1] view = array
        cdef uint8_t[:, ::1] result = out
        cdef int blocks = view.shape[0]
        if blocks:
            with nogil:
                _ops.encode(&self._graph, &view[0, 0], blocks, &result[0, 0])
        return out[0] if single else out

    def decode(self, llr, n_iterations=6, crc=None, n_filler=0, early_stop=True):
        """Decodes code blocks by layered min-sum with int8 messages.

        Args:
            llr: array (m,) or (blocks, m) of LLRs of the first m <= n coded bits, positive for bit 0, 0 for a bit that
                was not received; the others were not received. int8 is taken as it is (quantise() finds the scale);
                of int16 and float32 only the proportions within a block matter, and NaN counts as 0.
            n_iterations: iterations after which a block is given up, 1..255.
            crc: "24A", "24B" or "16": a block is right where this checksum at the end of its bits holds; None: where
                all parity checks hold.
            n_filler: filler bits at the end of each block, known to be 0.
            early_stop: end with the iteration after which a block is right.

        Returns:
            Bits, uint8 array (k,) or (blocks, k); whether each block is right, bool or bool array (blocks,); its
            iterations, int or int32 array (blocks,).

        Raises:
            ValueError: an argument out of its range, or LLRs of another type.
        """
        array = np.asarray(llr)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        cdef LdpcInput given
        if array.dtype == np.int8:
            given.kind = 0
        elif array.dtype == np.int16:
            given.kind = 1
        elif array.dtype == np.float32:
            given.kind = 2
        else:
            raise ValueError(f"LLRs of type {array.dtype} are not supported: use int8, int16, float32 or float64")
        array, single = _blocks(np.require(array, array.dtype.newbyteorder("="), "CA"), -1, "LLRs")
        if array.shape[1] > self.n:
            raise ValueError(f"{array.shape[1]} LLRs a block are more than the {self.n} coded bits")
        if not 1 <= n_iterations <= 255:
            raise ValueError(f"{n_iterations} iterations are outside 1..255")
        if crc not in _KINDS:
            raise ValueError(f"no checksum {crc!r} for code blocks: use '24A', '24B', '16' or None")
        given.n_filler = self._filler(n_filler)
        given.blocks = array.shape[0]
        given.length = array.shape[1]
        given.n_iterations = n_iterations
        given.crc = _KINDS[crc]
        given.early_stop = early_stop
        out = np.empty((given.blocks, self.k), np.uint8)
        right = np.empty(given.blocks, np.uint8)
        taken = np.empty(given.blocks, np.int32)
        cdef uint8_t[:, ::1] result = out
        cdef const uint8_t[:, ::1] raw = array.view(np.uint8)
        cdef uint8_t[::1] ok = right
        cdef int32_t[::1] iterations = taken
        cdef _Decoder decoder
        if given.blocks:
            given.llr = &raw[0, 0] if given.length else NULL
            decoder = self._take()
            with nogil:
                _ops.decode(decoder.scratch, &given, &result[0, 0], &ok[0], &iterations[0])
            self._idle.append(decoder)
        if single:
            return out[0], bool(right[0]), int(taken[0])
        return out, right.view(np.bool_), taken

    cdef int _ring(self, LdpcRing* ring, rv, n_cb, n_filler) except -1:
        if not 0 <= rv <= 3:
            raise ValueError(f"redundancy version {rv} is outside 0..3")
        ring.filler_end = self.k - 2 * self.z
        ring.filler_begin = ring.filler_end - self._filler(n_filler)
        if ring.filler_begin == ring.filler_end:
            ring.filler_begin = ring.filler_end = self.n
        limit = self.n if n_cb is None else n_cb
        if not 1 <= limit <= self.n or (ring.filler_begin == 0 and limit <= ring.filler_end):
            raise ValueError(f"a soft buffer of N_cb={n_cb} holds no coded bit, or more than the {self.n} of a block")
        ring.n_cb = limit
        start = _K0[rv]
        ring.k0 = int(start[f"bg{self.bg}_num"]) * ring.n_cb // (int(start[f"bg{self.bg}_den"]) * self.z) * self.z
        return 0

    def rate_match(self, coded, e, q_m=1, rv=0, n_cb=None, n_filler=0):
        """Selects and interleaves the bits that are sent (TS 38.212 5.4.2).

        Args:
            coded: uint8 array (n,) or (blocks, n), from encode().
            e: bits sent of each block, E: a multiple of q_m.
            q_m: bits a symbol: 1, 2, 4, 6, 8 or 10.
            rv: redundancy version, 0..3.
            n_cb: soft buffer of a block N_cb; None: no limit.
            n_filler: filler bits of a block, which are not sent.

        Returns:
            uint8 array (e,) or (blocks, e).

        Raises:
            ValueError: an argument out of its range.
        """
        cdef LdpcRing ring
        self._ring(&ring, rv, n_cb, n_filler)
        array, single = _blocks(np.ascontiguousarray(coded, np.uint8), self.n, "coded bits")
        cdef int b, order = _order(q_m, e), blocks = array.shape[0]
        cdef size_t length = e
        out = np.empty((blocks, e), np.uint8)
        cdef const uint8_t[:, ::1] view = array
        cdef uint8_t[:, ::1] result = out
        if length and blocks:
            with nogil:
                for b in range(blocks):
                    _ops.match(&ring, &view[b, 0], order, length, &result[b, 0])
        return out[0] if single else out

    def rate_recover(self, llr, q_m=1, rv=0, n_cb=None, n_filler=0, soft=None):
        """Undoes rate_match: sums LLRs where their coded bits stand, saturating.

        Args:
            llr: int16 or int8 array (e,) or (blocks, e), e a multiple of q_m.
            q_m: bits a symbol: 1, 2, 4, 6, 8 or 10.
            rv: redundancy version, 0..3.
            n_cb: soft buffer of a block N_cb; None: no limit.
            n_filler: filler bits of a block; their LLRs stay zero.
            soft: what earlier transmissions gave, int16 array (n,) or (blocks, n), C-contiguous; added to in place.

        Returns:
            int16 array (n,) or (blocks, n) for decode(), `soft` itself where it was given.

        Raises:
            ValueError: an argument out of its range.
        """
        cdef LdpcRing ring
        self._ring(&ring, rv, n_cb, n_filler)
        given = np.asarray(llr)
        if given.dtype not in (np.int8, np.int16):
            raise ValueError(f"LLRs of type {given.dtype} cannot be combined: use int16 or int8")
        array, single = _blocks(np.ascontiguousarray(given, np.int16), -1, "LLRs")
        cdef int b, order = _order(q_m, array.shape[1]), blocks = array.shape[0]
        cdef size_t length = array.shape[1]
        shape = (blocks, self.n)[int(single):]
        if soft is None:
            soft = np.zeros(shape, np.int16)
        elif (not isinstance(soft, np.ndarray) or soft.shape != shape or soft.dtype != np.int16
              or not soft.flags.c_contiguous):
            raise ValueError(f"soft of shape {np.shape(soft)} is not wanted: a C-contiguous int16 array {shape} is")
        cdef const int16_t[:, ::1] view = array
        cdef int16_t[:, ::1] result = soft.reshape(blocks, self.n)
        if length:
            with nogil:
                for b in range(blocks):
                    _ops.recover(&ring, &view[b, 0], order, length, &result[b, 0])
        return soft

    def quantise(self, llr, n_filler=0):
        """LLRs as int8 at the scale with which decode() loses least at their code rate, for callers that keep int8.

        Args:
            llr: array (m,) or (blocks, m) of LLRs, 0 or NaN for a bit that was not received.
            n_filler: filler bits of a block.

        Returns:
            int8 array of the same shape.

        Raises:
            ValueError: an argument out of its range.
        """
        array = np.nan_to_num(np.asarray(llr, np.float32), nan=0.0, posinf=3e38, neginf=-3e38)
        bits = self.k - self._filler(n_filler)
        magnitude = np.minimum(np.abs(array), 1e30)
        received = np.maximum(np.count_nonzero(magnitude, axis=-1, keepdims=True), 1)
        mean = np.maximum(magnitude.sum(axis=-1, keepdims=True, dtype=np.float64) / received, 1e-30)
        scale = (8 + 16 * np.minimum(bits / received, 1) ** 2) / mean
        return np.clip(np.rint(array * scale), -127, 127).astype(np.int8)

    def batch(self, blocks):
        """Code blocks that decode() puts into one register where it is given `blocks` of them."""
        return _ops.batch(self.z, max(1, blocks))
