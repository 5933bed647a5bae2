// Length-31 Gold sequences, TS 36.211 7.2 and TS 38.211 5.2.1.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

struct GoldOps {
    // Bits c(0..n-1) packed least significant bit first into ceil(n/64) words; bits past n are zero.
    void (*packed)(uint32_t c_init, size_t n, uint64_t* words);
    // The same bits, one byte each.
    void (*bits)(uint32_t c_init, size_t n, uint8_t* out);
};

const GoldOps& gold_ops_base();
const GoldOps& gold_ops_avx2();
const GoldOps& gold_ops_avx512();

inline const GoldOps& gold_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return gold_ops_avx512();
    if (isa == 1) return gold_ops_avx2();
#endif
    (void)isa;
    return gold_ops_base();
}

}  // namespace picocell
