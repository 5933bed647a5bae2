// Tables of one FFT size for one vector width. No code here is compiled for a particular instruction set.
//
// N = W * M with W lanes. Sample m W + l is lane l of row m. Bin k + M j comes in three steps:
//   1. an M-point transform down the rows, the same in every lane (radix passes in place, digits reversed),
//   2. row k, lane l times w_N^(l k), which also carries the scale,
//   3. a W-point transform across the lanes, W = 4 A: blocks of four lanes first (radix A), then inside them (radix 4).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int fft_max_size = 4096;
constexpr int fft_max_passes = 4;

// N = 64 * 2^a * 3^b up to fft_max_size: what every vector width can do.
bool fft_size_allowed(int n);

struct FftPlan {
    int n;
    int width;   // W
    int rows;    // M, a multiple of W
    int passes;  // of step 1
    int radix[fft_max_passes];
    const float* pass_twiddle[fft_max_passes];  // complex w_L^(j u) at [j * (R-1) + u - 1], u = 1..R-1
    const uint16_t* row_of;                     // where step 1 leaves row k
    const float* twiddle;                       // scale * w_N^(l k): W real then W imaginary parts for each k
    const float* lane_twiddle;                  // w_W^(b c), b = lane mod 4, the same layout, c = 1..A-1
    void* memory;                               // holds all of the above
};

// Tables for a forward transform times `scale`; radices above max_radix are not used. Null without memory.
FftPlan* fft_plan_create(int n, int width, int max_radix, double scale);
void fft_plan_destroy(FftPlan* plan);

}  // namespace picocell
