// Spatial multiplexing (TS 36.211 6.3.4.2): precoding, and the detection of up to four layers.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int mimo_most = 4;  // layers and antenna ports

// Complex numbers are interleaved floats. Precoders are (n_precoders, n_ports, n_layers); element i has the precoder
// which[i], or, where that is null, i modulo n_precoders. Every entry of index is below n_grid, of which below
// n_precoders.
struct MimoPrecoding {
    const float* precoders;
    const int32_t* which;
    const int32_t* index;
    size_t n_precoders, n_ports, n_layers, n_grid, n_re;
};

// y is (n_rx, n_grid), h is (n_rx, n_ports, n_grid).
struct MimoReceived {
    const float* y;
    const float* h;
    size_t n_rx;
    float noise_var;
};

struct MimoOps {
    // Linear MMSE, scaled to have no bias: x is complex (n_layers, n_re), var (n_layers, n_re).
    void (*mmse)(const MimoPrecoding& p, const MimoReceived& r, float* x, float* var);
    // Two layers of 2, 4 or 6 bits a symbol: exact max-log LLRs. Symbol i of layer l goes to llr[l] + i stride q_m[l].
    void (*joint)(const MimoPrecoding& p, const MimoReceived& r, const int* q_m, int16_t* const* llr, size_t stride);
    // x is complex (n_layers, n_re), grid (n_ports, n_grid).
    void (*precode)(const MimoPrecoding& p, const float* x, float* grid);
    // Turns the sign of LLRs whose scrambling bit is set.
    void (*descramble)(int16_t* llr, size_t n, const uint64_t* scrambling);
    // Largest entry, taken as unsigned.
    uint32_t (*largest)(const int32_t* index, size_t n);
};

const MimoOps& mimo_ops_base();
const MimoOps& mimo_ops_avx2();
const MimoOps& mimo_ops_avx512();

inline const MimoOps& mimo_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return mimo_ops_avx512();
    if (isa == 1) return mimo_ops_avx2();
#endif
    (void)isa;
    return mimo_ops_base();
}

}  // namespace picocell
