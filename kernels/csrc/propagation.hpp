// What the air does to samples: white Gaussian noise, and time-varying multipath.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int noise_lanes = 16;
constexpr int interpolation_taps = 24;

// Sixteen xoshiro128++ generators side by side; the stream does not depend on the instruction set.
struct NoiseState {
    uint32_t s[4][noise_lanes];
};

// Taps of a delay line that lie close together, filtered in one pass over the samples that they share.
struct TapGroup {
    int32_t offset;      // sample of the buffer under the first coefficient for output sample 0
    int32_t span;        // samples that the group reads for one output sample
    int32_t taps;        // how many taps, at most max_group
    int32_t index[4];    // which
    int32_t first;       // of its coefficients: span rows of `taps`
};

struct DelayLine {
    const TapGroup* groups;
    const float* coefficients;
    size_t n_groups, n_taps, n_tx, n_rx, memory;
};

// Gains at points `step` samples apart; output sample 0 is `offset` samples after the first point.
struct MovingGains {
    const float* values;  // complex interleaved (n_rx, n_tx, n_taps, n_points)
    size_t n_points, step, offset;
};

// A channel on resource elements.
struct GridChannel {
    const float* gains;  // complex interleaved (n_rx, n_tx, n_taps, n_symb)
    const float* turns;  // two planes, cos and sin, of (n_taps, n_sc)
    size_t n_tx, n_rx, n_taps, n_symb, n_sc;
};

struct PropagationOps {
    // Adds complex noise of standard deviation sigma in each part to n complex samples (interleaved). Each call starts
    // at a new group of 16 samples.
    void (*add_noise)(NoiseState* state, float* samples, size_t n, float sigma);
    // out[rx][i] = sum over tx and taps of the gain, on a line between two points, times the tap's filter on x[tx]. x
    // holds n_tx rows of memory + n complex samples, out n_rx rows of n; scratch `delay_line_scratch` floats.
    void (*delay_line)(const DelayLine& line, const MovingGains& gains, const float* x, size_t n, float* out,
                       float* scratch);
    // out[p][t] = amplitude[p] sum_s exp(2 pi i (rates[p][s] times[t] + phases[p][s])), complex interleaved
    void (*sinusoids)(const double* rates, const double* phases, const float* amplitude, size_t n_processes,
                      size_t n_sinusoids, const double* times, size_t n_times, float* out);
    // response[rx][tx][l][k] = sum over taps of gains times turns; where `sent` (n_tx, n_symb, n_sc) is no null
    // pointer, received[rx][l][k] = sum over tx of response times sent. All complex interleaved.
    void (*grid)(const GridChannel& channel, const float* sent, float* received, float* response);
    // out[i] = the signal at position first + i step: `interpolation_taps` coefficients, between two rows of a table of
    // phases + 1 rows, on the planes re and im; the sample before the position is under coefficient taps / 2 - 1
    void (*interpolate)(const float* table, int phases, const float* re, const float* im, double first, double step,
                        size_t n, float* out);
    int max_group;
};

inline size_t delay_line_scratch(size_t n_tx, size_t n, size_t memory) { return 2 * n_tx * (n + memory + 64); }

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
