// DFTs of the sizes of transform precoding (TS 36.211 5.3.3), many at once.
//
// Each transform has a lane of its own, so that no step needs shuffles but the transposes at both ends. Passes are in
// place and leave the bins in digit-reversed order, which the transpose at the end undoes. After the first pass the
// rest of the work is done block by block, which keeps it in the first-level cache.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int dft_max_size = 1320;
constexpr int dft_max_passes = 8;

// n = 12 * 2^a * 3^b * 5^c up to dft_max_size.
bool dft_size_allowed(int n);

struct DftPlan {
    int n;
    int passes;
    int radix[dft_max_passes];
    const float* twiddle[dft_max_passes];  // w_L^(j u) of a pass of length L at [j * (R-1) + u - 1], u = 1..R-1
    const uint16_t* row_of;                // where the passes leave bin k
    float scale;                           // 1/sqrt(n)
    void* memory;
};

// Null without memory.
DftPlan* dft_plan_create(int n);
void dft_plan_destroy(DftPlan* plan);

struct DftOps {
    // count transforms of n interleaved complex numbers each, unitary; in may be out.
    void (*transform)(const DftPlan* plan, const float* in, float* out, size_t count, bool inverse);
};

const DftOps& dft_ops_base();
const DftOps& dft_ops_avx2();
const DftOps& dft_ops_avx512();

inline const DftOps& dft_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return dft_ops_avx512();
    if (isa == 1) return dft_ops_avx2();
#endif
    (void)isa;
    return dft_ops_base();
}

}  // namespace picocell
