// Channel estimation from scattered reference symbols (TS 36.211 6.10.1): least squares and choice of a delay model, then
// separable filters over frequency and time. A "row" is the reference symbols of one port in one OFDM symbol.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

// Where the reference symbols are and what was sent there.
struct ChestRows {
    size_t n_rows;            // rows of one receive antenna
    size_t n_pilots;          // reference symbols of a row
    const int32_t* index;     // (n_rows, n_pilots) resource elements
    const float* reference;   // (n_rows, n_pilots) complex, unit power
    size_t n_rssi;            // OFDM symbols whose power is summed
    const int32_t* rssi;      // (n_rssi,) their numbers
};

// Candidate delay windows: eigenvectors of the correlation within a block of pilots, by falling eigenvalue.
struct ChestDelayModels {
    size_t n_widths, length, n_lags, n_phases, n_blocks;
    const int32_t* blocks;    // (n_blocks,) first pilot of each block
    const int32_t* lag;       // (length, length) which lag a pair of pilots has, read where row > column
    const double* places;     // (length,) places of pilots in pilot spacings
    const double* silence;    // (length, length) mean projector on the vectors outside the widest window
    const double* cosine;     // (n_lags, n_phases) of each lag's rotation under each trial delay
    const double* sine;       // (n_lags, n_phases)
    const double* vectors;    // (n_widths, length, length) one eigenvector a row
    const double* values;     // (n_widths, length)
    const int32_t* loud;      // (n_widths,) eigenvectors that may hold signal
    const double* prior;      // (n_widths, n_phases)
    double time_gain;         // noise that the filter over time takes away later
    double noise_correction;  // for taking the least of several noise estimates
    double weight;            // independent observations of a block
    bool even;                // lags are the distances row - column
    size_t guard;             // models from the chosen one to that which tells noise from late paths
};

struct ChestObservation {
    double power;   // mean power of a reference symbol over all rows; zero or not finite: nothing else is set
    double first;   // the same of the rows of port 0
    double rssi;    // mean power of one OFDM symbol
    double noise;   // outside the chosen delay window, relative to power
    double apart;   // noise further away: outside the window `guard` models wider
    double slope;   // radians per pilot spacing
    int32_t width;  // model
};

// Weights over a window of pilots for each subcarrier; length 0: the mean over all pilots.
struct ChestFilter {
    size_t length;
    const int32_t* start;  // (n_sc,)
    const float* taps;     // (n_sc, length)
    // The same by fours of subcarriers whose windows begin at most one pilot apart; null where they do not.
    const float* fours;    // (?, length, 4), different ones only, and 16 numbers behind
    const int32_t* four;   // (n_sc / 4,) which of them
    const int32_t* later;  // (n_sc / 4,) bits of the subcarriers whose window begins one pilot later than the first's
};

// Ports that share OFDM symbols: filters over time for each noise level and Doppler width.
struct ChestGroup {
    size_t n_ports, n_times, first_row, first_port;
    const float* filters;  // (n_snr, n_widths, n_symb, n_times)
    const int32_t* symbols;  // (n_times,)
};

struct ChestDopplerModels {
    size_t n_snr, n_widths, n_offsets;
    const double* weights;   // (n_snr, n_widths, n_times, n_times) inverse covariance, of the first group's symbols
    const double* log_det;   // (n_snr, n_widths)
    const double* offsets;   // (n_offsets,) trial frequency offsets in hertz, evenly spaced
    const double* prior;     // (n_offsets,)
    const double* turns;     // (n_offsets, n_times, n_times) complex: rotation under each offset, first less second
    double freedom;          // independent observations
};

struct ChestPlan {
    size_t n_rx, n_rows, n_pilots, n_sc, n_symb, n_groups, n_ports;
    const int32_t* index;        // (n_rows, n_pilots)
    const int32_t* row_filter;   // (n_rows,) 0 or 1
    const int32_t* first_pilot;  // (2,) first pilot's subcarrier under each filter
    ChestFilter filter[2];
    double own[2];               // mean weight of a pilot in its own estimate
    ChestGroup group[2];
    const double* times;         // (n_symb,) seconds
    ChestDopplerModels doppler;
    size_t snr;                  // which of the noise levels
    double slope;                // radians per pilot spacing
    double scale;                // of the output
};

struct ChestResult {
    double noise;  // of a reference symbol before scaling
    double cfo;    // hertz
    int32_t doppler;
};

struct ChestOps {
    // y (n_rx, n_grid) with n_sc a symbol; z (n_rx, n_rows, n_pilots) gets the least squares estimates over
    // sqrt(power). All arrays of numbers are interleaved complex.
    void (*observe)(const float* y, size_t n_rx, size_t n_grid, size_t n_sc, const ChestRows& rows,
                    const ChestDelayModels& models, float* z, ChestObservation& out);
    // h (n_rx, n_ports, n_symb, n_sc)
    void (*interpolate)(const float* z, const ChestPlan& plan, float* h, ChestResult& out);
};

const ChestOps& chest_ops_base();
const ChestOps& chest_ops_avx2();
const ChestOps& chest_ops_avx512();

inline const ChestOps& chest_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return chest_ops_avx512();
    if (isa == 1) return chest_ops_avx2();
#endif
    (void)isa;
    return chest_ops_base();
}

}  // namespace picocell
