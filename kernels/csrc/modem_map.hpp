// Mapper: bits are packed to words, scrambled, and looked up a byte (64QAM: six bits) at a time.
#pragma once
#include "modem.hpp"

namespace picocell::PICOCELL_NS {

// Amplitude of one axis for M bits, first bit lowest: (1-2b0)(2^(M-1) - (1-2b1)(2^(M-2) - ...)), TS 36.211 7.1.
constexpr float axis_level(unsigned bits, int m) {
    float level = 1.0f;
    for (int i = m - 1; i > 0; --i) level = static_cast<float>(1 << (m - i)) - ((bits >> i) & 1u ? -level : level);
    return bits & 1u ? -level : level;
}

// Spacing of the levels, half of it: 1/sqrt(2), 1/sqrt(10), 1/sqrt(42), 1/sqrt(170).
constexpr float axis_unit[5] = {0.0f, 0.707106781186547524f, 0.316227766016837933f, 0.154303349962091915f,
                                0.0766964988847370334f};

// All values of the bits of S symbols, and the symbols that they give.
template <int Q, int S>
struct SymbolTable {
    float entry[1 << (Q * S)][2 * S];
    SymbolTable() {
        for (unsigned v = 0; v < 1u << (Q * S); ++v) {
            for (int s = 0; s < S; ++s) {
                const unsigned bits = (v >> (Q * s)) & ((1u << Q) - 1);
                unsigned axis[2] = {0, 0};
                for (int b = 0; b < Q; ++b) axis[b % 2] |= ((bits >> b) & 1u) << (b / 2);
                if (Q == 1) axis[1] = axis[0];  // BPSK is on the diagonal
                constexpr int m = Q == 1 ? 1 : Q / 2;
                for (int i = 0; i < 2; ++i) entry[v][2 * s + i] = axis_unit[m] * axis_level(axis[i], m);
            }
        }
    }
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packing takes the first byte as the lowest");

// 64 bits, one a byte, to one word, first bit lowest.
inline uint64_t pack64(const uint8_t* bits) {
#if PICOCELL_ISA_LEVEL == 2
    return _mm512_test_epi8_mask(_mm512_loadu_si512(bits), _mm512_set1_epi8(1));
#elif PICOCELL_ISA_LEVEL == 1
    uint64_t word = 0;
    for (int i = 0; i < 2; ++i) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits + 32 * i));
        word |= uint64_t{uint32_t(_mm256_movemask_epi8(_mm256_slli_epi16(bytes, 7)))} << (32 * i);
    }
    return word;
#else
    uint64_t word = 0;
    for (int i = 0; i < 8; ++i) {
        uint64_t spread;
        std::memcpy(&spread, bits + 8 * i, 8);
        word |= ((spread & 0x0101010101010101u) * 0x0102040810204080u) >> 56 << (8 * i);
    }
    return word;
#endif
}

// A block: as few whole words as hold a whole number of symbols.
template <int Q>
constexpr int block_words = Q == 6 ? 3 : 1;

template <int Q, int S>
inline void map_block(const SymbolTable<Q, S>& table, const uint64_t* words, float* out) {
    constexpr int group = Q == 6 ? 3 : 1;  // bytes that hold whole table entries
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(words);
    for (int g = 0; g < 8 * block_words<Q> / group; ++g) {
        unsigned value = bytes[group * g];
        if (group == 3) value |= bytes[3 * g + 1] << 8 | bytes[3 * g + 2] << 16;
        for (int t = 0; t < 8 * group / (Q * S); ++t, out += 2 * S) {
            std::memcpy(out, table.entry[(value >> (Q * S * t)) & ((1u << (Q * S)) - 1)], sizeof(float) * 2 * S);
        }
    }
}

#if PICOCELL_ISA_LEVEL == 2
// Eight symbols a register. Lane l of it is axis l % 2 of symbol l / 2, and its bits are every other one from bit
// Q (l / 2) + l % 2 of the word on: each lane takes the eight bits from there, and the five lowest of them look up the
// level, whatever the other axis has in between. 256QAM has one more: its first bit, the sign, goes to the lane's top.
template <int Q>
struct MapLanes {
    alignas(64) uint8_t from[64];  // bit of the word at which a byte begins
    alignas(64) float level[32];
    constexpr MapLanes() : from{}, level{} {
        constexpr int m = Q == 1 ? 1 : Q / 2;
        for (int lane = 0; lane < 16; ++lane) {
            const int first = Q * (lane / 2) + (Q > 1 ? lane % 2 : 0);
            from[4 * lane] = uint8_t(Q == 8 ? first + 2 : first);
            from[4 * lane + 3] = uint8_t((first + 64 - 7) % 64);
        }
        for (unsigned v = 0; v < 32; ++v) {
            unsigned axis = 0;
            for (int b = 0; b < 3; ++b) axis |= (v >> (2 * b) & 1u) << b;
            if (m < 3) axis &= (1u << m) - 1;
            level[v] = axis_unit[m] * (Q == 8 ? axis_level(axis << 1, 4) : axis_level(axis, m));
        }
    }
};

template <int Q>
inline size_t map_wide(const uint8_t* bits, size_t n, const uint64_t* scrambling, float* symbols) {
    static constexpr MapLanes<Q> lanes;
    const __m512i from = _mm512_load_si512(lanes.from), sign = _mm512_set1_epi32(int32_t(0x80000000));
    const __m512 low = _mm512_load_ps(lanes.level), high = _mm512_load_ps(lanes.level + 16);
    const __m512i ones = _mm512_set1_epi8(1);
    const uint8_t* mask = reinterpret_cast<const uint8_t*>(scrambling);
    size_t done = 0;
    // A register of bits and a word of scrambling are read from the first of eight symbols on.
    for (; Q * done + 64 <= Q * n; done += 8) {
        uint64_t word = _mm512_test_epi8_mask(_mm512_loadu_si512(bits + Q * done), ones);
        if (mask) {
            uint64_t turned;
            std::memcpy(&turned, mask + Q * done / 8, 8);
            word ^= turned;
        }
        const __m512i words = _mm512_set1_epi64(int64_t(word));
        const __m512i fields = _mm512_maskz_multishift_epi64_epi8(~__mmask64{0}, from, words);
        __m512i x = _mm512_castps_si512(_mm512_permutex2var_ps(low, fields, high));
        if constexpr (Q == 8) x = _mm512_ternarylogic_epi32(x, fields, sign, 0x78);  // x ^ (fields & sign)
        _mm512_storeu_si512(symbols + 2 * done, x);
    }
    return done;
}
#elif PICOCELL_ISA_LEVEL == 1
// Four symbols a register. Bits are bytes already: the Q/2 of an axis are brought together, two sums of products make
// them a number, and its lowest three bits look the level up. 256QAM's first bit is bit 6 of the number, the sign.
template <int Q>
struct MapLanes {
    alignas(32) uint8_t from[32];    // byte of 16 that goes to each byte; the lane's two symbols begin at `skip`
    alignas(32) uint8_t weight[32];
    alignas(32) uint8_t of[32];      // byte and bit of the scrambling bits
    alignas(32) uint8_t bit[32];
    alignas(32) float level[8];
    constexpr MapLanes() : from{}, weight{}, of{}, bit{}, level{} {
        for (int i = 0; i < 32; ++i) {
            const int lane = i / 4, b = i % 4;
            const int at = lane / 2 * Q + lane % 2 + 2 * b;  // bit of the four symbols
            const bool used = b < Q / 2;
            from[i] = uint8_t(used ? at - i / 16 * 2 * Q : 0x80);
            weight[i] = uint8_t(!used ? 0 : Q == 6 ? 1 << b : b == 0 ? 64 : 1 << (b - 1));
            of[i] = uint8_t(used ? at / 8 : 0x80);
            bit[i] = uint8_t(1 << (at % 8));
        }
        for (unsigned v = 0; v < 8; ++v) {
            level[v] = Q == 6 ? axis_unit[3] * axis_level(v, 3) : axis_unit[4] * axis_level(v << 1, 4);
        }
    }
};

template <int Q>
inline size_t map_wide(const uint8_t* bits, size_t n, const uint64_t* scrambling, float* symbols) {
    static constexpr MapLanes<Q> lanes;
    const auto constant = [](const void* x) { return _mm256_load_si256(static_cast<const __m256i*>(x)); };
    const auto half = [](const uint8_t* x) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x)); };
    const __m256i from = constant(lanes.from), weight = constant(lanes.weight), of = constant(lanes.of);
    const __m256i bit = constant(lanes.bit), one = _mm256_set1_epi8(1), sign = _mm256_set1_epi32(int32_t(0x80000000));
    const __m256 level = _mm256_load_ps(lanes.level);
    const uint8_t* mask = reinterpret_cast<const uint8_t*>(scrambling);
    size_t done = 0;
    // What is read goes beyond the bits of four symbols, so the last are left to others.
    for (; Q * done + 64 <= Q * n; done += 4) {
        const uint8_t* at = bits + Q * done;
        __m256i x = _mm256_set_m128i(half(at + 2 * Q), half(at));
        x = _mm256_shuffle_epi8(x, from);
        if (mask) {
            int32_t word;
            std::memcpy(&word, mask + Q * done / 8, 4);
            const __m256i turned = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(word), of), bit);
            x = _mm256_xor_si256(x, _mm256_cmpeq_epi8(turned, bit));
        }
        x = _mm256_maddubs_epi16(_mm256_and_si256(x, one), weight);
        x = _mm256_madd_epi16(x, _mm256_set1_epi16(1));
        __m256 y = _mm256_permutevar8x32_ps(level, x);
        const __m256i turn = _mm256_and_si256(_mm256_slli_epi32(x, 25), sign);
        if constexpr (Q == 8) y = _mm256_xor_ps(y, _mm256_castsi256_ps(turn));
        _mm256_storeu_ps(symbols + 2 * done, y);
    }
    return done;
}
#else
template <int Q>
size_t map_wide(const uint8_t* bits, size_t n, const uint64_t* scrambling, float* symbols);
#endif

template <int Q>
void map_symbols(const uint8_t* bits, size_t n, const uint64_t* scrambling, float* symbols) {
    constexpr int S = Q == 6 ? 1 : 8 / Q;  // symbols of a table entry
    constexpr int n_words = block_words<Q>;
    constexpr size_t step = 64 * n_words / Q;
    static const SymbolTable<Q, S> table;
    size_t done = 0;
#if PICOCELL_ISA_LEVEL == 2
    constexpr bool wide = true;
#else
    constexpr bool wide = PICOCELL_ISA_LEVEL == 1 && Q >= 6;
#endif
    if constexpr (wide) {
        done = map_wide<Q>(bits, n, scrambling, symbols) / step * step;  // what is left begins with a word
        bits += Q * done;
    }
    for (; done < n; done += step, bits += 64 * n_words) {
        const size_t count = std::min(n - done, step), n_bits = count * Q;
        uint8_t padded[64 * n_words];
        float last[2 * step];
        const bool part = count < step;
        if (part) {
            std::memset(padded, 0, sizeof padded);
            std::memcpy(padded, bits, n_bits);
        }
        uint64_t words[n_words];
        for (int w = 0; w < n_words; ++w) {
            words[w] = pack64((part ? padded : bits) + 64 * w);
            if (scrambling && 64 * size_t(w) < n_bits) words[w] ^= scrambling[done * Q / 64 + w];
        }
        map_block<Q, S>(table, words, part ? last : symbols + 2 * done);
        if (part) std::memcpy(symbols + 2 * done, last, 2 * sizeof(float) * count);
    }
}

}  // namespace picocell::PICOCELL_NS
