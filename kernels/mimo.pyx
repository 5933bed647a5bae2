"""Spatial multiplexing (TS 36.211 6.3.4.2): precoding, linear MMSE of up to four layers, joint detection of two."""

import numpy as np

from libc.math cimport isfinite
from libc.stdint cimport int16_t, int32_t, uint32_t, uint64_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "mimo.hpp" namespace "picocell" nogil:
    const int mimo_most
    cdef struct MimoPrecoding:
        const float* precoders
        const int32_t* which
        const int32_t* index
        size_t n_precoders
        size_t n_ports
        size_t n_layers
        size_t n_grid
        size_t n_re
    cdef struct MimoReceived:
        const float* y
        const float* h
        size_t n_rx
        float noise_var
    cdef struct MimoOps:
        void (*mmse)(const MimoPrecoding&, const MimoReceived&, float*, float*) noexcept nogil
        void (*joint)(const MimoPrecoding&, const MimoReceived&, const int*, int16_t* const*, size_t) noexcept nogil
        void (*precode)(const MimoPrecoding&, const float*, float*) noexcept nogil
        void (*descramble)(int16_t*, size_t, const uint64_t*) noexcept nogil
        uint32_t (*largest)(const int32_t*, size_t) noexcept nogil
    const MimoOps& mimo_ops(int isa)

cdef const MimoOps* _ops = &mimo_ops(isa.chosen())

MAX_LAYERS = mimo_most
JOINT_ORDERS = (2, 4, 6)


cdef class _Precoding:
    """Precoders and the elements that they are for, checked; keeps the arrays that it points into."""

    cdef MimoPrecoding c
    cdef object _held

    def __init__(self, precoders, index, which, size_t n_grid):
        precoders = np.ascontiguousarray(precoders, np.complex64)
        index = np.ascontiguousarray(index, np.int32)
        if precoders.ndim != 3 or not precoders.size or max(precoders.shape[1:]) > mimo_most:
            raise ValueError(f"precoders of shape {precoders.shape} are not allowed: (n, n_ports, n_layers) is, at "
                             f"most {mimo_most} ports and layers")
        if index.ndim != 1:
            raise ValueError(f"index of shape {index.shape} is not allowed: it must be (n_re,)")
        cdef const float[::1] weights = precoders.reshape(-1).view(np.float32)
        cdef const int32_t[::1] where = index
        cdef const int32_t[::1] chosen
        self.c.precoders = &weights[0]
        self.c.n_precoders, self.c.n_ports, self.c.n_layers = precoders.shape
        self.c.n_grid, self.c.n_re = n_grid, index.shape[0]
        self.c.index = &where[0] if self.c.n_re else NULL
        self.c.which = NULL
        if which is not None:
            which = np.ascontiguousarray(which, np.int32)
            if which.shape != index.shape:
                raise ValueError(f"which of shape {which.shape} is not allowed: index has shape {index.shape}")
            chosen = which
            if self.c.n_re:
                self.c.which = &chosen[0]
                if _ops.largest(self.c.which, self.c.n_re) >= self.c.n_precoders:
                    raise ValueError(f"which has an entry outside 0..{self.c.n_precoders - 1}")
        if self.c.n_re and _ops.largest(self.c.index, self.c.n_re) >= n_grid:
            raise ValueError(f"index has an entry outside 0..{n_grid - 1}")
        self._held = precoders, index, which


cdef class _Received:
    """A received grid and its channel, checked against the precoders."""

    cdef MimoReceived c
    cdef object _held

    def __init__(self, y, h, _Precoding precoding, noise_var):
        cdef const float[::1] y_view = y.reshape(-1).view(np.float32)
        cdef const float[::1] h_view = h.reshape(-1).view(np.float32)
        self.c.noise_var = noise_var
        if not (isfinite(self.c.noise_var) and self.c.noise_var >= 0):
            raise ValueError(f"noise_var {noise_var} is not allowed: it must be finite and not negative")
        if h.shape[1] != precoding.c.n_ports:
            raise ValueError(f"h has {h.shape[1]} ports, the precoders {precoding.c.n_ports}")
        if precoding.c.n_re and not y.size:
            raise ValueError("y is empty: there must be at least one receive antenna and one resource element")
        self.c.n_rx = y.shape[0]
        self.c.y = &y_view[0] if y.size else NULL
        self.c.h = &h_view[0] if h.size else NULL
        self._held = y, h


cdef _grids(y, h):
    y = np.ascontiguousarray(y, np.complex64)
    h = np.ascontiguousarray(h, np.complex64)
    if y.ndim != 2 or h.ndim != 3 or (h.shape[0], h.shape[2]) != y.shape:
        raise ValueError(f"y of shape {y.shape} and h of shape {h.shape} are not allowed: "
                         f"they must be (n_rx, n_grid) and (n_rx, n_ports, n_grid)")
    return y, h


def mmse(y, h, index, precoders, noise_var, which=None):
    """Linear MMSE estimate of every layer, without bias, and its noise power."""
    y, h = _grids(y, h)
    cdef _Precoding precoding = _Precoding(precoders, index, which, y.shape[1])
    cdef _Received received = _Received(y, h, precoding, noise_var)
    shape = (precoding.c.n_layers, precoding.c.n_re)
    x = np.empty(shape, np.complex64)
    var = np.empty(shape, np.float32)
    if not precoding.c.n_re:
        return x, var
    cdef float[::1] x_view = x.reshape(-1).view(np.float32)
    cdef float[::1] var_view = var.reshape(-1)
    with nogil:
        _ops.mmse(precoding.c, received.c, &x_view[0], &var_view[0])
    return x, var


def joint(y, h, index, precoders, noise_var, q_m, which=None, scrambling=None, merged=False):
    """Max-log LLRs of two layers that are detected together."""
    y, h = _grids(y, h)
    cdef _Precoding precoding = _Precoding(precoders, index, which, y.shape[1])
    cdef _Received received = _Received(y, h, precoding, noise_var)
    cdef int orders[2]
    if precoding.c.n_layers != 2 or len(q_m) != 2:
        raise ValueError(f"{precoding.c.n_layers} layers with {len(q_m)} modulations are not allowed: two are")
    for l in range(2):
        if q_m[l] not in JOINT_ORDERS:
            raise ValueError(f"q_m {q_m[l]} is not allowed: use one of {', '.join(map(str, JOINT_ORDERS))}")
        orders[l] = q_m[l]
    if merged and orders[0] != orders[1]:
        raise ValueError(f"layers of one code word have one modulation, not q_m {orders[0]} and {orders[1]}")
    cdef size_t n = precoding.c.n_re
    cdef size_t stride = 2 if merged else 1
    llrs = [np.empty(2 * n * orders[0], np.int16)] if merged else [np.empty(n * orders[l], np.int16) for l in range(2)]
    words = [None if w is None else np.ascontiguousarray(w, np.uint64) for w in scrambling or [None] * len(llrs)]
    if len(words) != len(llrs):
        raise ValueError(f"{len(words)} scrambling sequences are not allowed: {len(llrs)}, one a code word")
    for word, llr in zip(words, llrs):
        if word is not None and (word.ndim != 1 or 64 * len(word) < len(llr)):
            raise ValueError(f"scrambling of shape {word.shape} is not allowed: {len(llr)} bits are needed")
    if not n:
        return tuple(llrs)
    cdef int16_t[::1] first = llrs[0]
    cdef int16_t[::1] second = llrs[len(llrs) - 1]
    cdef int16_t* to[2]
    to[0] = &first[0]
    to[1] = &second[orders[0]] if merged else &second[0]
    with nogil:
        _ops.joint(precoding.c, received.c, orders, to, stride)
    cdef const uint64_t[::1] packed
    cdef int16_t[::1] sink
    for word, llr in zip(words, llrs):
        if word is not None:
            packed, sink = word, llr
            with nogil:
                _ops.descramble(&sink[0], sink.shape[0], &packed[0])
    return tuple(llrs)


def precode(x, precoders, index, grid, which=None):
    """Write what the ports send of the layers' symbols into a grid."""
    x = np.ascontiguousarray(x, np.complex64)
    if not isinstance(grid, np.ndarray) or grid.dtype != np.complex64 or grid.ndim < 2 or not grid.flags.c_contiguous:
        raise ValueError("grid must be a C-contiguous complex64 array (n_ports, ...)")
    if not grid.flags.writeable:
        raise ValueError("grid must be writeable")
    if any(isinstance(a, np.ndarray) and np.may_share_memory(grid, a) for a in (index, which)):
        raise ValueError("grid lies in the same memory as index or which")
    cdef size_t n_grid = grid[0].size if grid.shape[0] else 0
    cdef _Precoding precoding = _Precoding(precoders, index, which, n_grid)
    if grid.shape[0] != precoding.c.n_ports:
        raise ValueError(f"grid has {grid.shape[0]} ports, the precoders {precoding.c.n_ports}")
    if x.shape != (precoding.c.n_layers, precoding.c.n_re):
        raise ValueError(f"x of shape {x.shape} is not allowed: ({precoding.c.n_layers}, {precoding.c.n_re}) is")
    if not precoding.c.n_re:
        return
    cdef const float[::1] source = x.reshape(-1).view(np.float32)
    cdef float[::1] sink = grid.reshape(-1).view(np.float32)
    with nogil:
        _ops.precode(precoding.c, &source[0], &sink[0])
