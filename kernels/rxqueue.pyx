# Timed samples between the thread that receives and the one that works. The hand-written rxqueue.pyi says what
# everything means.
import numpy as np

from libc.stdint cimport uint64_t, uintptr_t
from libcpp cimport bool as cbool
from libcpp.memory cimport unique_ptr

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "rxqueue_body.hpp" namespace "rxqueue" nogil:
    ctypedef int (*ReadStream)(void*, void*, void* const*, size_t, int*, long long*, long)
    ctypedef int (*WriteStream)(void*, void*, const void* const*, size_t, int*, long long, long)
    ctypedef int (*ReadStatus)(void*, void*, size_t*, int*, long long*, long)
    cdef struct Counts:
        uint64_t overflows
        uint64_t silences
        uint64_t lost
        uint64_t late
        uint64_t underflows
    cdef cppclass Queue:
        Queue(size_t, long long, long long) except +
        long long wanted()
        void put(const float*, size_t, long long, cbool, long long, cbool)
        int run(ReadStream, ReadStatus, void*, void*, void*, double, long) except +
        void begin(long long)
        void resume(cbool, long long, double)
        long long take(float*, long long, double, long long*)
        void stop()
        void wake(cbool)
        cbool stopped()
        cbool known()
        cbool begun()
        long long newest()
        long long waiting()
        long long origin()
        Counts counts()
        cbool wait_known(double)
    int write_rows "rxqueue::write"(WriteStream, void*, void*, const float*, size_t, size_t, cbool, long long, double, cbool, long)

MOST_CHANNELS = 16
cdef long long _MOST = 1 << 56
cdef double _MOST_SECONDS = 9.2e9


cdef long long _count(value) except? -1:
    """A device's count of samples, or a difference of them, with which one can go on to count."""
    if not -_MOST <= value <= _MOST:
        raise ValueError(f"a count of {value} samples is not allowed: up to 2^56")
    return value


cdef double _rate(double rate) except? -1:
    if not 0 < rate <= 1e12:
        raise ValueError(f"{rate} samples per second are not allowed")
    return rate


cdef double _seconds(double timeout) except? -1:
    if timeout != timeout:
        raise ValueError("a time that is not a number is not allowed")
    return timeout


cdef class RxQueue:
    cdef unique_ptr[Queue] _queue
    cdef readonly size_t channels
    cdef readonly long long capacity
    cdef readonly long long step

    def __cinit__(self, long long channels, long long capacity, long long step):
        if not 1 <= channels <= 16 or not 1 <= step <= capacity or capacity > 1 << 30:
            raise ValueError(f"a queue of {channels} channels, {capacity} samples and steps of {step} is not allowed")
        self.channels, self.capacity, self.step = channels, capacity, step
        self._queue.reset(new Queue(channels, capacity, step))

    @property
    def wanted(self):
        return self._queue.get().wanted()

    @property
    def stopped(self):
        return self._queue.get().stopped()

    @property
    def begun(self):
        return self._queue.get().begun()

    @property
    def newest(self):
        return self._queue.get().newest()

    @property
    def waiting(self):
        return self._queue.get().waiting()

    @property
    def origin(self):
        return self._queue.get().origin()

    @property
    def counts(self):
        cdef Counts found = self._queue.get().counts()
        return {
            "overflow": found.overflows,
            "silences": found.silences,
            "lost": found.lost,
            "late": found.late,
            "underflow": found.underflows,
        }

    def put(self, const float complex[:, ::1] samples, long long n, time=None, cbool overflow=False):
        cdef long long at = 0 if time is None else _count(time)
        cdef cbool has_time = time is not None
        cdef size_t stride = samples.shape[1]
        if <size_t>samples.shape[0] != self.channels:
            raise ValueError(f"{samples.shape[0]} channels do not fit: the queue has {self.channels}")
        if not 0 <= n <= samples.shape[1]:
            raise ValueError(f"{n} of {samples.shape[1]} samples is not allowed")
        cdef const float* data = <const float*>&samples[0, 0] if n else NULL
        with nogil:
            self._queue.get().put(data, stride, n, has_time, at, overflow)

    def run(self, uintptr_t read, uintptr_t status, uintptr_t device, uintptr_t rx, uintptr_t tx, double rate, long timeout_us):
        cdef int code
        if not read or not device or not rx or (tx and not status):
            raise ValueError("a device, its stream and its functions are needed")
        rate = _rate(rate)
        with nogil:
            code = self._queue.get().run(
                <ReadStream>read, <ReadStatus>status, <void*>device, <void*>rx, <void*>tx, rate, timeout_us
            )
        return code

    def begin(self, lead):
        self._queue.get().begin(_count(lead))

    def resume(self, time, double rate):
        self._queue.get().resume(time is not None, 0 if time is None else _count(time), _rate(rate))

    def take(self, float complex[:, ::1] out, double timeout):
        cdef long long n = out.shape[1], index = 0, got
        if <size_t>out.shape[0] != self.channels:
            raise ValueError(f"{out.shape[0]} channels do not fit: the queue has {self.channels}")
        if n > self.capacity:
            raise ValueError(f"{n} samples are more than the queue's {self.capacity}")
        timeout = _seconds(timeout)
        cdef float* data = <float*>&out[0, 0] if n else NULL
        with nogil:
            got = self._queue.get().take(data, n, timeout, &index)
        return (None if got < 0 else got), index

    def wait_known(self, double timeout):
        cdef cbool known
        timeout = _seconds(timeout)
        with nogil:
            known = self._queue.get().wait_known(timeout)
        return known

    def stop(self):
        self._queue.get().stop()

    def wake(self, cbool woken):
        self._queue.get().wake(woken)


def write(
    uintptr_t write_stream,
    uintptr_t device,
    uintptr_t stream,
    const float complex[:, ::1] samples,
    time,
    double rate,
    cbool end,
    long timeout_us,
):
    cdef size_t channels = samples.shape[0], n = samples.shape[1]
    cdef long long at = 0 if time is None else _count(time)
    cdef cbool timed = time is not None
    cdef int code
    if not write_stream or not device or not stream:
        raise ValueError("a device, its stream and its function are needed")
    if not 1 <= channels <= 16:
        raise ValueError(f"{channels} channels are not allowed: 1 to 16")
    if not n:
        return 0
    rate = _rate(rate)
    if not -_MOST_SECONDS < at / rate < _MOST_SECONDS:
        raise ValueError(f"sample {at} at {rate} per second is not allowed: nanoseconds in 63 bits tell its time")
    with nogil:
        code = write_rows(
            <WriteStream>write_stream, <void*>device, <void*>stream,
            <const float*>&samples[0, 0], channels, n, timed, at, rate, end, timeout_us,
        )
    return code
