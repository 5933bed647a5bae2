// Downlink transmission: bits to the resource elements of one antenna port, or of several with transmit diversity
// (TS 36.211 6.3.1, 6.3.2, 6.3.3.3, 6.3.4.3), and whole PDCCHs (TS 36.212 5.3.3.2 to 5.3.3.4).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int dltx_cce_symbols = 36;
constexpr int dltx_max_bits = 256;  // of a DCI

// Ports' grids of n resource elements each, and where symbols go.
struct DltxGrid {
    float* elements;
    int n_ports;  // 1, 2 or 4
    size_t n;
    const int32_t* index;
    size_t n_index;
};

struct DltxMessage {
    const uint8_t* bits;
    int n_bits;
    int mask;  // of the CRC
    int first_cce, n_cce;
    float amplitude;
};

struct DltxOps {
    // n_index symbols of q_m bits; amplitude by symbol, may be null. False where the index leaves the grid.
    bool (*shared)(const uint8_t* bits, int q_m, const uint64_t* scrambling, const float* amplitude, const DltxGrid&);
    // The same from packed bits, the first of each word lowest.
    bool (*shared_packed)(const uint64_t* words, int q_m, const uint64_t* scrambling, const float* amplitude,
                          const DltxGrid&);
    // All CCEs of a subframe, n_index / 36 of them; those without a message are silent.
    bool (*control)(const DltxMessage* messages, size_t n, const uint64_t* scrambling, const DltxGrid&);
};

const DltxOps& dltx_ops_base();
const DltxOps& dltx_ops_avx2();
const DltxOps& dltx_ops_avx512();

inline const DltxOps& dltx_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return dltx_ops_avx512();
    if (isa == 1) return dltx_ops_avx2();
#endif
    (void)isa;
    return dltx_ops_base();
}

}  // namespace picocell
