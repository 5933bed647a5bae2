// Soft bits on their way into the decoder: repeats are summed, the decoder's scale is set, the interleaver undone.
#pragma once
#include "conv_viterbi.hpp"

namespace picocell::PICOCELL_NS {

// Table 5.1.4-2: the bit-reversed column with its lowest bit inverted.
constexpr int conv_column(int j) {
    return ((j & 1) << 4 | (j & 2) << 2 | (j & 4) | (j & 8) >> 2 | (j & 16) >> 4) ^ 1;
}

// order[p]: which bit of a stream the sub-block interleaver puts in place p, dummies left out (5.1.4.2.1).
inline void conv_order(int k, uint16_t* order) {
    const int rows = (k + 31) / 32;
    const int dummies = 32 * rows - k;
    for (int j = 0; j < 32; ++j)
        for (int i = conv_column(j) - dummies; i < k; i += 32)
            if (i >= 0) *order++ = uint16_t(i);
}

// The interleaver of one size, both ways, and as bytes where a register holds a stream.
struct ConvOrder {
    static constexpr int small = 64;
    int k = 0;
    uint16_t bit[conv_max_k];  // which bit stands in a place
    alignas(64) uint8_t bit8[small], place8[small];

    void set(int size) {
        k = size;
        conv_order(k, bit);
        if (k > small) return;
        for (int p = 0; p < small; ++p) bit8[p] = place8[p] = uint8_t(p);
        for (int p = 0; p < k; ++p) {
            bit8[p] = uint8_t(bit[p]);
            place8[bit[p]] = uint8_t(p);
        }
    }
};

// Those met lately, one set a thread.
struct ConvOrders {
    ConvOrder held[4];
    int next = 0;

    const ConvOrder& of(int k) {
        for (const ConvOrder& order : held)
            if (order.k == k) return order;
        ConvOrder& order = held[next++ % 4];
        order.set(k);
        return order;
    }
};

inline ConvOrders& conv_orders() {
    static thread_local std::unique_ptr<ConvOrders> orders;
    if (!orders) orders.reset(new ConvOrders);
    return *orders;
}

// Soft bits are taken a register at a time; rows of them end in zeros up to a whole register.
constexpr int conv_lanes = PICOCELL_VECTOR_BYTES / 4;
typedef int32_t ConvI __attribute__((vector_size(PICOCELL_VECTOR_BYTES), may_alias));
typedef float ConvF __attribute__((vector_size(PICOCELL_VECTOR_BYTES)));
typedef int16_t ConvH __attribute__((vector_size(PICOCELL_VECTOR_BYTES / 2)));
typedef int8_t ConvB __attribute__((vector_size(PICOCELL_VECTOR_BYTES / 4)));

constexpr int conv_bytes = PICOCELL_VECTOR_BYTES;
typedef uint8_t ConvBytes __attribute__((vector_size(PICOCELL_VECTOR_BYTES)));

constexpr int conv_padded(int n) { return (n + conv_lanes - 1) / conv_lanes * conv_lanes; }
constexpr int conv_soft_room = 3 * conv_max_k + 64;

// The compiler widens and narrows in many more steps than the machine needs.
inline ConvI conv_load(const int16_t* p) {
    ConvH half;
    std::memcpy(&half, p, sizeof half);
#if PICOCELL_ISA_LEVEL == 2
    return ConvI(_mm512_maskz_cvtepi16_epi32(0xffff, __m256i(half)));
#elif PICOCELL_ISA_LEVEL == 1
    return ConvI(_mm256_cvtepi16_epi32(__m128i(half)));
#else
    return __builtin_convertvector(half, ConvI);
#endif
}

inline void conv_store(ConvI x, int16_t* p) {
#if PICOCELL_ISA_LEVEL == 2
    const ConvH half = ConvH(_mm512_maskz_cvtepi32_epi16(0xffff, __m512i(x)));
#elif PICOCELL_ISA_LEVEL == 1
    const __m128i low = _mm256_castsi256_si128(__m256i(x)), high = _mm256_extracti128_si256(__m256i(x), 1);
    const ConvH half = ConvH(_mm_packs_epi32(low, high));
#else
    const ConvH half = __builtin_convertvector(x, ConvH);
#endif
    std::memcpy(p, &half, sizeof half);
}

inline void conv_store(ConvI x, int8_t* p) {
#if PICOCELL_ISA_LEVEL == 2
    const ConvB bytes = ConvB(_mm512_maskz_cvtepi32_epi8(0xffff, __m512i(x)));
#elif PICOCELL_ISA_LEVEL == 1
    const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(__m256i(x)), _mm256_extracti128_si256(__m256i(x), 1));
    const int64_t bytes = _mm_cvtsi128_si64(_mm_packs_epi16(half, half));
#else
    const ConvB bytes = __builtin_convertvector(x, ConvB);
#endif
    std::memcpy(p, &bytes, sizeof(ConvB));
}

inline ConvI conv_load(const int32_t* p) {
    ConvI x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

inline int32_t conv_sum(ConvI x) {
    int32_t lanes[conv_lanes], sum = 0;
    std::memcpy(lanes, &x, sizeof x);
    for (int32_t lane : lanes) sum += lane;
    return sum;
}

// At least n bytes, in steps of 64; both ends have the room.
inline void conv_copy(void* to, const void* from, int n) {
    char* const target = static_cast<char*>(to);
    for (int at = 0; at < n; at += 64) std::memcpy(target + at, static_cast<const char*>(from) + at, 64);
}

// Sums of repeats in the order of transmission, 3k of them and zeros to a whole register.
inline void conv_fold(const int16_t* llr, int e, int k, int32_t* sums) {
    const int period = 3 * k;
    int done = 0;
    for (int at = 0; at < period; at += conv_lanes) {
        ConvI sum = {};
        for (int p = at; p < e; p += period) {
            ConvI x;
            if (p + conv_lanes <= e) {
                x = conv_load(llr + p);
            } else {
                int16_t last[conv_lanes] = {};
                std::memcpy(last, llr + p, (e - p) * sizeof *last);
                x = conv_load(last);
            }
            sum += x;
        }
        std::memcpy(sums + at, &sum, sizeof sum);
        done = at + conv_lanes;
    }
    std::memset(sums + period, 0, (done - period) * sizeof *sums);
}

// Sums saturated to 16 bits, as rate recovery gives them.
inline void conv_saturate(const int32_t* sums, int n, int16_t* out) {
    for (int i = 0; i < n; i += conv_lanes) {
        ConvI x = conv_load(sums + i);
        x = x > 32767 ? ConvI{} + 32767 : x;
        x = x < -32767 ? ConvI{} - 32767 : x;
        conv_store(x, out + i);
    }
}

// Soft bits to the decoder's scale: the mean magnitude of those that are not 0 becomes half of its range, and more where
// fewer were sent, since words then get lost at less noise. There a finer or a coarser step loses more.
inline void conv_quantise(const int16_t* soft, int n, int8_t* out) {
    ConvI total = {}, unknown = {};
    for (int i = 0; i < n; i += conv_lanes) {
        const ConvI x = conv_load(soft + i);
        total += x < 0 ? -x : x;
        unknown += x == 0;  // -1 where it is
    }
    const int32_t sum = conv_sum(total), known = conv_padded(n) + conv_sum(unknown);
    const float share = 0.7f - 0.2f * float(known) / float(n);
    const float scale = sum ? share * float(conv_limit) * float(known) / float(sum) : 0.0f;
    for (int i = 0; i < n; i += conv_lanes) {
        // The sum with 1.5 * 2^23 is rounded, and has the integer in its lowest bits.
        const ConvF rounded = __builtin_convertvector(conv_load(soft + i), ConvF) * scale + 12582912.0f;
        ConvI x = reinterpret_cast<ConvI>(rounded) - 0x4b400000;
        x = x > conv_limit ? ConvI{} + conv_limit : x;
        x = x < -conv_limit ? ConvI{} - conv_limit : x;
        conv_store(x, out + i);
    }
}

// Soft bits of a stream from places to the order of the bits.
inline void conv_to_bits(const ConvOrder& order, const int8_t* places, int8_t* bits) {
#if PICOCELL_ISA_LEVEL == 2
    if (order.k <= ConvOrder::small) {
        const __m512i index = _mm512_load_si512(order.place8), source = _mm512_loadu_si512(places);
        _mm512_storeu_si512(bits, _mm512_maskz_permutexvar_epi8(~__mmask64{0}, index, source));
        return;
    }
#endif
    for (int p = 0; p < order.k; ++p) bits[order.bit[p]] = places[p];
}

inline int64_t conv_magnitude(const int16_t* llr, size_t n) {
    int64_t total = 0;
    for (size_t i = 0; i < n; ++i) total += std::abs(int32_t(llr[i]));
    return total;
}

}  // namespace picocell::PICOCELL_NS
