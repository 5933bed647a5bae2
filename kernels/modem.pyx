"""Modulation mapper and soft demapper with scrambling (TS 36.211 7.1, 6.3.1)."""

import numpy as np

from libc.stdint cimport int16_t, uint8_t, uint64_t

from picocell.kernels import isa

cdef extern from "modem.hpp" namespace "picocell" nogil:
    const int llr_scale
    const int llr_limit
    cdef struct ModemOps:
        void (*modulate)(const uint8_t*, size_t, int, const uint64_t*, float*) noexcept nogil
        void (*demodulate)(const float*, const float*, bint, size_t, int, const uint64_t*, int16_t*) noexcept nogil
    const ModemOps& modem_ops(int isa)

cdef const ModemOps* _ops = &modem_ops(isa.chosen())

LLR_SCALE = float(llr_scale)
LLR_LIMIT = llr_limit
ORDERS = (1, 2, 4, 6, 8)


cdef _check_order(int q_m):
    if q_m not in ORDERS:
        raise ValueError(f"q_m {q_m} is not allowed: use one of {', '.join(map(str, ORDERS))}")


cdef _line(array, dtype, str what):
    data = np.ascontiguousarray(array, dtype)
    if np.ndim(array) != 1:
        raise ValueError(f"{what} of {np.ndim(array)} dimensions are not allowed: one is")
    return data


cdef _words(scrambling, Py_ssize_t n_bits):
    """Packed scrambling bits, enough of them."""
    words = _line(scrambling, np.uint64, "scrambling words")
    if 64 * len(words) < n_bits:
        raise ValueError(f"scrambling has {64 * len(words)} bits, {n_bits} are needed")
    return words


def modulate(bits, int q_m, scrambling=None):
    """Symbols of the bits, q_m a symbol, after XOR with the scrambling bits."""
    _check_order(q_m)
    data = _line(bits, np.uint8, "bits")
    if len(data) % q_m:
        raise ValueError(f"{len(data)} bits are no whole number of symbols of {q_m} bits")
    symbols = np.empty(len(data) // q_m, np.complex64)
    if not len(data):
        return symbols
    words = None if scrambling is None else _words(scrambling, len(data))
    cdef const uint8_t[::1] source = data
    cdef float[::1] sink = symbols.view(np.float32)
    cdef const uint64_t[::1] packed = words
    cdef const uint64_t* word = NULL
    if words is not None:
        word = &packed[0]
    cdef size_t n = len(symbols)
    with nogil:
        _ops.modulate(&source[0], n, q_m, word, &sink[0])
    return symbols


def demodulate(symbols, noise_var, int q_m, scrambling=None, out=None):
    """LLRs of the symbols' bits, scaled by LLR_SCALE, descrambled."""
    _check_order(q_m)
    data = _line(symbols, np.complex64, "symbols")
    noise = np.ascontiguousarray(noise_var, np.float32)
    cdef bint per_symbol = np.ndim(noise_var) != 0
    if per_symbol and noise.shape != data.shape:
        raise ValueError(f"noise_var of shape {noise.shape} is not allowed: a scalar or shape {data.shape} is")
    shape = (len(data) * q_m,)
    llr = np.empty(shape, np.int16) if out is None else out
    if not isinstance(llr, np.ndarray) or llr.dtype != np.int16 or llr.shape != shape:
        raise ValueError(f"out must be an int16 array of shape {shape}")
    if not (llr.flags.c_contiguous and llr.flags.writeable):
        raise ValueError("out must be C-contiguous and writeable")
    if not len(data):
        return llr
    words = None if scrambling is None else _words(scrambling, shape[0])
    cdef const float[::1] source = data.view(np.float32)
    cdef const float[::1] variance = noise.reshape(noise.size)
    cdef int16_t[::1] sink = llr
    cdef const uint64_t[::1] packed = words
    cdef const uint64_t* word = NULL
    if words is not None:
        word = &packed[0]
    cdef size_t n = len(data)
    with nogil:
        _ops.demodulate(&source[0], &variance[0], per_symbol, n, q_m, word, &sink[0])
    return llr
