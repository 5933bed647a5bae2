"""Turns of the channel between reference symbols, from which time and carrier offset are read."""

import numpy as np

from libc.stdint cimport int32_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "pilots.hpp" namespace "picocell" nogil:
    cdef struct PilotsPlan:
        size_t n_rows, n_pilots, n_grid, gap
        const int32_t* index
        const int32_t* partner
    cdef struct PilotsTurns:
        double next_re, next_im, power, later_re, later_im
    cdef struct PilotsOps:
        void (*turns)(const float*, size_t, const float*, const PilotsPlan&, PilotsTurns&) noexcept nogil
    const PilotsOps& pilots_ops(int isa)

cdef const PilotsOps* _ops = &pilots_ops(isa.chosen())


cdef class Pilots:
    """Where a port's reference symbols are. Threads may share an object."""

    cdef PilotsPlan plan
    cdef object index, partner
    cdef Py_ssize_t n_symb, n_sc

    def __init__(self, n_symb, n_sc, index, gap=0):
        places = np.array(index, np.int32, order="C")
        if places.ndim != 2 or not places.size:
            raise ValueError(f"index of shape {places.shape} is not allowed: it must be (n_rows, n_pilots), not empty")
        n_rows, n_pilots = places.shape
        if places.min() < 0 or places.max() >= n_symb * n_sc:
            raise ValueError(f"index has an entry outside 0..{n_symb * n_sc - 1}")
        if not 0 <= gap <= n_pilots:
            raise ValueError(f"gap {gap} is outside 0..{n_pilots}")
        columns = places % n_sc
        partner = np.full(n_rows, -1, np.int32)
        for row in range(n_rows):
            same = [other for other in range(row + 1, n_rows) if np.array_equal(columns[row], columns[other])]
            partner[row] = same[0] if same else -1
        self.index, self.partner = places, partner
        self.n_symb, self.n_sc = n_symb, n_sc
        cdef const int32_t[:, ::1] index_view = places
        cdef const int32_t[::1] partner_view = partner
        self.plan.n_rows, self.plan.n_pilots, self.plan.n_grid = n_rows, n_pilots, n_symb * n_sc
        self.plan.gap = gap
        self.plan.index, self.plan.partner = &index_view[0, 0], &partner_view[0]

    @property
    def partners(self):
        """For each row the next one on the same subcarriers, or -1."""
        return tuple(self.partner.tolist())

    def turns(self, const float complex[:, :, ::1] grid not None, const float complex[:, ::1] reference not None):
        """Sums over a grid (n_rx, n_symb, n_sc) whose reference symbols were sent as `reference`."""
        if grid.shape[0] < 1 or grid.shape[1] != self.n_symb or grid.shape[2] != self.n_sc:
            raise ValueError(f"grid of shape {tuple(grid.shape)[:3]} is not allowed: "
                             f"(n_rx, {self.n_symb}, {self.n_sc})")
        if <size_t>reference.shape[0] != self.plan.n_rows or <size_t>reference.shape[1] != self.plan.n_pilots:
            raise ValueError(f"reference of shape {tuple(reference.shape)[:2]} is not allowed: "
                             f"({self.plan.n_rows}, {self.plan.n_pilots})")
        cdef PilotsTurns out
        with nogil:
            _ops.turns(<const float*>&grid[0, 0, 0], grid.shape[0], <const float*>&reference[0, 0], self.plan, out)
        return complex(out.next_re, out.next_im), out.power, complex(out.later_re, out.later_im)
