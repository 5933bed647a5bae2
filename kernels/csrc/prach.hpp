// Power delay profiles of random access preambles: their noise, and the peaks of their windows.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int prach_max_points = 4096;

// How noise is measured (picocell.phy.lte.prach_detect).
struct PrachNoise {
    float start;      // mean of noise over its median
    float clip;       // level at which peaks are clipped, relative to the mean
    float gain;       // mean of clipped noise, relative
    double tolerance;  // by how much the spread must exceed that of noise to count
    double branches;
    int n_shapes;
    const double* spreads;   // (n_shapes,) ascending, of Gamma shapes
    const double* shapes;
    const double* measured;  // what the measurement makes of a mean of 1
};

struct PrachOps {
    // profile (rows, n): noise of one branch, and the shape of its distribution.
    void (*noise)(const PrachNoise&, const float* profile, size_t rows, size_t n, float* noise, double* shape);
    // Largest point of each window of `width` points from first[i] on, modulo n, of row[i]; its place in the window.
    void (*peaks)(const float* profile, size_t n, const int32_t* row, const int32_t* first, size_t count, size_t width,
                  float* peak, int32_t* at);
};

const PrachOps& prach_ops_base();
const PrachOps& prach_ops_avx2();
const PrachOps& prach_ops_avx512();

inline const PrachOps& prach_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return prach_ops_avx512();
    if (isa == 1) return prach_ops_avx2();
#endif
    (void)isa;
    return prach_ops_base();
}

}  // namespace picocell
