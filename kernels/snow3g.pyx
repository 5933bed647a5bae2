"""SNOW 3G (TS 35.216) and the algorithms built on it: f8 (128-EEA1) and f9 (128-EIA1), TS 35.215."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "snow3g.hpp" namespace "picocell" nogil:
    void snow3g_apply(const uint8_t*, const uint8_t*, const uint8_t*, size_t, uint8_t*)
    void snow3g_f8(const uint8_t*, uint32_t, uint32_t, uint32_t, const uint8_t*, size_t, uint8_t*)
    uint32_t snow3g_f9(const uint8_t*, uint32_t, uint32_t, uint32_t, const uint8_t*, size_t)


cdef _check(name, value, limit):
    if not 0 <= value < limit:
        raise ValueError(f"{name} {value} is outside 0..{limit - 1}")


cdef size_t _bits(n_bits, size_t n_bytes) except? 0:
    if n_bits is None:
        return 8 * n_bytes
    if not 0 <= n_bits <= 8 * n_bytes:
        raise ValueError(f"bit length {n_bits} is outside 0..{8 * n_bytes}, the bits of the data")
    return n_bits


cdef class Snow3g:
    """SNOW 3G under one key. Calls only read the key, so threads may share an object."""

    cdef uint8_t _key[16]

    def __init__(self, key):
        if len(key) != 16:
            raise ValueError(f"the key has {len(key)} bytes, 16 are wanted")
        cdef bytes exact = bytes(key)
        memcpy(self._key, PyBytes_AS_STRING(exact), 16)

    def __reduce__(self):
        return Snow3g, (PyBytes_FromStringAndSize(<const char*>self._key, 16),)

    def keystream(self, iv, n):
        """The first n bytes of keystream; iv is 16 bytes, the words IV3 to IV0."""
        if len(iv) != 16:
            raise ValueError(f"the IV has {len(iv)} bytes, 16 are wanted")
        if n < 0:
            raise ValueError(f"length {n} is negative")
        cdef bytes exact = bytes(iv)
        cdef Py_ssize_t size = n
        cdef bytes out = PyBytes_FromStringAndSize(NULL, size)
        cdef uint8_t* target = <uint8_t*>PyBytes_AS_STRING(out)
        cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(exact)
        if size:
            with nogil:
                memset(target, 0, size)
                snow3g_apply(self._key, start, target, size, target)
        return out

    def f8(self, count, bearer, direction, const uint8_t[::1] data, n_bits=None):
        """Ciphers or deciphers data; spare bits of the last byte become zero."""
        _check("COUNT", count, 1 << 32)
        _check("BEARER", bearer, 32)
        _check("DIRECTION", direction, 2)
        cdef size_t bits = _bits(n_bits, data.shape[0])
        if bits == 0:
            return b""
        cdef uint32_t c = count, b = bearer, d = direction
        cdef bytes out = PyBytes_FromStringAndSize(NULL, (bits + 7) // 8)
        cdef uint8_t* target = <uint8_t*>PyBytes_AS_STRING(out)
        with nogil:
            snow3g_f8(self._key, c, b, d, &data[0], bits, target)
        return out

    def f9(self, count, fresh, direction, const uint8_t[::1] data, n_bits=None):
        """MAC of data as an integer; FRESH of 128-EIA1 is BEARER in the five most significant bits."""
        _check("COUNT", count, 1 << 32)
        _check("FRESH", fresh, 1 << 32)
        _check("DIRECTION", direction, 2)
        cdef size_t bits = _bits(n_bits, data.shape[0])
        cdef const uint8_t* source = &data[0] if data.shape[0] else NULL
        cdef uint32_t c = count, f = fresh, d = direction, mac
        with nogil:
            mac = snow3g_f9(self._key, c, f, d, source, bits)
        return mac
