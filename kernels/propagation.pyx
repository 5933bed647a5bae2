"""What the air does to samples: white Gaussian noise, multipath whose gains move, clocks that drift."""

import numpy as np

cimport cython
from libc.math cimport floor, sqrt
from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "propagation.hpp" namespace "picocell" nogil:
    cdef const int noise_lanes
    cdef const int interpolation_taps
    cdef struct NoiseState:
        uint32_t s[4][16]
    cdef struct TapGroup:
        int32_t offset, span, taps
        int32_t index[4]
        int32_t first
    cdef struct DelayLineData "picocell::DelayLine":
        const TapGroup* groups
        const float* coefficients
        size_t n_groups, n_taps, n_tx, n_rx, memory
    cdef struct MovingGains:
        const float* values
        size_t n_points, step, offset
    cdef struct GridChannel:
        const float* gains
        const float* turns
        size_t n_tx, n_rx, n_taps, n_symb, n_sc
    cdef struct PropagationOps:
        void (*add_noise)(NoiseState*, float*, size_t, float) noexcept nogil
        void (*delay_line)(const DelayLineData&, const MovingGains&, const float*, size_t, float*,
                           float*) noexcept nogil
        void (*sinusoids)(const double*, const double*, const float*, size_t, size_t, const double*, size_t,
                          float*) noexcept nogil
        void (*grid)(const GridChannel&, const float*, float*, float*) noexcept nogil
        void (*interpolate)(const float*, int, const float*, const float*, double, double, size_t,
                            float*) noexcept nogil
        int max_group
    size_t delay_line_scratch(size_t, size_t, size_t)
    const PropagationOps& propagation_ops(int isa)

cdef const PropagationOps* _ops = &propagation_ops(isa.chosen())


cdef class Noise:
    """A stream of circular complex white Gaussian noise, by its seed."""

    cdef NoiseState _state

    def __init__(self, seed=0):
        words = np.random.SeedSequence(seed).generate_state(4 * noise_lanes, np.uint32)
        cdef uint32_t[::1] view = words
        cdef int i
        for i in range(4 * noise_lanes):
            self._state.s[i // noise_lanes][i % noise_lanes] = view[i]

    def add(self, samples, double power):
        """Add noise of mean power ``power`` to complex64 samples of any shape, in place."""
        if not 0 <= power < float("inf"):
            raise ValueError(f"noise power {power} is not allowed: at least 0 and finite")
        if not isinstance(samples, np.ndarray) or samples.dtype != np.complex64:
            raise ValueError("samples have to be an array of complex64")
        if not samples.flags.c_contiguous or not samples.flags.writeable:
            raise ValueError("samples have to be a contiguous and writable array of complex64")
        cdef float[::1] view = samples.reshape(-1).view(np.float32)
        cdef size_t n = view.shape[0] // 2
        cdef float sigma = <float>sqrt(power / 2)
        if n:
            with nogil:
                _ops.add_noise(&self._state, &view[0], n, sigma)

    def draw(self, shape, double power=1.0):
        """New noise of a shape, complex64."""
        out = np.zeros(shape, np.complex64)
        self.add(out, power)
        return out


def sum_of_sinusoids(rates, phases, amplitudes, times):
    """Processes that are sums of complex exponentials, at given times.

    Args:
        rates: float64 (n_processes, n_sinusoids), in hertz.
        phases: float64 of that shape, in cycles.
        amplitudes: float32 (n_processes,), of each of a process's exponentials.
        times: float64 (n,), in seconds.

    Returns:
        complex64 (n_processes, n).
    """
    cdef const double[:, ::1] r = np.ascontiguousarray(rates, np.float64)
    cdef const double[:, ::1] p = np.ascontiguousarray(phases, np.float64)
    cdef const float[::1] a = np.ascontiguousarray(amplitudes, np.float32)
    cdef const double[::1] t = np.ascontiguousarray(times, np.float64)
    if r.shape[0] != p.shape[0] or r.shape[1] != p.shape[1] or r.shape[0] != a.shape[0]:
        shapes = f"rates {np.shape(rates)}, phases {np.shape(phases)}, amplitudes {np.shape(amplitudes)}"
        raise ValueError(f"{shapes} differ: (n, m) of both, and (n,)")
    out = np.zeros((r.shape[0], t.shape[0]), np.complex64)
    if not out.size or not r.shape[1]:
        return out
    cdef float[:, ::1] o = out.view(np.float32)
    with nogil:
        _ops.sinusoids(&r[0, 0], &p[0, 0], &a[0], r.shape[0], r.shape[1], &t[0], t.shape[0], &o[0, 0])
    return out


def grid_response(gains, turns, sent=None):
    """Response of every resource element, and what arrives of a grid.

    Args:
        gains: complex64 (n_rx, n_tx, n_taps, n_symb).
        turns: float32 (2, n_taps, n_sc): real and imaginary part of each tap's response with a gain of 1.
        sent: complex64 (n_tx, n_symb, n_sc), or None.

    Returns:
        The received grid, complex64 (n_rx, n_symb, n_sc), or None without one sent; and the response, complex64
        (n_rx, n_tx, n_symb, n_sc).
    """
    g = np.ascontiguousarray(gains, np.complex64)
    w = np.ascontiguousarray(turns, np.float32)
    if g.ndim != 4 or w.ndim != 3 or w.shape[0] != 2 or w.shape[1] != g.shape[2]:
        raise ValueError(f"gains {g.shape} and turns {w.shape} do not fit")
    x = None if sent is None else np.ascontiguousarray(sent, np.complex64)
    if x is not None and x.shape != (g.shape[1], g.shape[3], w.shape[2]):
        raise ValueError(f"a grid of shape {x.shape} does not fit: {(g.shape[1], g.shape[3], w.shape[2])} is needed")
    response = np.empty((g.shape[0], g.shape[1], g.shape[3], w.shape[2]), np.complex64)
    received = None if x is None else np.empty((g.shape[0], g.shape[3], w.shape[2]), np.complex64)
    if not response.size or not g.size:
        response[...] = 0
        if received is not None:
            received[...] = 0
        return received, response
    cdef const float[::1] gs = g.reshape(-1).view(np.float32)
    cdef const float[:, :, ::1] ws = w
    cdef float[::1] h = response.reshape(-1).view(np.float32)
    cdef const float[::1] xs
    cdef float[::1] ys
    cdef const float* from_ = NULL
    cdef float* to = NULL
    if x is not None:
        xs, ys = x.reshape(-1).view(np.float32), received.reshape(-1).view(np.float32)
        from_, to = &xs[0], &ys[0]
    cdef GridChannel channel
    channel.gains, channel.turns = &gs[0], &ws[0, 0, 0]
    channel.n_rx, channel.n_tx, channel.n_taps, channel.n_symb = g.shape[0], g.shape[1], g.shape[2], g.shape[3]
    channel.n_sc = w.shape[2]
    with nogil:
        _ops.grid(channel, from_, to, &h[0])
    return received, response


cdef class DelayLine:
    """Taps with real filters and complex gains that move along straight lines, between all antennas.

    Args:
        starts: samples by which each tap's filter comes late.
        filters: coefficients of each tap's filter, in the order of convolution.
    """

    cdef vector[TapGroup] _groups
    cdef vector[float] _coefficients
    cdef vector[float] _scratch
    cdef tuple _arguments
    cdef readonly int n_taps
    cdef readonly int memory

    def __init__(self, starts, filters):
        delays = [int(start) for start in starts]
        rows = [np.asarray(row, np.float32) for row in filters]
        if not rows or len(delays) != len(rows) or any(row.ndim != 1 or not len(row) for row in rows):
            raise ValueError(f"{len(delays)} delays and {len(rows)} filters: as many of both, none of them empty")
        if min(delays) < 0:
            raise ValueError(f"a delay of {min(delays)} samples is not allowed: at least 0")
        self._arguments = (tuple(delays), tuple(rows))
        self._groups.clear()
        self._coefficients.clear()
        self.n_taps = len(rows)
        self.memory = max(start + len(row) - 1 for start, row in zip(delays, rows))
        for members in _grouped(delays, rows, _ops.max_group):
            self._append(members, delays, rows)

    def __reduce__(self):
        return DelayLine, self._arguments

    cdef _append(self, members, delays, rows):
        cdef TapGroup group
        newest = min(delays[k] for k in members)
        oldest = max(delays[k] + len(rows[k]) for k in members)
        table = np.zeros((oldest - newest, len(members)), np.float32)
        for column, k in enumerate(members):
            table[delays[k] - newest : delays[k] - newest + len(rows[k]), column] = rows[k]
            group.index[column] = k
        group.offset = self.memory - (oldest - 1)
        group.span, group.taps = table.shape[0], table.shape[1]
        group.first = self._coefficients.size()
        for value in table[::-1].ravel():
            self._coefficients.push_back(value)
        self._groups.push_back(group)

    def run(self, buffer, gains, Py_ssize_t offset, Py_ssize_t step):
        """The next samples of all receive antennas.

        Args:
            buffer: complex64 (n_tx, memory + n): the last `memory` samples of before, and the new ones.
            gains: complex64 (n_rx, n_tx, n_taps, n_points), at points ``step`` samples apart; between them they move
                along a line.
            offset: samples from the first point to the first new sample, below ``step``.
            step: samples between two points.

        Returns:
            complex64 (n_rx, n).
        """
        x = np.ascontiguousarray(buffer, np.complex64)
        g = np.ascontiguousarray(gains, np.complex64)
        if x.ndim != 2 or x.shape[1] < self.memory:
            raise ValueError(f"a buffer of shape {x.shape} does not fit: (n_tx, {self.memory} or more)")
        if g.ndim != 4 or g.shape[1] != x.shape[0] or g.shape[2] != self.n_taps or not g.shape[0]:
            raise ValueError(f"gains of shape {g.shape} do not fit: (n_rx, {x.shape[0]}, {self.n_taps}, n_points)")
        cdef size_t n = x.shape[1] - self.memory
        if step < 1 or not 0 <= offset < step:
            raise ValueError(f"offset {offset} and step {step} are not allowed: 0 <= offset < step")
        out = np.empty((g.shape[0], n), np.complex64)
        if not n or not x.shape[0]:
            out[:] = 0
            return out
        needed = (offset + n - 1) // step + 2
        if g.shape[3] < needed:
            raise ValueError(f"gains at {g.shape[3]} points do not reach: {needed} are needed")
        cdef const float[:, ::1] xs = x.view(np.float32)
        cdef const float[:, :, :, ::1] gs = g.view(np.float32)
        cdef float[:, ::1] o = out.view(np.float32)
        cdef DelayLineData line
        cdef MovingGains moving
        line.groups, line.coefficients = self._groups.data(), self._coefficients.data()
        line.n_groups, line.n_taps = self._groups.size(), self.n_taps
        line.n_tx, line.n_rx, line.memory = xs.shape[0], o.shape[0], self.memory
        moving.values, moving.n_points, moving.step, moving.offset = &gs[0, 0, 0, 0], g.shape[3], step, offset
        self._scratch.resize(max(self._scratch.size(), delay_line_scratch(line.n_tx, n, line.memory)))
        with nogil:
            _ops.delay_line(line, moving, &xs[0, 0], n, &o[0, 0], self._scratch.data())
        return out


@cython.wraparound(True)
def _grouped(delays, rows, limit):
    """Taps in groups that are cheaper in one pass over the samples that they share than one by one."""
    groups, ends = [], []
    for k in sorted(range(len(rows)), key=lambda k: delays[k]):
        end = delays[k] + len(rows[k])
        if groups and len(groups[-1]) < limit:
            first, size = delays[groups[-1][0]], len(groups[-1])
            apart = (ends[-1] - first) * (2 + size) + len(rows[k]) * 3
            if (max(ends[-1], end) - first) * (3 + size) <= apart:
                groups[-1].append(k)
                ends[-1] = max(ends[-1], end)
                continue
        groups.append([k])
        ends.append(end)
    return groups


cdef class Interpolator:
    """Values of signals between their samples, at equally spaced positions.

    Args:
        table: float32 (n_phases + 1, 24): filters of equally spaced fractions of a sample, the last one for a whole
            one. The sample before a position is under coefficient 11. Between two rows filters are interpolated.
    """

    cdef const float[:, ::1] _table

    def __reduce__(self):
        return Interpolator, (np.asarray(self._table),)

    def __init__(self, table):
        self._table = np.array(table, np.float32)
        if self._table.shape[0] < 2 or self._table.shape[1] != interpolation_taps:
            raise ValueError(f"a table of shape {np.shape(table)} does not fit: (2 or more, {interpolation_taps})")

    def run(self, samples, double first, double step, size_t count):
        """Signals at positions ``first + i step``.

        Args:
            samples: complex64 (n_signals, n).
            first: position of the first value: at least 11.
            step: samples from one value to the next, above 0.
            count: values; the last one's position is below n - 12.

        Returns:
            complex64 (n_signals, count).
        """
        x = np.asarray(samples, np.complex64)
        if x.ndim != 2:
            raise ValueError(f"samples of shape {np.shape(samples)} do not fit: (n_signals, n)")
        cdef double last = first + (<double>count - 1) * step
        if count and not (step > 0 and first >= interpolation_taps // 2 - 1 and floor(last) + interpolation_taps // 2
                          < x.shape[1]):
            raise ValueError(
                f"positions {first}..{last} in steps of {step} are outside {interpolation_taps // 2 - 1} to"
                f" {x.shape[1] - interpolation_taps // 2} in ascending order"
            )
        out = np.empty((x.shape[0], count), np.complex64)
        cdef const float[:, ::1] re = np.ascontiguousarray(x.real)
        cdef const float[:, ::1] im = np.ascontiguousarray(x.imag)
        cdef float[:, ::1] o = out.view(np.float32)
        cdef Py_ssize_t i
        cdef int phases = self._table.shape[0] - 1
        if count:
            with nogil:
                for i in range(re.shape[0]):
                    _ops.interpolate(&self._table[0, 0], phases, &re[i, 0], &im[i, 0], first, step, count, &o[i, 0])
        return out
