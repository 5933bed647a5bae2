"""Estimation of PUCCH candidates: delay, message and carrier offset of each (TS 36.211 5.4)."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "pucch.hpp" namespace "picocell" nogil:
    const int pucch_n_sc
    const int pucch_max_rx
    const int pucch_max_symb
    const int pucch_n_delays
    const int pucch_n_turns
    const int pucch_n_coded
    const int pucch_n_data
    cdef struct PucchSearch:
        int n_symb
        int pilot[2]
        int data[5]
        double delay_step
        double max_delay
        double turn_step
        double max_turn
        const float* slopes
        const float* turns
    cdef struct PucchCandidates:
        size_t n
        size_t n_1
        const int32_t* shift
        const float* n_symbols
        const float* codes
        const int32_t* n_values
        const float* signs
        const int32_t* first
        const int32_t* n_words
        const float* book
    cdef struct PucchFound:
        float* energy
        float* total
        float* time
        float* frequency
        double* delay
        double* turn
        int64_t* ack
        int64_t* payload
    cdef struct PucchJoint:
        size_t n_blocks
        const int32_t* prbs
        const uint8_t* shortened
        const int32_t* n_terms
        const int32_t* block
        const int32_t* cover
        const int32_t* limit_of
        int n_limits
        const double* weak
        const double* limits
        float worst_leakage[12]
        float other_cover
        float mismatch
        float doubt
        float loading
        int max_rounds
    cdef struct PucchSignals:
        double* metric
        double* limit
        double* noise
        double* energy
        double* delay
        double* turn
        int64_t* ack
        int64_t* payload
    cdef struct PucchOps:
        void (*estimate)(const PucchSearch&, const PucchCandidates&, const float*, int, const PucchFound&) noexcept nogil
        void (*detect)(const PucchSearch&, const PucchCandidates&, const PucchJoint&, const float*, const float*, int,
                       int, const PucchSignals&) noexcept nogil
    const PucchOps& pucch_ops(int isa)

cdef const PucchOps* _ops = &pucch_ops(isa.chosen())

MAX_RX = pucch_max_rx


def _shaped(array, dtype, shape, str what):
    """The array, contiguous, of the shape and type; or ValueError."""
    data = np.ascontiguousarray(array, dtype)
    if data.shape != shape:
        raise ValueError(f"{what} of shape {data.shape} is not allowed: shape {shape} is")
    return data


def _symbols(indices, int n, int n_symb, str what):
    """Distinct symbols of a slot."""
    found = tuple(int(index) for index in indices)
    if len(found) != n or len(set(found)) != n or min(found) < 0 or max(found) >= n_symb:
        raise ValueError(f"{what} {found} are not allowed: {n} of 0..{n_symb - 1} are")
    return found


cdef const float* _floats(array) except? NULL:
    """First float of a contiguous array of float32 or complex64; null where it is empty."""
    cdef const float[::1] view = array.reshape(-1).view(np.float32)
    return &view[0] if view.shape[0] else NULL


cdef float* _writable(array) except? NULL:
    cdef float[::1] view = array.reshape(-1).view(np.float32)
    return &view[0] if view.shape[0] else NULL


cdef const int32_t* _integers(array) except? NULL:
    cdef const int32_t[::1] view = array.reshape(-1)
    return &view[0] if view.shape[0] else NULL


cdef class Search:
    cdef PucchSearch _search
    cdef object _kept

    def __init__(self, slopes, turns, pilots, data, *, delay_step, max_delay, turn_step, max_turn):
        slopes = _shaped(slopes, np.complex64, (pucch_n_sc, pucch_n_sc, pucch_n_delays), "slopes")
        n_symb = len(turns)
        if n_symb not in (6, 7):
            raise ValueError(f"{n_symb} symbols a slot are not allowed: use 6 or 7")
        turns = _shaped(turns, np.complex64, (n_symb, pucch_n_turns), "turns")
        if len(pilots) not in (1, 2):
            raise ValueError(f"{len(pilots)} reference symbols are not allowed: use 1 or 2")
        pilots = _symbols(pilots, len(pilots), n_symb, "reference symbols")
        if not (delay_step > 0 and turn_step > 0):
            raise ValueError(f"steps {delay_step} and {turn_step} are not allowed: they must be positive")
        self._kept = (slopes, turns)
        self._search.n_symb = n_symb
        self._search.pilot[0] = pilots[0]
        self._search.pilot[1] = pilots[1] if len(pilots) == 2 else -1
        for i, l in enumerate(_symbols(data, pucch_n_data, n_symb, "data symbols")):
            self._search.data[i] = l
        self._search.delay_step, self._search.max_delay = delay_step, max_delay
        self._search.turn_step, self._search.max_turn = turn_step, max_turn
        self._search.slopes, self._search.turns = _floats(slopes), _floats(turns)

    def estimate(self, Candidates candidates not None, views):
        """Best delay, message and carrier offset of each candidate from its own view."""
        cdef size_t n = candidates._candidates.n
        cdef int n_symb = self._search.n_symb
        if candidates._n_symb != n_symb:
            raise ValueError(f"candidates of {candidates._n_symb} symbols a slot are not allowed: {n_symb} are")
        data = np.ascontiguousarray(views, np.complex64)
        if data.ndim != 5 or not 1 <= data.shape[2] <= pucch_max_rx:
            raise ValueError(f"views of shape {data.shape} are not allowed: (n, 2, n_rx 1..{MAX_RX}, n_symb, 12) is")
        data = _shaped(data, np.complex64, (n, 2, data.shape[2], n_symb, pucch_n_sc), "views")
        energy, total = np.empty((n, 2), np.float32), np.empty(n, np.float32)
        time, frequency = np.empty((n, 2, n_symb), np.complex64), np.empty((n, 2, pucch_n_sc), np.complex64)
        delay, turn = np.empty(n), np.empty(n)
        ack, payload = np.empty(n, np.int64), np.empty(n, np.int64)
        result = (energy, total, time, frequency, delay, turn, ack, payload)
        if not n:
            return result
        cdef double[::1] delays = delay, turns = turn
        cdef int64_t[::1] acks = ack, payloads = payload
        cdef PucchFound found
        found.energy, found.total = _writable(energy), _writable(total)
        found.time, found.frequency = _writable(time), _writable(frequency)
        found.delay, found.turn, found.ack, found.payload = &delays[0], &turns[0], &acks[0], &payloads[0]
        cdef const float* source = _floats(data)
        cdef int n_rx = data.shape[2]
        with nogil:
            _ops.estimate(self._search, candidates._candidates, source, n_rx, found)
        return result

    def detect(self, Joint joint not None, const float complex[:, :, ::1] grid,
               const float complex[:, :, ::1] carriers):
        """Decides all candidates of a subframe; a tuple for each."""
        cdef Candidates candidates = joint._candidates
        cdef size_t n = candidates._candidates.n, i
        cdef int n_symb = self._search.n_symb, n_rx = grid.shape[0], n_sc = grid.shape[2]
        if candidates._n_symb != n_symb or grid.shape[1] != 2 * n_symb:
            raise ValueError(f"{candidates._n_symb} and {grid.shape[1]} symbols do not fit: {n_symb} a slot are needed")
        if n_rx != joint.n_rx or n_sc < pucch_n_sc * (joint._last_prb + 1):
            raise ValueError(f"grid of {n_rx} antennas and {n_sc} subcarriers does not fit the candidates")
        if carriers.shape[0] != 2 or carriers.shape[1] != n_symb or carriers.shape[2] != pucch_n_sc:
            raise ValueError(f"carriers are not of shape (2, {n_symb}, 12)")
        if not n:
            return []
        levels, whole = np.empty((6, n)), np.empty((2, n), np.int64)
        cdef double[:, ::1] level = levels
        cdef int64_t[:, ::1] number = whole
        cdef PucchSignals found
        found.metric, found.limit, found.noise = &level[0, 0], &level[1, 0], &level[2, 0]
        found.energy, found.delay, found.turn = &level[3, 0], &level[4, 0], &level[5, 0]
        found.ack, found.payload = &number[0, 0], &number[1, 0]
        with nogil:
            _ops.detect(self._search, candidates._candidates, joint._joint, <const float*>&grid[0, 0, 0],
                        <const float*>&carriers[0, 0, 0], n_rx, n_sc, found)
        return [(level[0, i], level[1, i], level[2, i], level[3, i], level[4, i], level[5, i], number[0, i],
                 number[1, i]) for i in range(n)]


cdef class Joint:
    cdef PucchJoint _joint
    cdef Candidates _candidates
    cdef object _kept
    cdef int _last_prb
    cdef readonly int n_rx

    def __init__(self, Candidates candidates not None, int n_rx, prbs, shortened, n_terms, block, cover, limit_of,
                 weak, limits, *, worst_leakage, other_cover, mismatch, doubt, loading, max_rounds):
        n, n_blocks = len(candidates), len(prbs)
        prbs, cover = _shaped(prbs, np.int32, (n_blocks, 2), "prbs"), _shaped(cover, np.int32, (n, 2), "cover")
        shortened = _shaped(shortened, np.uint8, (n_blocks,), "shortened")
        n_terms = _shaped(n_terms, np.int32, (n_blocks,), "n_terms")
        block, limit_of = _shaped(block, np.int32, (n,), "block"), _shaped(limit_of, np.int32, (n,), "limit_of")
        n_rows, n_limits = np.shape(weak)
        weak = _shaped(weak, np.float64, (n_rows, n_limits), "weak")
        limits = _shaped(limits, np.float64, (n_rows, n_limits), "limits")
        worst = _shaped(worst_leakage, np.float32, (pucch_n_sc,), "worst_leakage")
        if not 1 <= n_rx <= pucch_max_rx:
            raise ValueError(f"n_rx {n_rx} is outside 1..{MAX_RX}")
        if n and not (0 <= block.min() and block.max() < n_blocks and 0 <= limit_of.min() and limit_of.max() < n_rows):
            raise ValueError(f"blocks of 0..{n_blocks - 1} and limits of 0..{n_rows - 1} are needed")
        if n_blocks and prbs.min() < 0 or n_limits < 1:
            raise ValueError("negative resource blocks, or no limits, are not allowed")
        self._kept = (prbs, cover, shortened, n_terms, block, limit_of, weak, limits)
        self._candidates, self.n_rx = candidates, n_rx
        self._last_prb = prbs.max(initial=-1)
        self._joint.n_blocks, self._joint.n_limits, self._joint.max_rounds = n_blocks, n_limits, max_rounds
        self._joint.prbs, self._joint.cover, self._joint.block = _integers(prbs), _integers(cover), _integers(block)
        self._joint.n_terms, self._joint.limit_of = _integers(n_terms), _integers(limit_of)
        cdef const uint8_t[::1] short_view = shortened
        cdef const double[::1] weak_view = weak.reshape(-1), limit_view = limits.reshape(-1)
        if n_blocks:
            self._joint.shortened = &short_view[0]
        if n_rows:
            self._joint.weak, self._joint.limits = &weak_view[0], &limit_view[0]
        for i in range(pucch_n_sc):
            self._joint.worst_leakage[i] = worst[i]
        self._joint.other_cover, self._joint.mismatch = other_cover, mismatch
        self._joint.doubt, self._joint.loading = doubt, loading


cdef class Candidates:
    cdef PucchCandidates _candidates
    cdef int _n_symb
    cdef object _kept

    def __init__(self, shift, n_symbols, codes, n_values, signs, first, n_words, book):
        n, n_1 = len(n_values), len(codes)
        if n_1 > n or np.ndim(codes) != 4:
            raise ValueError(f"codes of shape {np.shape(codes)} do not fit {n} candidates")
        n_symb = np.shape(codes)[3]
        codes = _shaped(codes, np.complex64, (n_1, 2, 2, n_symb), "codes")
        if n_symb not in (6, 7):
            raise ValueError(f"{n_symb} symbols a slot are not allowed: use 6 or 7")
        shift = _shaped(shift, np.int32, (n, 2), "shift")
        n_symbols = _shaped(n_symbols, np.float32, (n, 2), "n_symbols")
        n_values = _shaped(n_values, np.int32, (n,), "n_values")
        signs = _shaped(signs, np.float32, (n - n_1, pucch_n_coded), "signs")
        first = _shaped(first, np.int32, (n - n_1,), "first")
        n_words = _shaped(n_words, np.int32, (n - n_1,), "n_words")
        book = _shaped(book, np.float32, (len(book), pucch_n_coded), "book")
        if n and not (0 <= shift.min() and shift.max() < pucch_n_sc):
            raise ValueError(f"a cyclic shift is outside 0..{pucch_n_sc - 1}")
        if n and not (1 <= n_values.min() and n_values.max() <= 4):
            raise ValueError("n_values outside 1..4 are not allowed")
        if n > n_1 and not (0 <= first.min() and 1 <= n_words.min()):
            raise ValueError("rows of the code book must not be negative, and at least one is needed")
        if n > n_1 and (first.astype(np.int64) + n_words).max() > len(book):
            raise ValueError(f"candidates reach beyond the {len(book)} rows of the code book")
        self._kept = (shift, n_symbols, codes, n_values, signs, first, n_words, book)
        self._n_symb = n_symb
        self._candidates.n, self._candidates.n_1 = n, n_1
        self._candidates.shift, self._candidates.n_symbols = _integers(shift), _floats(n_symbols)
        self._candidates.codes, self._candidates.n_values = _floats(codes), _integers(n_values)
        self._candidates.signs, self._candidates.book = _floats(signs), _floats(book)
        self._candidates.first, self._candidates.n_words = _integers(first), _integers(n_words)

    def __len__(self):
        return self._candidates.n
