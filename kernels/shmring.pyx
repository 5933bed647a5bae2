# A ring of samples in memory that two processes share. The hand-written shmring.pyi says what everything means.
import numpy as np

from libc.stdint cimport uint32_t, uint64_t
from libcpp cimport bool as cbool

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "shmring_body.hpp" namespace "shmring" nogil:
    cdef struct Header:
        char[128] fixed
        uint64_t written
        uint64_t read
        uint32_t waiting
    uint64_t load(const uint64_t*)
    void publish(uint64_t*, uint64_t)
    void put(float*, uint64_t, uint64_t, const float*, uint64_t)
    void put_zeros(float*, uint64_t, uint64_t, uint64_t)
    uint64_t get(float*, const float*, uint64_t, uint64_t, uint64_t)
    void announce(uint32_t*, uint32_t)
    cbool claim(uint32_t*, uint32_t)

HEADER_BYTES = 4096
FIXED_BYTES = 128
SAMPLES = 1
ROOM = 2


cdef class Ring:
    cdef object _memory
    cdef unsigned char[::1] _view
    cdef Header* _header
    cdef float* _data
    cdef readonly uint64_t channels
    cdef readonly uint64_t capacity

    def __init__(self, memory, channels, capacity):
        cdef unsigned char[::1] view = memory
        if not 1 <= channels <= 16 or not 1 <= capacity <= 1 << 32:
            raise ValueError(f"a ring of {channels} channels of {capacity} samples is not allowed")
        if view.shape[0] != HEADER_BYTES + 8 * channels * capacity:
            raise ValueError(f"{view.shape[0]} bytes are not {channels} channels of {capacity} samples and a header")
        if <size_t>&view[0] % 64:
            raise ValueError("a ring starts at a multiple of 64 bytes")
        self._memory, self._view = memory, view
        self._header = <Header*>&view[0]
        self._data = <float*>&view[4096]
        self.channels, self.capacity = channels, capacity

    @property
    def written(self):
        return load(&self._header.written)

    @property
    def read(self):
        return load(&self._header.read)

    def write(self, const float complex[:, ::1] samples):
        cdef uint64_t n = samples.shape[1], at = load(&self._header.written), i
        if <uint64_t>samples.shape[0] != self.channels:
            raise ValueError(f"{samples.shape[0]} channels do not fit: the ring has {self.channels}")
        if n > self.capacity - min(at - load(&self._header.read), self.capacity):
            raise ValueError(f"no room for {n} samples")
        if n == 0:
            return
        with nogil:
            for i in range(self.channels):
                put(self._data + 2 * i * self.capacity, self.capacity, at, <const float*>&samples[i, 0], n)
            publish(&self._header.written, at + n)

    def write_zeros(self, uint64_t n):
        cdef uint64_t at = load(&self._header.written), i
        if n > self.capacity - min(at - load(&self._header.read), self.capacity):
            raise ValueError(f"no room for {n} samples")
        with nogil:
            for i in range(self.channels):
                put_zeros(self._data + 2 * i * self.capacity, self.capacity, at, n)
            publish(&self._header.written, at + n)

    def take(self, float complex[:, ::1] out):
        cdef uint64_t n = out.shape[1], at = load(&self._header.read), i, bad = 0
        if <uint64_t>out.shape[0] != self.channels:
            raise ValueError(f"{out.shape[0]} channels do not fit: the ring has {self.channels}")
        if n > load(&self._header.written) - at or n > self.capacity:
            raise ValueError(f"{n} samples are not there")
        if n == 0:
            return 0
        with nogil:
            for i in range(self.channels):
                bad += get(<float*>&out[i, 0], self._data + 2 * i * self.capacity, self.capacity, at, n)
            publish(&self._header.read, at + n)
        return bad

    def skip(self, uint64_t n):
        cdef uint64_t at = load(&self._header.read)
        if n > load(&self._header.written) - at:
            raise ValueError(f"{n} samples are not there")
        publish(&self._header.read, at + n)

    def sleep_for(self, uint32_t what):
        announce(&self._header.waiting, what)

    def wakes(self, uint32_t what):
        return claim(&self._header.waiting, what)
