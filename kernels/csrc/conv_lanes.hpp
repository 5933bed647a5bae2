// Lanes of the Viterbi decoder with AVX2 (a word in 32 lanes) and AVX-512 (two words in 64).
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // the compiler's own headers, in version 12
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace picocell::PICOCELL_NS {

#if PICOCELL_ISA_LEVEL == 2
typedef __m512i ConvReg;
#else
typedef __m256i ConvReg;
#endif
constexpr int conv_reg = sizeof(ConvReg);

struct ConvTables {
    alignas(64) uint8_t cost[5][conv_reg];  // which entry of a row is the cost of input 0, for each phase and lane
    alignas(64) uint8_t rest[5][conv_reg];  // and of input 1
    alignas(64) uint8_t soft[3][conv_reg];  // which soft bit goes to a byte of the rows that are made together
    constexpr ConvTables() : cost{}, rest{}, soft{} {
        for (int phase = 0; phase < 5; ++phase)
            for (int lane = 0; lane < conv_reg; ++lane) {
                const int output = conv_output(conv_state_of(phase, lane % 32)), word = 8 * (lane / 32);
                cost[phase][lane] = uint8_t(output + word);
                rest[phase][lane] = uint8_t((output ^ 7) + word);
            }
        for (int i = 0; i < 3; ++i)
            for (int byte = 0; byte < conv_reg; ++byte) {
                const int step = conv_set_words == 2 ? byte / 16 + byte / 8 % 2 * 4 : byte / 8;
                soft[i][byte] = byte >> i & 1 ? uint8_t(step) : 0x80;
            }
    }
};
static constexpr ConvTables conv_tables{};

struct ConvLanes {
    static constexpr int row_steps = conv_set_words == 2 ? 8 : 4;
    ConvReg low, high;  // metrics of states 0..31 and 32..63

#if PICOCELL_ISA_LEVEL == 2
    static inline ConvReg load(const uint8_t* p) { return _mm512_load_si512(p); }

    inline ConvLanes() : low(_mm512_setzero_si512()), high(_mm512_setzero_si512()) {}

    // The lesser, modulo 256, of a and b; bits where it is b.
    static inline ConvReg lesser(ConvReg a, ConvReg b, uint32_t* decisions) {
        const __mmask64 second = _mm512_movepi8_mask(_mm512_sub_epi8(b, a));
        std::memcpy(decisions, &second, 8);
        return _mm512_mask_blend_epi8(second, a, b);
    }

    template <int Phase>
    inline void step(const uint8_t* row, ConvDecisions& d, int word) {
        const ConvReg costs = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row)));
        const ConvReg cost = _mm512_shuffle_epi8(costs, load(conv_tables.cost[Phase]));
        const ConvReg rest = _mm512_shuffle_epi8(costs, load(conv_tables.rest[Phase]));
        const ConvReg even = lesser(_mm512_add_epi8(low, cost), _mm512_add_epi8(high, rest), d.word[0] + word);
        const ConvReg odd = lesser(_mm512_add_epi8(low, rest), _mm512_add_epi8(high, cost), d.word[1] + word);
        if constexpr (Phase == 0) {
            low = _mm512_mask_shuffle_i64x2(even, 0xcc, odd, odd, 0xa0);
            high = _mm512_mask_shuffle_i64x2(odd, 0x33, even, even, 0xf5);
        } else {
            low = _mm512_unpacklo_epi8(even, odd);
            high = _mm512_unpackhi_epi8(even, odd);
        }
    }

    // The first of the best states of each word.
    inline void best(uint32_t* state) const {
        // Metrics less that of state 0, which is in range wherever they wrapped.
        const ConvReg zero = _mm512_shuffle_epi8(_mm512_shuffle_i64x2(low, low, 0xa0), _mm512_setzero_si512());
        const ConvReg a = _mm512_sub_epi8(low, zero), b = _mm512_sub_epi8(high, zero);
        ConvReg least = _mm512_min_epi8(a, b);
        least = _mm512_min_epi8(least, _mm512_shuffle_i64x2(least, least, 0xb1));
        least = _mm512_min_epi8(least, _mm512_shuffle_epi32(least, _MM_PERM_BADC));
        least = _mm512_min_epi8(least, _mm512_shuffle_epi32(least, _MM_PERM_CDAB));
        least = _mm512_min_epi8(least, _mm512_rol_epi32(least, 16));
        least = _mm512_min_epi8(least, _mm512_or_si512(_mm512_slli_epi16(least, 8), _mm512_srli_epi16(least, 8)));
        const uint64_t first = _mm512_cmpeq_epi8_mask(a, least), second = _mm512_cmpeq_epi8_mask(b, least);
        state[0] = uint32_t(__builtin_ctzll((first & 0xffffffff) | second << 32));
        state[1] = uint32_t(__builtin_ctzll(first >> 32 | (second & ~uint64_t{0xffffffff})));
    }

    static inline void make_rows(const int8_t (*soft)[3][conv_max_k + 64], int t, uint8_t* rows) {
        ConvReg of[2];
        for (int w = 0; w < 2; ++w) {
            ConvReg sum = _mm512_setzero_si512();
            for (int i = 0; i < 3; ++i) {
                int64_t eight;
                std::memcpy(&eight, soft[w][i] + t, 8);
                sum = _mm512_add_epi8(sum, _mm512_shuffle_epi8(_mm512_set1_epi64(eight), load(conv_tables.soft[i])));
            }
            of[w] = sum;
        }
        _mm512_storeu_si512(rows, _mm512_unpacklo_epi64(of[0], of[1]));
        _mm512_storeu_si512(rows + 64, _mm512_unpackhi_epi64(of[0], of[1]));
    }
#else
    static inline ConvReg load(const uint8_t* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }

    inline ConvLanes() : low(_mm256_setzero_si256()), high(_mm256_setzero_si256()) {}

    // The lesser, modulo 256, of a and b; bits where it is b.
    static inline ConvReg lesser(ConvReg a, ConvReg b, uint32_t* decisions) {
        const ConvReg difference = _mm256_sub_epi8(b, a);
        *decisions = uint32_t(_mm256_movemask_epi8(difference));
        return _mm256_blendv_epi8(a, b, difference);
    }

    template <int Phase>
    inline void step(const uint8_t* row, ConvDecisions& d, int word) {
        int64_t eight;
        std::memcpy(&eight, row, 8);
        const ConvReg costs = _mm256_set1_epi64x(eight);
        const ConvReg cost = _mm256_shuffle_epi8(costs, load(conv_tables.cost[Phase]));
        const ConvReg rest = _mm256_shuffle_epi8(costs, load(conv_tables.rest[Phase]));
        const ConvReg even = lesser(_mm256_add_epi8(low, cost), _mm256_add_epi8(high, rest), d.word[0] + word);
        const ConvReg odd = lesser(_mm256_add_epi8(low, rest), _mm256_add_epi8(high, cost), d.word[1] + word);
        if constexpr (Phase == 0) {
            low = _mm256_permute2x128_si256(even, odd, 0x20);
            high = _mm256_permute2x128_si256(even, odd, 0x31);
        } else {
            low = _mm256_unpacklo_epi8(even, odd);
            high = _mm256_unpackhi_epi8(even, odd);
        }
    }

    // The first of the best states.
    inline void best(uint32_t* state) const {
        // Metrics less that of state 0, which is in range wherever they wrapped.
        const ConvReg zero = _mm256_broadcastb_epi8(_mm256_castsi256_si128(low));
        const ConvReg a = _mm256_sub_epi8(low, zero), b = _mm256_sub_epi8(high, zero);
        ConvReg least = _mm256_min_epi8(a, b);
        least = _mm256_min_epi8(least, _mm256_permute2x128_si256(least, least, 1));
        least = _mm256_min_epi8(least, _mm256_shuffle_epi32(least, 0x4e));
        least = _mm256_min_epi8(least, _mm256_shuffle_epi32(least, 0xb1));
        least = _mm256_min_epi8(least, _mm256_or_si256(_mm256_slli_epi32(least, 16), _mm256_srli_epi32(least, 16)));
        least = _mm256_min_epi8(least, _mm256_or_si256(_mm256_slli_epi16(least, 8), _mm256_srli_epi16(least, 8)));
        const uint64_t first = uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, least)));
        const uint64_t second = uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, least)));
        *state = uint32_t(__builtin_ctzll(first | second << 32));
    }

    static inline void make_rows(const int8_t (*soft)[3][conv_max_k + 64], int t, uint8_t* rows) {
        ConvReg sum = _mm256_setzero_si256();
        for (int i = 0; i < 3; ++i) {
            int32_t four;
            std::memcpy(&four, soft[0][i] + t, 4);
            sum = _mm256_add_epi8(sum, _mm256_shuffle_epi8(_mm256_set1_epi32(four), load(conv_tables.soft[i])));
        }
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows), sum);
    }
#endif
};

}  // namespace picocell::PICOCELL_NS

#pragma GCC diagnostic pop
