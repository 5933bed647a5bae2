// Modulation mapper and max-log soft demapper (TS 36.211 7.1), with scrambling (6.3.1, 5.3.1).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int llr_scale = 16;
constexpr int llr_limit = 8191;

struct ModemOps {
    // n symbols of q_m bits, one a byte, XORed with the scrambling bits (least significant first; may be null).
    void (*modulate)(const uint8_t* bits, size_t n, int q_m, const uint64_t* scrambling, float* symbols);
    // n * q_m LLRs; noise is one value a symbol or, with per_symbol false, a single one.
    void (*demodulate)(const float* symbols, const float* noise, bool per_symbol, size_t n, int q_m,
                       const uint64_t* scrambling, int16_t* llr);
};

const ModemOps& modem_ops_base();
const ModemOps& modem_ops_avx2();
const ModemOps& modem_ops_avx512();

inline const ModemOps& modem_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return modem_ops_avx512();
    if (isa == 1) return modem_ops_avx2();
#endif
    (void)isa;
    return modem_ops_base();
}

}  // namespace picocell
