// Lanes of the Viterbi decoder for any machine: 32 states of a word in two registers of 16 bytes.
#pragma once

namespace picocell::PICOCELL_NS {

typedef uint8_t ConvReg __attribute__((vector_size(16)));
typedef int8_t ConvSigned __attribute__((vector_size(16)));

// Lanes of all ones where bit i of the output of input 0 is set.
struct ConvTables {
    alignas(16) uint8_t set[5][3][32];
    constexpr ConvTables() : set{} {
        for (int phase = 0; phase < 5; ++phase)
            for (int i = 0; i < 3; ++i)
                for (int lane = 0; lane < 32; ++lane)
                    set[phase][i][lane] = conv_output(conv_state_of(phase, lane)) >> i & 1 ? 0xff : 0;
    }
};
static constexpr ConvTables conv_tables{};

struct ConvLanes {
    static constexpr int row_steps = 1;
    ConvReg low[2] = {}, high[2] = {};  // metrics of states 0..31 and 32..63

    // Bit j of the result: the top bit of byte j.
    static inline uint32_t top_bits(ConvReg x) {
#if defined(__x86_64__)
        return uint32_t(_mm_movemask_epi8(__m128i(x)));
#else
        uint32_t mask = 0;
        for (int j = 0; j < 16; ++j) mask |= uint32_t(x[j] >> 7) << j;
        return mask;
#endif
    }

    // The lesser, modulo 256, of a and b; bits where it is b.
    static inline void lesser(const ConvReg* a, const ConvReg* b, ConvReg* out, uint32_t* decisions) {
        uint32_t bits = 0;
        for (int r = 0; r < 2; ++r) {
            const ConvReg difference = b[r] - a[r];
            const ConvReg second = ConvReg(ConvSigned(difference) < 0);
            out[r] = a[r] + (difference & second);
            bits |= top_bits(difference) << (16 * r);
        }
        *decisions = bits;
    }

    template <size_t... I>
    static inline void zip(ConvReg a, ConvReg b, ConvReg& low, ConvReg& high, std::index_sequence<I...>) {
        low = __builtin_shufflevector(a, b, int(I / 2 + (I % 2) * 16)...);
        high = __builtin_shufflevector(a, b, int(8 + I / 2 + (I % 2) * 16)...);
    }

    template <int Phase>
    inline void step(const uint8_t* row, ConvDecisions& d, int word) {
        ConvReg low_cost[2], low_rest[2], high_cost[2], high_rest[2], even[2], odd[2];
        for (int r = 0; r < 2; ++r) {
            ConvReg cost = {};
            for (int i = 0; i < 3; ++i) {
                ConvReg set;
                std::memcpy(&set, conv_tables.set[Phase][i] + 16 * r, 16);
                cost += set & row[1 << i];
            }
            const ConvReg rest = row[7] - cost;
            low_cost[r] = low[r] + cost;
            high_rest[r] = high[r] + rest;
            low_rest[r] = low[r] + rest;
            high_cost[r] = high[r] + cost;
        }
        lesser(low_cost, high_rest, even, d.word[0] + word);
        lesser(low_rest, high_cost, odd, d.word[1] + word);
        if constexpr (Phase == 0) {
            low[0] = even[0], low[1] = odd[0];
            high[0] = even[1], high[1] = odd[1];
        } else {
            for (int r = 0; r < 2; ++r) zip(even[r], odd[r], low[r], high[r], std::make_index_sequence<16>{});
        }
    }

    // The first of the best states.
    inline void best(uint32_t* state) const {
        uint8_t metrics[64];
        std::memcpy(metrics, low, 32);
        std::memcpy(metrics + 32, high, 32);
        int found = 0;
        for (int s = 1; s < 64; ++s)  // differences are in range wherever the metrics wrapped
            if (int8_t(metrics[s] - metrics[found]) < 0) found = s;
        *state = uint32_t(found);
    }

    static inline void make_rows(const int8_t (*soft)[3][conv_max_k + 64], int t, uint8_t* rows) {
        for (int output = 0; output < 8; ++output) {
            int sum = 0;
            for (int i = 0; i < 3; ++i) sum += output >> i & 1 ? soft[0][i][t] : 0;
            rows[output] = uint8_t(sum);
        }
    }
};

}  // namespace picocell::PICOCELL_NS
