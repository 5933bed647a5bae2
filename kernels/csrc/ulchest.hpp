// Channel estimation and equalisation of SC-FDMA allocations from two reference symbols.
#pragma once
#include <cstddef>
#include <cstdint>

#include "dft.hpp"

namespace picocell {

constexpr int ulchest_max_subcarriers = 1320;
constexpr int ulchest_max_window = 60;
constexpr int ulchest_max_offsets = 256;
constexpr int ulchest_max_rx = 16;
constexpr int ulchest_max_symbols = 14;
constexpr double ulchest_noise_floor = 1e-6;  // of the power: noise below it is not believed

// Where an allocation lies in a grid (n_rx, n_symb, n_sc): m subcarriers from first[slot] on.
struct UlAllocation {
    int n_rx, n_symb, n_sc;
    int m;
    int first[2];
};

// Delay models: tables by lag, [d][j] standing for the entry (j + d, j) of a block's covariance (and its mirror image).
struct UlDelayTables {
    int length, n_snr, n_widths, n_offsets;
    double first_snr_db, snr_step_db;
    double first_offset, offset_step;
    double turn;           // radians from one lag to the next for an offset of one
    const float* inverse;  // (n_snr, n_widths, length, length)
    const double* log_det; // (n_snr, n_widths)
    const float* phases;   // (length, n_offsets) complex
    const double* prior;   // (n_widths, n_offsets)
    const float* silence;  // (length, length)
    const float* quiet;    // (n_widths, length, length)
};

struct UlDelay {
    int width;
    double offset;
    double noise, total;  // powers
};

// What does not change from one PUSCH of m subcarriers to the next.
struct UlPuschPlan {
    const UlDelayTables* delay;
    int pilot[2];             // reference symbols of the subframe
    int window;               // subcarriers of a filter
    const float* taps;        // (n_widths, n_snr, window, window)
    const double* explained;  // (n_widths, n_snr)
    int n_fading;             // steps of what the correlation of the slots lacks to 1
    double fading_steps;      // in a decade
    double min_fading, max_fading;
    const double* fading;      // (n_fading,)
    const double* over_time;   // (n_fading, 2, n_symb) weights of sum and difference of the slots
    const double* over_power;  // (n_fading, 2, n_symb) power that each explains
    const double* ahead;       // (n_symb,) 0 at the first, 1 at the second reference symbol
    const double* since_own;   // (n_symb,) seconds since the reference symbol of the slot
    double apart;              // seconds between the reference symbols
    double least_snr;
};

struct UlPuschBits {
    int n_data;
    int symbols[ulchest_max_symbols];  // that carry data
    int q_m;
    const uint64_t* scrambling;
    const DftPlan* dft;  // of m points
};

struct UlPuschFound {
    float* x;         // (n_data, m) modulation symbols
    float* variance;  // (n_data,) their noise power
    int16_t* llr;     // (n_data, m, q_m)
    double* level;    // noise, SNR in dB, timing offset in s, frequency offset in Hz, signal power, coherence
};

struct UlchestOps {
    // pilots (2, n_rx, m): the two symbols times conj(r (2, m)). Returns their mean power.
    double (*pilots)(const UlAllocation& where, const float* grid, const int* symbols, const float* r, float* pilots);
    // Mean over blocks of x_(j+d) conj(x_j) of pilots (n, m), complex (length, length) by lag; the last blocks overlap.
    // Returns the number of blocks.
    int (*covariance)(const float* pilots, int n, int m, int length, float* covariance);
    // known_noise below 0: to be estimated.
    UlDelay (*delay)(const UlDelayTables& tables, const float* covariance, double n_blocks, double known_noise);
    // h (n_rx, n_symb, m) = exp(-j turn (k - mid)) sum over i of weights (2, n_symb) i, l times x_i, where x_i is the sum
    // over s of mix (2, 2) i, s times exp(j turn (k - mid)) times pilots s, filtered by taps[i] (length, length).
    void (*channel)(const UlAllocation& where, const float* pilots, double turn, const float* mix,
                    const float* const taps[2], int length, const float* weights, float* h);
    // x (n, m): minimum mean square error over antennas, noise by symbol of the subframe, divided by its mean gain,
    // which goes to share (n,).
    void (*equalise)(const UlAllocation& where, const float* grid, const float* h, const float* noise,
                     const int* symbols, int n, float* x, float* share);
    // All of these in a row, the inverse DFT and the demapper. False where nothing at all was received.
    bool (*pusch)(const UlPuschPlan& plan, const UlAllocation& where, const float* grid, const float* r,
                  const UlPuschBits& bits, double cfo_hz, const UlPuschFound& found);
};

const UlchestOps& ulchest_ops_base();
const UlchestOps& ulchest_ops_avx2();
const UlchestOps& ulchest_ops_avx512();

inline const UlchestOps& ulchest_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return ulchest_ops_avx512();
    if (isa == 1) return ulchest_ops_avx2();
#endif
    (void)isa;
    return ulchest_ops_base();
}

}  // namespace picocell
