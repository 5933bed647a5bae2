// What the air does to samples: white Gaussian noise, and time-varying multipath.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int noise_lanes = 16;

// Sixteen xoshiro128++ generators side by side; the stream does not depend on the instruction set.
struct NoiseState {
    uint32_t s[4][noise_lanes];
};

struct PropagationOps {
    // Adds complex noise of standard deviation sigma in each part to n complex samples (interleaved). Each call starts at
    // a new group of 16 samples.
    void (*add_noise)(NoiseState* state, float* samples, size_t n, float sigma);
    // out[i] += sum_k (h[k] + (t + i dt) d[k]) x[i + length - 1 - k] for complex interleaved arrays; x has
    // n + length - 1 samples.
    void (*fir)(const float* x, size_t n, const float* h, const float* d, size_t length, float t, float dt, float* out);
};

const PropagationOps& propagation_ops_base();
const PropagationOps& propagation_ops_avx2();
const PropagationOps& propagation_ops_avx512();

inline const PropagationOps& propagation_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return propagation_ops_avx512();
    if (isa == 1) return propagation_ops_avx2();
#endif
    (void)isa;
    return propagation_ops_base();
}

}  // namespace picocell
