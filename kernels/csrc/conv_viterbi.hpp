// Wrap-around Viterbi decoder of the tail-biting code, compiled once per instruction set.
//
// State = the last six bits, the newest in the least significant place. States j and j + 32 lead to 2j and 2j + 1; as
// all three polynomials have both end taps, the four branches of such a butterfly cost C_j or the rest to the sum of
// all, C_(7 - j's output). Metrics are bytes and wrap: two paths that meet differ by no more than the code's fifteen
// soft bits of an error event, so the sign of a difference is right as long as a soft bit is at most 8.
#pragma once
#include "conv.hpp"

namespace picocell::PICOCELL_NS {

constexpr int conv_limit = 8;        // 15 * 8 < 128
constexpr int conv_group = 5;        // steps after which the lanes hold the states in order again
constexpr int conv_before = 30;      // least number of steps before the k that count, and
constexpr int conv_after = 30;       // number of those behind them: five constraint lengths less what ends bring
constexpr int conv_words = 8;        // words whose decisions stand side by side, to be traced back together

// One set of lanes holds 32 states, of one word or of two; base needs two registers for it.
constexpr int conv_set_words = PICOCELL_ISA_LEVEL == 2 ? 2 : 1;
constexpr int conv_row = 8 * conv_set_words;  // costs of the eight outputs, for each word
constexpr int conv_sets = PICOCELL_ISA_LEVEL == 2 ? 4 : 2;  // sets in flight

// Taps on the bits c(k-1)..c(k-6) of octal 133, 171, 165, c(k-1) in the least significant place; c(k) is in all three.
constexpr int conv_taps[3] = {0b110110, 0b100111, 0b101011};

constexpr int conv_most_groups(int k) { return (conv_before + k + conv_after + conv_group - 1) / conv_group; }

// State in a lane before step `phase` of a group, the top bit aside: the lane's top bit holds the state's bit
// phase - 1 (4 at first), its others the other bits in order.
constexpr int conv_state_of(int phase, int lane) {
    const int place = (phase + 4) % 5, top = lane >> 4, rest = lane & 15;
    const int low = (1 << place) - 1;
    return (rest & low) | top << place | (rest & ~low) << 1;
}

constexpr int conv_output(int state) {
    int output = 0;
    for (int i = 0; i < 3; ++i) {
        int parity = 0;
        for (int b = 0; b < 6; ++b) parity ^= (conv_taps[i] & state) >> b & 1;
        output |= parity << i;
    }
    return output;
}

// Decisions of a step: bit `lane` of word[s][w] is set where word w's state 2j + s came from j + 32.
struct ConvDecisions {
    uint32_t word[2][conv_words];
};

struct alignas(64) ConvScratch {
    int8_t soft[conv_words][3][conv_max_k + 64];                          // the first steps again behind the last
    uint8_t rows[conv_sets][(conv_max_k + conv_group + 8) * conv_row];    // of the sets that are in flight
    ConvDecisions decisions[conv_group * conv_most_groups(conv_max_k)];
    uint32_t newest[conv_max_k / conv_group + 2][conv_words];             // five bits of each group that counts
    uint8_t bits[conv_words][conv_max_k + 64];
};

inline ConvScratch& conv_scratch() {
    static thread_local std::unique_ptr<ConvScratch> scratch;
    if (!scratch) scratch.reset(new ConvScratch);
    return *scratch;
}

}  // namespace picocell::PICOCELL_NS

#if PICOCELL_ISA_LEVEL >= 1
#include "conv_lanes.hpp"
#else
#include "conv_lanes_base.hpp"
#endif

namespace picocell::PICOCELL_NS {

// The soft bits of a set's words become rows of costs: entry o of a row is the sum of those soft bits whose bit is set
// in o, for a positive soft bit says 0.
inline void conv_fill_rows(const int8_t (*soft)[3][conv_max_k + 64], int k, uint8_t* rows) {
    for (int t = 0; t < k + conv_group - 1; t += ConvLanes::row_steps)
        ConvLanes::make_rows(soft, t, rows + conv_row * t);
}

template <int N, int... Phase>
inline void conv_group_steps(ConvLanes* lanes, const ConvScratch& scratch, size_t place, ConvDecisions* decisions,
                             int first, std::integer_sequence<int, Phase...>) {
    const auto step = [&](auto phase) {
        for (int n = 0; n < N; ++n)
            lanes[n].template step<phase>(scratch.rows[n] + place + phase * conv_row, decisions[phase],
                                          first + n * conv_set_words);
    };
    (step(std::integral_constant<int, Phase>{}), ...);
}

// N sets step by step; decisions of set n go to words (n * conv_set_words).. of `decisions`. Leaves the best states.
template <int N>
void conv_forward(const ConvScratch& scratch, int k, ConvDecisions* decisions, int first, uint32_t* best) {
    ConvLanes lanes[N];
    const int groups = conv_most_groups(k), before = conv_group * groups - conv_after - k;
    int at = (k - before % k) % k;
    for (int g = 0; g < groups; ++g, decisions += conv_group) {
        const size_t place = size_t(at) * conv_row;
        conv_group_steps<N>(lanes, scratch, place, decisions, first, std::make_integer_sequence<int, conv_group>{});
        at += conv_group;
        if (at >= k) at -= k;
    }
    for (int n = 0; n < N; ++n) lanes[n].best(best + first + n * conv_set_words);
}

typedef uint32_t ConvU __attribute__((vector_size(4 * conv_words)));

// Where eight words' paths come from, step by step back. `top` is all ones for a path in the upper half.
struct ConvTrace {
    ConvU top, lane;

    template <int Phase>
    inline void back(const ConvDecisions& d) {
        ConvU zero, one, is_odd;
        std::memcpy(&zero, d.word[0], sizeof zero);
        std::memcpy(&one, d.word[1], sizeof one);
        if constexpr (Phase == 0) {  // undoes the exchange of the lane's top bit
            is_odd = -(lane >> 4);
            lane = (lane & 15) | (top & 16);
        } else {
            is_odd = -(lane & 1);
            lane = (lane & 16) | (top & 8) | (lane >> 1 & 7);
        }
        const ConvU word = (zero & ~is_odd) | (one & is_odd);
        top = -(word >> lane & 1);
    }

    inline void group(const ConvDecisions* d) {
        back<4>(d[4]);
        back<3>(d[3]);
        back<2>(d[2]);
        back<1>(d[1]);
        back<0>(d[0]);
    }
};

// Five bits to five bytes, the top one first.
struct ConvSpread {
    uint64_t bytes[32];
    constexpr ConvSpread() : bytes{} {
        for (int v = 0; v < 32; ++v)
            for (int b = 0; b < 5; ++b) bytes[v] |= uint64_t(v >> (4 - b) & 1) << (8 * b);
    }
};
constexpr ConvSpread conv_spread{};

// Decodes n <= 8 words of k bits with the soft bits of the scratch; word w's bits are scratch.bits[w] and on.
inline void conv_viterbi(ConvScratch& scratch, int n, int k) {
    constexpr int S = conv_set_words;
    for (int w = 0; w < n; ++w)
        for (auto& stream : scratch.soft[w]) std::memcpy(stream + k, stream, conv_group - 1);
    if (n % S) std::memcpy(scratch.soft[n], scratch.soft[n - 1], sizeof scratch.soft[n]);
    alignas(64) uint32_t best[conv_words] = {};
    for (int w = 0; w < n; w += S * conv_sets) {
        const int sets = std::min((n - w + S - 1) / S, conv_sets);
        for (int s = 0; s < sets; ++s) conv_fill_rows(scratch.soft + w + s * S, k, scratch.rows[s]);
        switch (sets) {
            case 1: conv_forward<1>(scratch, k, scratch.decisions, w, best); break;
            case 2: conv_forward<2>(scratch, k, scratch.decisions, w, best); break;
            case 3: conv_forward<std::min(3, conv_sets)>(scratch, k, scratch.decisions, w, best); break;
            default: conv_forward<conv_sets>(scratch, k, scratch.decisions, w, best);
        }
    }
    ConvTrace trace;
    std::memcpy(&trace.lane, best, sizeof best);
    trace.top = -(trace.lane >> 5 & 1);
    trace.lane &= 31;
    const ConvDecisions* d = scratch.decisions + conv_group * conv_most_groups(k);
    for (int g = 0; g < conv_after / conv_group; ++g) trace.group(d -= conv_group);
    const int groups = (k + conv_group - 1) / conv_group;
    for (int g = groups - 1; g >= 0; --g) {
        std::memcpy(scratch.newest[g], &trace.lane, sizeof trace.lane);
        trace.group(d -= conv_group);
    }
    for (int w = 0; w < n; ++w)
        for (int g = 0; g < groups; ++g)
            std::memcpy(scratch.bits[w] + conv_group * g, &conv_spread.bytes[scratch.newest[g][w]], 8);
}

// Bits before the first of the k in scratch.bits.
constexpr int conv_lead(int k) { return (conv_group - k % conv_group) % conv_group; }

}  // namespace picocell::PICOCELL_NS
