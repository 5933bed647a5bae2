// Gather of modulation symbols' bits or soft bits, for the channel interleaver of TS 36.212 5.2.2.8.
#pragma once
#include <cstddef>
#include <cstdint>

#include "dft.hpp"

namespace picocell {

// Where a PUSCH goes: symbols of a grid (n_symb, n_sc), first subcarrier by slot.
struct UlschSend {
    const DftPlan* dft;
    int n_symb, n_sc;
    int first[2];
    int pilot[2];
    int n_data;
    int symbols[14];
    int q_m;
    bool placeholders;  // 2 and 3 stand for the x and y of TS 36.212 5.2.2.6
    float amplitude;
};

struct UlschOps {
    // Groups of coded bits in the order of source (n_data m,), reference signal r (2, m). False where source leaves them.
    bool (*send)(const UlschSend&, const uint8_t* coded, size_t n_coded, const int32_t* source,
                 const uint64_t* scrambling, const float* r, float* grid);
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
