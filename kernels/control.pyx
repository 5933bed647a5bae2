"""Control region of a downlink subframe: PCFICH, PDCCH and PHICH from grid and channel estimate in one call."""

import numpy as np

from libc.math cimport isfinite
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t

from picocell.kernels import isa

cdef extern from "buffers.hpp":
    pass  # memoryviews refuse what is not aligned

cdef extern from "control.hpp" namespace "picocell" nogil:
    cdef struct ControlRegion:
        size_t n_cce
        const int32_t* index
    cdef struct ControlPlan:
        size_t n_ports, n_grid, n_cfis
        const int32_t* pcfich
        const uint8_t* codewords
        uint64_t pcfich_scrambling
        const uint64_t* scrambling
        const ControlRegion* regions
        float silent_power, silent_noise
        size_t n_units
        const int32_t* phich
        size_t n_sf
    cdef struct ControlCfi:
        size_t best
        int64_t agreement, total
    cdef struct ControlOps:
        void (*cfi)(const ControlPlan&, const float*, const float*, size_t, float, ControlCfi&) noexcept nogil
        void (*pdcch)(const ControlPlan&, size_t, const float*, const float*, size_t, float, int16_t*, float*, float*,
                      uint8_t*) noexcept nogil
        void (*phich)(const ControlPlan&, const float*, const float*, size_t, float, size_t, const int32_t*,
                      const float*, float*, float*) noexcept nogil
    const ControlOps& control_ops(int isa)

cdef const ControlOps* _ops = &control_ops(isa.chosen())

cdef enum:
    _CCE = 36
    _CFI_BITS = 32
    _CFI_SYMBOLS = 16
    _UNIT = 12
    _MOST_CFIS = 4


cdef class ControlRegions:
    """The control regions that a subframe of a cell may have. Threads may share an object."""

    cdef ControlPlan plan
    cdef ControlRegion regions[_MOST_CFIS]
    cdef Py_ssize_t n_ports, n_symb, n_sc
    cdef list keep
    cdef readonly tuple cfis

    def __init__(self, *, n_ports, n_symb, n_sc, cfis, pcfich, codewords, pcfich_scrambling, pdcch, scrambling, phich,
                 n_sf, silent_power=0.0, silent_noise=0.0):
        if n_ports not in (1, 2, 4):
            raise ValueError(f"n_ports {n_ports} is not allowed: use 1, 2 or 4")
        self.cfis = tuple(cfis)
        if not 1 <= len(self.cfis) <= _MOST_CFIS or len(pdcch) != len(self.cfis):
            raise ValueError(f"{len(self.cfis)} CFIs and PDCCH tables for {len(pdcch)} do not fit: 1 to {_MOST_CFIS}")
        if n_sf not in (2, 4):
            raise ValueError(f"n_sf {n_sf} is not allowed: use 2 or 4")
        self.n_ports, self.n_symb, self.n_sc = n_ports, n_symb, n_sc
        self.keep = []
        self.plan.n_ports, self.plan.n_grid, self.plan.n_cfis = n_ports, n_symb * n_sc, len(self.cfis)
        self.plan.pcfich = self._elements(pcfich, "pcfich", _CFI_SYMBOLS)
        words = np.array(codewords, np.uint8, order="C")
        if words.shape != (len(self.cfis), _CFI_BITS):
            raise ValueError(f"codewords of shape {words.shape} are not allowed: ({len(self.cfis)}, {_CFI_BITS})")
        self.keep.append(words)
        cdef const uint8_t[:, ::1] words_view = words
        self.plan.codewords = &words_view[0, 0]
        self.plan.pcfich_scrambling = pcfich_scrambling
        most = 0
        for i, index in enumerate(pdcch):
            self.regions[i].n_cce = len(index) // _CCE
            self.regions[i].index = self._elements(index, "pdcch", _CCE)
            most = max(most, len(index) // _CCE)
        self.plan.regions = &self.regions[0]
        sequence = np.array(scrambling, np.uint64, order="C")
        if sequence.ndim != 1 or not sequence.size or 64 * sequence.size < 2 * _CCE * most:
            raise ValueError(f"scrambling of {64 * sequence.size} bits is too short for {most} CCEs")
        self.keep.append(sequence)
        cdef const uint64_t[::1] sequence_view = sequence
        self.plan.scrambling = &sequence_view[0]
        self.plan.phich = self._elements(phich, "phich", _UNIT)
        self.plan.n_units = np.size(phich) // _UNIT
        self.plan.n_sf = n_sf
        self.plan.silent_power, self.plan.silent_noise = silent_power, silent_noise

    cdef const int32_t* _elements(self, index, name, multiple) except? NULL:
        """Pointer to a checked copy of resource elements; NULL where there are none."""
        kept = np.array(index, np.int32, order="C").reshape(-1)
        if kept.size % multiple:
            raise ValueError(f"{name} has {kept.size} resource elements, not a multiple of {multiple}")
        if not kept.size:
            return NULL
        if kept.min() < 0 or kept.max() >= self.n_symb * self.n_sc:
            raise ValueError(f"{name} has an entry outside 0..{self.n_symb * self.n_sc - 1}")
        self.keep.append(kept)
        cdef const int32_t[::1] view = kept
        return &view[0]

    cdef int _check(self, const float complex[:, :, ::1] grid, const float complex[:, :, :, ::1] h,
                    float noise) except -1:
        if grid.shape[0] < 1 or grid.shape[1] != self.n_symb or grid.shape[2] != self.n_sc:
            raise ValueError(f"grid of shape {tuple(grid.shape)[:3]} is not allowed: "
                             f"(n_rx, {self.n_symb}, {self.n_sc})")
        if (h.shape[0] != grid.shape[0] or h.shape[1] != self.n_ports or h.shape[2] != self.n_symb
                or h.shape[3] != self.n_sc):
            raise ValueError(f"channel of shape {tuple(h.shape)[:4]} is not allowed: "
                             f"({grid.shape[0]}, {self.n_ports}, {self.n_symb}, {self.n_sc})")
        if not (isfinite(noise) and noise >= 0):
            raise ValueError(f"noise_var {noise} is not allowed: it must be finite and not negative")
        return 0

    def decode(self, const float complex[:, :, ::1] grid not None, const float complex[:, :, :, ::1] h not None,
               float noise_var):
        """PCFICH, and the soft bits of the PDCCHs under the CFI that it gives."""
        self._check(grid, h, noise_var)
        cdef ControlCfi found
        with nogil:
            _ops.cfi(self.plan, <const float*>&grid[0, 0, 0], <const float*>&h[0, 0, 0, 0], grid.shape[0], noise_var,
                     found)
        quality = 0.5 + 0.5 * found.agreement / found.total if found.total else 0.5
        return self.cfis[found.best], quality, *self._pdcch(found.best, grid, h, noise_var)

    cdef tuple _pdcch(self, size_t region, const float complex[:, :, ::1] grid, const float complex[:, :, :, ::1] h,
                      float noise):
        cdef Py_ssize_t n_cce = self.regions[region].n_cce
        llr, energy = np.empty(2 * _CCE * n_cce, np.int16), np.empty(n_cce, np.float32)
        cce_noise, silent = np.empty(n_cce, np.float32), np.empty(n_cce, np.bool_)
        if not n_cce:
            return llr, energy, cce_noise, silent
        cdef int16_t[::1] llr_view = llr
        cdef float[::1] energy_view = energy, noise_view = cce_noise
        cdef uint8_t[::1] silent_view = silent.view(np.uint8)
        with nogil:
            _ops.pdcch(self.plan, region, <const float*>&grid[0, 0, 0], <const float*>&h[0, 0, 0, 0], grid.shape[0],
                       noise, &llr_view[0], &energy_view[0], &noise_view[0], &silent_view[0])
        return llr, energy, cce_noise, silent

    def phich(self, const float complex[:, :, ::1] grid not None, const float complex[:, :, :, ::1] h not None,
              float noise_var, const int32_t[::1] units not None, const float complex[:, ::1] replicas not None):
        """De-spread amplitudes and their SNR of some PHICHs."""
        self._check(grid, h, noise_var)
        cdef Py_ssize_t n = units.shape[0], i
        if replicas.shape[0] != n or replicas.shape[1] != _UNIT:
            raise ValueError(f"replicas of shape {tuple(replicas.shape)[:2]} are not allowed: ({n}, {_UNIT})")
        for i in range(n):
            if units[i] < 0 or <size_t>units[i] >= self.plan.n_units:
                raise ValueError(f"unit {units[i]} is outside 0..{self.plan.n_units - 1}")
        metric, snr = np.empty(n, np.float32), np.empty(n, np.float32)
        if not n:
            return metric, snr
        cdef float[::1] metric_view = metric, snr_view = snr
        with nogil:
            _ops.phich(self.plan, <const float*>&grid[0, 0, 0], <const float*>&h[0, 0, 0, 0], grid.shape[0], noise_var,
                       n, &units[0], <const float*>&replicas[0, 0], &metric_view[0], &snr_view[0])
        return metric, snr
