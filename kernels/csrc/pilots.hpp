// How the channel turns between reference symbols: what time and frequency tracking learn from a subframe.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

struct PilotsPlan {
    size_t n_rows, n_pilots, n_grid;
    size_t gap;              // no pair is made of pilots gap - 1 and gap of a row; 0: all pairs
    const int32_t* index;    // (n_rows, n_pilots) elements of the grid
    const int32_t* partner;  // (n_rows,) later row on the same subcarriers, or -1
};

struct PilotsTurns {
    double next_re, next_im;    // sum of conj(p[m]) p[m + 1]
    double power;               // sum of (|p[m]|^2 + |p[m + 1]|^2) / 2 over the same pairs
    double later_re, later_im;  // sum of conj(p of a row) p of its partner
};

struct PilotsOps {
    // y (n_rx, n_grid), reference (n_rows, n_pilots); both interleaved complex.
    void (*turns)(const float* y, size_t n_rx, const float* reference, const PilotsPlan& plan, PilotsTurns& out);
};

const PilotsOps& pilots_ops_base();
const PilotsOps& pilots_ops_avx2();
const PilotsOps& pilots_ops_avx512();

inline const PilotsOps& pilots_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return pilots_ops_avx512();
    if (isa == 1) return pilots_ops_avx2();
#endif
    (void)isa;
    return pilots_ops_base();
}

}  // namespace picocell
