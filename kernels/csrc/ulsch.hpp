// Gather of modulation symbols' bits or soft bits, for the channel interleaver of TS 36.212 5.2.2.8.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

struct UlschOps {
    // out[i] = source[index[i]] in groups of q_m (2, 4 or 6) values for m groups; zeros where index[i] is negative.
    // Nothing is read where an index is not below n, and false is returned.
    bool (*gather_bits)(const uint8_t* source, size_t n, const int32_t* index, size_t m, int q_m, uint8_t* out);
    bool (*gather_llr)(const int16_t* source, size_t n, const int32_t* index, size_t m, int q_m, int16_t* out);
};

const UlschOps& ulsch_ops_base();
const UlschOps& ulsch_ops_avx2();
const UlschOps& ulsch_ops_avx512();

inline const UlschOps& ulsch_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return ulsch_ops_avx512();
    if (isa == 1) return ulsch_ops_avx2();
#endif
    (void)isa;
    return ulsch_ops_base();
}

}  // namespace picocell
