"""Unitary DFTs of the sizes of transform precoding (TS 36.211 5.3.3), many at once."""

import numpy as np

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "dft.hpp" namespace "picocell" nogil:
    ctypedef struct DftPlan:
        int n
    ctypedef struct DftOps:
        void (*transform)(const DftPlan*, const float*, float*, size_t, bint) noexcept nogil
    const DftOps& dft_ops(int isa)
    const int dft_max_size
    bint dft_size_allowed(int n)
    DftPlan* dft_plan_create(int n)
    void dft_plan_destroy(DftPlan* plan)

cdef const DftOps* _ops = &dft_ops(isa.chosen())

MAX_SIZE = dft_max_size


cdef class Dft:
    """DFT of one size in single precision; threads may share it."""

    cdef DftPlan* _plan
    cdef readonly int n

    def __cinit__(self, int n):
        if not dft_size_allowed(n):
            raise ValueError(f"DFT size {n} is not allowed: it must be 12 * 2^a * 3^b * 5^c, at most {MAX_SIZE}")
        self.n = n
        self._plan = dft_plan_create(n)
        if self._plan is NULL:
            raise MemoryError

    def __dealloc__(self):
        dft_plan_destroy(self._plan)

    def __reduce__(self):
        return Dft, (self.n,)

    cdef _transform(self, x, bint inverse, out):
        data = np.ascontiguousarray(x, np.complex64)
        if data.ndim not in (1, 2) or np.ndim(x) == 0 or data.shape[data.ndim - 1] != self.n:
            raise ValueError(f"shape {data.shape} is not allowed: shapes ({self.n},) and (m, {self.n}) are")
        result = np.empty(data.shape, np.complex64) if out is None else out
        if not isinstance(result, np.ndarray) or result.dtype != np.complex64 or result.shape != data.shape:
            raise ValueError(f"out must be a complex64 array of shape {data.shape}")
        if not (result.flags.c_contiguous and result.flags.writeable):
            raise ValueError("out must be C-contiguous and writeable")
        cdef const float[::1] source = data.reshape(data.size).view(np.float32)
        cdef float[::1] sink = result.reshape(result.size).view(np.float32)
        cdef size_t count = data.size // self.n
        if count:
            with nogil:
                _ops.transform(self._plan, &source[0], &sink[0], count, inverse)
        return result

    def forward(self, x, out=None):
        """Sum of x[i] exp(-2 pi j i k / n) / sqrt(n) along the last axis of x (n,) or (m, n)."""
        return self._transform(x, False, out)

    def inverse(self, x, out=None):
        """The inverse of forward: positive exponent, the same scale."""
        return self._transform(x, True, out)
