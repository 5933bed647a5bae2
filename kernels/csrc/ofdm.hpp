// OFDM modulation of a subframe (TS 36.211 6.12; uplink 5.6), FFT and frequency shift.
#pragma once
#include <cstddef>
#include <cstdint>

#include "fft_plan.hpp"

namespace picocell {

constexpr int ofdm_max_symbols = 14;
constexpr int ofdm_max_rows = fft_max_size / 4;
constexpr int ofdm_max_edges = 4;
constexpr int ofdm_max_width = 16;

// Row r of the FFT's bins (bins r W to r W + W - 1) is a run of the grid, or none of it, or a mixture: an edge.
constexpr int32_t ofdm_row_empty = -1;
constexpr int32_t ofdm_row_edge = -2;  // edge e is -2 - e

struct OfdmPlan {
    FftPlan* fft;  // scaled by 1/sqrt(N); inverse transforms swap real and imaginary parts
    int n_sc;
    int n_symb;
    int n_samples;
    bool half_shift;
    int cp[ofdm_max_symbols];     // length of the cyclic prefix
    int start[ofdm_max_symbols];  // first sample of the prefix
    int n_edges;
    int32_t row_grid[ofdm_max_rows];                            // first subcarrier of a row, or one of the above
    int16_t edge_subcarrier[ofdm_max_edges][ofdm_max_width];    // of each lane, -1 for none
};

struct OfdmOps {
    // Lanes to be used for a size, and the largest radix worth using.
    int (*fft_width)(int n);
    int max_radix;
    // Transforms of `count` rows of interleaved complex numbers; `inverse` conjugates the kernel.
    void (*fft)(const FftPlan* plan, const float* in, float* out, size_t count, bool inverse);
    // One antenna: grid (n_symb, n_sc) to samples and back.
    void (*modulate)(const OfdmPlan* plan, const float* grid, float* samples);
    void (*demodulate)(const OfdmPlan* plan, const float* samples, double cfo, double phase, int window_advance,
                       float* grid);
    // out[i] = in[i] exp(2 pi j (frequency i + phase)).
    void (*mix)(const float* in, double frequency, double phase, size_t n, float* out);
};

// Null without memory. The caller has checked the sizes: fft_size_allowed(n), n % 128 == 0, 0 < n_sc < n.
OfdmPlan* ofdm_plan_create(const OfdmOps& ops, int n_prb, int n, bool extended_cp, bool half_shift);
void ofdm_plan_destroy(OfdmPlan* plan);

const OfdmOps& ofdm_ops_base();
const OfdmOps& ofdm_ops_avx2();
const OfdmOps& ofdm_ops_avx512();

inline const OfdmOps& ofdm_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return ofdm_ops_avx512();
    if (isa == 1) return ofdm_ops_avx2();
#endif
    (void)isa;
    return ofdm_ops_base();
}

}  // namespace picocell
