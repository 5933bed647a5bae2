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

struct PucchOps {
    // views: (n, 2, n_rx, n_symb, 12)
    void (*estimate)(const PucchSearch&, const PucchCandidates&, const float* views, int n_rx, const PucchFound&);
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
