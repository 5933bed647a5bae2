"""Bits to resource elements of the downlink's antenna ports (TS 36.211 6.3, 6.8; TS 36.212 5.3.3)."""

from libc.stdint cimport int32_t, uint8_t, uint64_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "dltx.hpp" namespace "picocell" nogil:
    const int dltx_cce_symbols
    const int dltx_max_bits
    cdef struct DltxGrid:
        float* elements
        int n_ports
        size_t n
        const int32_t* index
        size_t n_index
    cdef struct DltxMessage:
        const uint8_t* bits
        int n_bits
        int mask
        int first_cce
        int n_cce
        float amplitude
    cdef struct DltxOps:
        bint (*shared)(const uint8_t*, int, const uint64_t*, const float*, const DltxGrid&) noexcept nogil
        bint (*shared_packed)(const uint64_t*, int, const uint64_t*, const float*, const DltxGrid&) noexcept nogil
        bint (*control)(const DltxMessage*, size_t, const uint64_t*, const DltxGrid&) noexcept nogil
    const DltxOps& dltx_ops(int isa)

cdef const DltxOps* _ops = &dltx_ops(isa.chosen())

cdef enum:
    MOST = 128

MAX_BITS = dltx_max_bits
MAX_MESSAGES = MOST
CCE_SYMBOLS = dltx_cce_symbols


cdef int _apart(const void* grid, size_t grid_bytes, const void* index, size_t index_bytes) except -1:
    """Refuses an index that lies in the grid: it is checked once, and must not change while elements are written."""
    if <size_t>grid < <size_t>index + index_bytes and <size_t>index < <size_t>grid + grid_bytes:
        raise ValueError("index and grid lie in the same memory")
    return 0


cdef DltxGrid _grid(float complex[:, :, ::1] grid, const int32_t[::1] index) except *:
    cdef DltxGrid where
    if grid.shape[0] not in (1, 2, 4) or not grid.shape[1] or not grid.shape[2] or not index.shape[0]:
        raise ValueError(f"a grid of {grid.shape[0]} ports with {index.shape[0]} elements is not allowed: use 1, 2 or "
                         "4 ports, and at least one element")
    if index.shape[0] % 2 and grid.shape[0] > 1:
        raise ValueError(f"{index.shape[0]} symbols do not fit transmit diversity: the number must be even")
    where.elements = <float*>&grid[0, 0, 0]
    where.n_ports, where.n = grid.shape[0], grid.shape[1] * grid.shape[2]
    where.index, where.n_index = &index[0], index.shape[0]
    _apart(where.elements, where.n_ports * where.n * sizeof(float complex), where.index,
           where.n_index * sizeof(int32_t))
    return where


cdef const float* _amplitude(const float[::1] amplitude, Py_ssize_t n) except? NULL:
    if amplitude is None:
        return NULL
    if amplitude.shape[0] != n:
        raise ValueError(f"{amplitude.shape[0]} amplitudes do not fit {n} symbols")
    return &amplitude[0]


def shared(const uint8_t[::1] bits, int q_m, const uint64_t[::1] scrambling, const int32_t[::1] index,
           float complex[:, :, ::1] grid, const float[::1] amplitude=None):
    """Scramble, modulate, precode and map bits."""
    cdef DltxGrid where = _grid(grid, index)
    cdef bint ok
    if q_m not in (1, 2, 4, 6, 8):
        raise ValueError(f"q_m {q_m} is not allowed: use 1, 2, 4, 6 or 8")
    if bits.shape[0] != index.shape[0] * q_m or scrambling.shape[0] * 64 < bits.shape[0]:
        raise ValueError(f"{bits.shape[0]} bits and {scrambling.shape[0]} words of scrambling do not fit "
                         f"{index.shape[0]} symbols of {q_m} bits")
    cdef const float* power = _amplitude(amplitude, index.shape[0])
    with nogil:
        ok = _ops.shared(&bits[0], q_m, &scrambling[0], power, where)
    if not ok:
        raise ValueError(f"index leaves the grid of {where.n} elements")


def shared_packed(const uint64_t[::1] words, int q_m, const uint64_t[::1] scrambling, const int32_t[::1] index,
                  float complex[:, :, ::1] grid, const float[::1] amplitude=None):
    """Scramble, modulate, precode and map packed bits."""
    cdef DltxGrid where = _grid(grid, index)
    cdef bint ok
    cdef Py_ssize_t wanted = (index.shape[0] * q_m + 63) // 64
    if q_m not in (1, 2, 4, 6, 8):
        raise ValueError(f"q_m {q_m} is not allowed: use 1, 2, 4, 6 or 8")
    if words.shape[0] != wanted or scrambling.shape[0] < wanted:
        raise ValueError(f"{words.shape[0]} words of bits and {scrambling.shape[0]} of scrambling do not fit "
                         f"{index.shape[0]} symbols of {q_m} bits")
    cdef const float* power = _amplitude(amplitude, index.shape[0])
    with nogil:
        ok = _ops.shared_packed(&words[0], q_m, &scrambling[0], power, where)
    if not ok:
        raise ValueError(f"index leaves the grid of {where.n} elements")


def control(messages, const uint64_t[::1] scrambling, const int32_t[::1] index, float complex[:, :, ::1] grid):
    """Encode all PDCCHs of a subframe and map them."""
    cdef DltxGrid where = _grid(grid, index)
    cdef DltxMessage all_of[MOST]
    cdef const uint8_t[::1] view
    cdef size_t n = 0
    cdef bint ok
    cdef int mask, first, level
    cdef Py_ssize_t n_cce = index.shape[0] // dltx_cce_symbols
    if index.shape[0] % dltx_cce_symbols or scrambling.shape[0] * 64 < 2 * index.shape[0]:
        raise ValueError(f"{index.shape[0]} elements with {scrambling.shape[0]} words of scrambling are not allowed")
    if len(messages) > MOST:
        raise ValueError(f"{len(messages)} messages are more than {MOST}")
    for bits, mask, first, level, amplitude in messages:
        view = bits
        if not 6 <= view.shape[0] <= dltx_max_bits:
            raise ValueError(f"a message of {view.shape[0]} bits is not allowed: 6..{MAX_BITS}")
        if first < 0 or level < 1 or first + level > n_cce or not 0 <= mask <= 0xffff:
            raise ValueError(f"{level} CCEs from {first} on, or mask {mask}, do not fit {n_cce} CCEs and 16 bits")
        all_of[n].bits, all_of[n].n_bits, all_of[n].mask = &view[0], view.shape[0], mask
        all_of[n].first_cce, all_of[n].n_cce, all_of[n].amplitude = first, level, amplitude
        n += 1
    with nogil:
        ok = _ops.control(all_of, n, &scrambling[0], where)
    if not ok:
        raise ValueError(f"index leaves the grid of {where.n} elements")


def indicators(messages, const int32_t[:, ::1] index, float complex[:, :, ::1] grid):
    """Silence all mapping units, then add what the ports send of each message."""
    cdef Py_ssize_t n_units = index.shape[0], width = index.shape[1], unit, port, i
    cdef Py_ssize_t n_ports = grid.shape[0], n = grid.shape[1] * grid.shape[2]
    cdef const float complex[:, ::1] values
    cdef float complex* to
    cdef float factor
    if not n or not n_ports:
        raise ValueError("an empty grid is not allowed")
    for unit in range(n_units):
        for i in range(width):
            if not 0 <= index[unit, i] < n:
                raise ValueError(f"index {index[unit, i]} leaves the grid of {n} elements")
    to = &grid[0, 0, 0]
    if n_units and width:
        _apart(to, n_ports * n * sizeof(float complex), &index[0, 0], n_units * width * sizeof(int32_t))
    for port in range(n_ports):
        for unit in range(n_units):
            for i in range(width):
                to[port * n + index[unit, i]] = 0
    for unit, values, factor in messages:
        if not 0 <= unit < n_units or values.shape[0] != n_ports or values.shape[1] != width:
            raise ValueError(f"unit {unit}, or values of another shape than ({n_ports}, {width}), are not allowed")
        for port in range(n_ports):
            for i in range(width):
                to[port * n + index[unit, i]] = to[port * n + index[unit, i]] + factor * values[port, i]
