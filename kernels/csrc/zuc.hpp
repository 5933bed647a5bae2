// ZUC (TS 35.222) and the algorithms built on it: 128-EEA3 and 128-EIA3 (TS 35.221).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

struct ZucOps {
    // S-boxes S0, S1 (256 entries each) and the constants d (16); once, before any other call.
    void (*set_tables)(const uint8_t* s0, const uint8_t* s1, const uint32_t* d);
    // out = data XOR keystream over n bytes. Key and IV are 16 bytes.
    void (*apply)(const uint8_t* key, const uint8_t* iv, const uint8_t* data, size_t n, uint8_t* out);
    // Ciphers n_bits bits; the spare bits of the last of the ceil(n_bits / 8) bytes become zero.
    void (*eea3)(const uint8_t* key, uint32_t count, uint32_t bearer, uint32_t direction, const uint8_t* data,
                 size_t n_bits, uint8_t* out);
    // MAC of n_bits bits; the spare bits of the last byte do not count.
    uint32_t (*eia3)(const uint8_t* key, uint32_t count, uint32_t bearer, uint32_t direction, const uint8_t* data,
                     size_t n_bits);
};

const ZucOps& zuc_ops_base();
const ZucOps& zuc_ops_avx2();
const ZucOps& zuc_ops_avx512();

inline const ZucOps& zuc_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return zuc_ops_avx512();
    if (isa == 1) return zuc_ops_avx2();
#endif
    (void)isa;
    return zuc_ops_base();
}

}  // namespace picocell
