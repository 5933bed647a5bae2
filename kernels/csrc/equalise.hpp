// Inverse of single-port transmission and of transmit diversity (TS 36.211 6.3.4.1, 6.3.4.3).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

// Complex numbers are interleaved floats. y is (n_rx, n_grid), h is (n_rx, n_ports, n_grid); index has n_re entries below
// n_grid; x gets n_re complex numbers, var n_re noise powers.
struct EqualiseOps {
    void (*siso)(const float* y, const float* h, size_t n_rx, size_t n_grid, const int32_t* index, size_t n_re,
                 float noise_var, float* x, float* var);
    // n_re even. n_ports 2: all pairs from ports 0 and 1; 4: pairs from ports 0 and 2, then 1 and 3 by turns.
    void (*sfbc)(const float* y, const float* h, size_t n_rx, size_t n_ports, size_t n_grid, const int32_t* index,
                 size_t n_re, float noise_var, float* x, float* var);
    // Largest index, taken as unsigned.
    uint32_t (*largest)(const int32_t* index, size_t n);
};

const EqualiseOps& equalise_ops_base();
const EqualiseOps& equalise_ops_avx2();
const EqualiseOps& equalise_ops_avx512();

inline const EqualiseOps& equalise_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return equalise_ops_avx512();
    if (isa == 1) return equalise_ops_avx2();
#endif
    (void)isa;
    return equalise_ops_base();
}

}  // namespace picocell
