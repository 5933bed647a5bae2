// Estimation of PUCCH candidates: delay, message and carrier offset of each from its own view of the resource blocks
// (TS 36.211 5.4). Complex values are pairs of floats; `s` counts slots, `l` symbols of a slot.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int pucch_n_sc = 12;
constexpr int pucch_max_rx = 16;
constexpr int pucch_max_symb = 7;
constexpr int pucch_n_delays = 5;
constexpr int pucch_n_turns = 3;
constexpr int pucch_n_coded = 20;
constexpr int pucch_n_data = 5;  // data symbols of formats 2 in a slot

struct PucchSearch {
    int n_symb;              // symbols of a slot
    int pilot[2];            // reference symbols of formats 2; the second is -1 where there is one
    int data[pucch_n_data];  // data symbols of formats 2
    double delay_step;       // the delays searched lie about 0 in steps of this
    double max_delay;
    double turn_step;  // radians a symbol
    double max_turn;
    const float* slopes;  // (12, 12, 5): conjugate phase slopes over 12, by shift, subcarrier and delay
    const float* turns;   // (n_symb, 3): conjugate rotations, by symbol: none, a step down, a step up
};

// n candidates: n_1 on n_PUCCH^(1) first, then those on n_PUCCH^(2).
struct PucchCandidates {
    size_t n, n_1;
    const int32_t* shift;     // (n, 2), 0..11
    const float* n_symbols;   // (n, 2)
    const float* codes;       // (n_1, 2, 2, n_symb) by s, part (reference, data), l
    const int32_t* n_values;  // (n,) values that d(0), or d(10), may have: 1, 2 or 4
    const float* signs;       // (n_2, 20) scrambling
    const int32_t* first;     // (n_2,) first row of the code book
    const int32_t* n_words;   // (n_2,) rows: words of the payloads that begin with 0
    const float* book;        // (rows, 20) code words as +-1
};

struct PucchFound {
    float* energy;     // (n, 2)
    float* total;      // (n,)
    float* time;       // (n, 2, n_symb)
    float* frequency;  // (n, 2, 12)
    double* delay;     // (n,)
    double* turn;      // (n,)
    int64_t* ack;      // (n,)
    int64_t* payload;  // (n,)
};

// Where the candidates are, and when they count as found.
struct PucchJoint {
    size_t n_blocks;
    const int32_t* prbs;        // (n_blocks, 2) resource block by slot
    const uint8_t* shortened;   // (n_blocks,) the last symbol of the subframe is not used
    const int32_t* n_terms;     // (n_blocks,) resource elements times antennas in use
    const int32_t* block;       // (n,)
    const int32_t* cover;       // (n, 2) orthogonal sequence, -1 for formats 2
    const int32_t* limit_of;    // (n,) row of the next two
    int n_limits;               // by the number of others found in the block: columns
    const double* weak;         // (rows, n_limits) metric from which on a signal is taken out
    const double* limits;       // (rows, n_limits) metric from which on it counts as sent
    float worst_leakage[pucch_n_sc];  // largest power on a resource so many cyclic shifts away
    float other_cover;          // share of that on another orthogonal sequence
    float mismatch;             // share of the leakage that taking a signal out may leave
    float doubt;                // multiple of what stronger signals show here that is not theirs
    float loading;
    int max_rounds;
};

struct PucchSignals {  // (n,) each
    double *metric, *limit, *noise, *energy, *delay, *turn;
    int64_t *ack, *payload;
};

struct PucchOps {
    // views: (n, 2, n_rx, n_symb, 12)
    void (*estimate)(const PucchSearch&, const PucchCandidates&, const float* views, int n_rx, const PucchFound&);
    // grid (n_rx, 2 n_symb, n_sc), carriers (2 n_symb, 12)
    void (*detect)(const PucchSearch&, const PucchCandidates&, const PucchJoint&, const float* grid,
                   const float* carriers, int n_rx, int n_sc, const PucchSignals&);
};

const PucchOps& pucch_ops_base();
const PucchOps& pucch_ops_avx2();
const PucchOps& pucch_ops_avx512();

inline const PucchOps& pucch_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return pucch_ops_avx512();
    if (isa == 1) return pucch_ops_avx2();
#endif
    (void)isa;
    return pucch_ops_base();
}

}  // namespace picocell
