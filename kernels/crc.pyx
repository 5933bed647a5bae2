"""Cyclic redundancy checks of LTE (TS 36.212 5.1.1): most significant bit first, start value zero."""

import numpy as np

from libc.stdint cimport uint8_t, uint32_t

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "crc.hpp" namespace "picocell" nogil:
    uint32_t crc_of_bytes(int kind, const uint8_t* data, size_t n)
    uint32_t crc_of_bits(int kind, const uint8_t* bits, size_t n)

LENGTHS = {"24A": 24, "24B": 24, "16": 16, "8": 8}
cdef dict _KINDS = {"24A": 0, "24B": 1, "16": 2, "8": 3}


cdef _bytes(int kind, data):
    cdef const uint8_t[::1] view = np.frombuffer(data, np.uint8) if len(data) else np.zeros(0, np.uint8)
    cdef size_t n = view.shape[0]
    cdef uint32_t crc
    if n == 0:
        return 0
    with nogil:
        crc = crc_of_bytes(kind, &view[0], n)
    return crc


def crc24a(data):
    """gCRC24A of bytes: transport blocks."""
    return _bytes(0, data)


def crc24b(data):
    """gCRC24B of bytes: code blocks."""
    return _bytes(1, data)


def crc16(data):
    """gCRC16 of bytes: DCI and BCH."""
    return _bytes(2, data)


def crc8(data):
    """gCRC8 of bytes: CQI on PUSCH."""
    return _bytes(3, data)


def crc_bits(bits, name):
    """Checksum of bits, one a byte (only the least significant bit of each counts).

    Args:
        bits: uint8 array (n,), first bit first.
        name: "24A", "24B", "16" or "8".

    Raises:
        ValueError: no such checksum, or bits not of one dimension.
    """
    if name not in _KINDS:
        raise ValueError(f"no checksum {name!r}: use one of {', '.join(_KINDS)}")
    array = np.ascontiguousarray(bits, np.uint8)
    if array.ndim != 1:
        raise ValueError(f"bits have shape {array.shape}, one dimension is wanted")
    cdef const uint8_t[::1] view = array
    cdef size_t n = view.shape[0]
    cdef int kind = _KINDS[name]
    cdef uint32_t crc
    if n == 0:
        return 0
    with nogil:
        crc = crc_of_bits(kind, &view[0], n)
    return crc
