"""Modulation mapper and soft demapper with scrambling (TS 36.211 7.1, 6.3.1)."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int16_t, uint8_t, uint64_t

from picocell.kernels import isa

cnp.import_array()

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
    if q_m not in (1, 2, 4, 6, 8):
        raise ValueError(f"q_m {q_m} is not allowed: use one of {', '.join(map(str, ORDERS))}")


cdef cnp.ndarray _line(array, int kind, str what):
    """The array, of one dimension and of a type of NumPy, without gaps."""
    cdef cnp.ndarray data
    if isinstance(array, np.ndarray):
        data = array
        if cnp.PyArray_TYPE(data) == kind and cnp.PyArray_NDIM(data) == 1 and cnp.PyArray_ISCARRAY_RO(data):
            return data
    if np.ndim(array) != 1:
        raise ValueError(f"{what} of {np.ndim(array)} dimensions are not allowed: one is")
    return np.require(array, cnp.PyArray_DescrFromType(kind), "CA")


cdef cnp.ndarray _words(scrambling, Py_ssize_t n_bits):
    """Packed scrambling bits, enough of them."""
    cdef cnp.ndarray words = _line(scrambling, cnp.NPY_UINT64, "scrambling words")
    if 64 * cnp.PyArray_DIM(words, 0) < n_bits:
        raise ValueError(f"scrambling has {64 * cnp.PyArray_DIM(words, 0)} bits, {n_bits} are needed")
    return words


def modulate(bits, int q_m, scrambling=None):
    """Symbols of the bits, q_m a symbol, after XOR with the scrambling bits."""
    _check_order(q_m)
    cdef cnp.ndarray data = _line(bits, cnp.NPY_UINT8, "bits")
    cdef cnp.npy_intp n_bits = cnp.PyArray_DIM(data, 0), n = n_bits // q_m
    if n_bits % q_m:
        raise ValueError(f"{n_bits} bits are no whole number of symbols of {q_m} bits")
    cdef cnp.ndarray symbols = cnp.PyArray_EMPTY(1, &n, cnp.NPY_CFLOAT, 0)
    cdef cnp.ndarray words
    cdef const uint64_t* word = NULL
    if scrambling is not None:
        words = _words(scrambling, n_bits)
        word = <const uint64_t*>cnp.PyArray_DATA(words)
    cdef const uint8_t* source = <const uint8_t*>cnp.PyArray_DATA(data)
    cdef float* sink = <float*>cnp.PyArray_DATA(symbols)
    if n:
        with nogil:
            _ops.modulate(source, n, q_m, word, sink)
    return symbols


cdef cnp.ndarray _llrs(out, cnp.npy_intp n_bits):
    """Where the LLRs go: a new array where there is none."""
    if out is None:
        return cnp.PyArray_EMPTY(1, &n_bits, cnp.NPY_INT16, 0)
    cdef cnp.ndarray llr
    if isinstance(out, np.ndarray):
        llr = out
        if cnp.PyArray_TYPE(llr) == cnp.NPY_INT16 and cnp.PyArray_NDIM(llr) == 1 and cnp.PyArray_DIM(llr, 0) == n_bits:
            if cnp.PyArray_ISCARRAY(llr):
                return llr
            raise ValueError("out must be C-contiguous and writeable")
    raise ValueError(f"out must be an int16 array of shape ({n_bits},)")


def demodulate(symbols, noise_var, int q_m, scrambling=None, out=None):
    """LLRs of the symbols' bits, scaled by LLR_SCALE, descrambled."""
    _check_order(q_m)
    cdef cnp.ndarray data = _line(symbols, cnp.NPY_CFLOAT, "symbols")
    cdef cnp.npy_intp n = cnp.PyArray_DIM(data, 0), n_bits = n * q_m
    cdef bint per_symbol = not isinstance(noise_var, float) and np.ndim(noise_var) != 0
    cdef cnp.ndarray noise
    cdef float single = 0
    cdef const float* variance = &single
    if per_symbol:
        if np.shape(noise_var) != (n,):
            raise ValueError(f"noise_var of shape {np.shape(noise_var)} is not allowed: a scalar or shape {(n,)} is")
        noise = _line(noise_var, cnp.NPY_FLOAT, "noise_var")
        variance = <const float*>cnp.PyArray_DATA(noise)
    else:
        single = noise_var
    cdef cnp.ndarray llr = _llrs(out, n_bits), words
    cdef const uint64_t* word = NULL
    if scrambling is not None:
        words = _words(scrambling, n_bits)
        word = <const uint64_t*>cnp.PyArray_DATA(words)
    cdef const float* source = <const float*>cnp.PyArray_DATA(data)
    cdef int16_t* sink = <int16_t*>cnp.PyArray_DATA(llr)
    if n:
        with nogil:
            _ops.demodulate(source, variance, per_symbol, n, q_m, word, sink)
    return llr
