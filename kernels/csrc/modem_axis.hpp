// Demapper. Each axis is Gray-coded PAM with levels +-1, +-3, ... times the unit a, so in units of a the max-log LLR
// of its first bit is piecewise linear: with v = |u| and h = floor(v / 2), at most 2^(M-1) - 1, it is
// 4 (h + 1) (v - h) with the sign of u, times a^2 / noise. The next bit is the same for u' = 2^(M-1) - v with half
// as many levels. Everything is scaled by that factor to begin with, so that no bit has to be.
#pragma once
#include "modem_map.hpp"

namespace picocell::PICOCELL_NS {

constexpr float least_noise = 1e-20f;
constexpr float greatest = 1e30f;  // of a scaled value: its multiples are numbers still
constexpr float round_magic = 12582912.0f;  // 1.5 * 2^23: its sum with a small number is rounded to an integer,
constexpr int32_t magic_bits = 0x4b400000;    // which is then the difference of the bit patterns

// Factor of the LLR in units of a, 0 where the noise is unknown or infinite: such a symbol says nothing.
inline float llr_factor(float noise, float gain) {
    const float clamped = noise > least_noise ? noise : least_noise;
    return noise != noise ? 0.0f : gain / clamped;
}

struct Demapper {
    static constexpr int W = PICOCELL_VECTOR_BYTES / 4;
    typedef float V __attribute__((vector_size(4 * W)));
    typedef float Unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));
    typedef int32_t I __attribute__((vector_size(4 * W)));
    typedef int16_t H __attribute__((vector_size(4 * W), may_alias));
    typedef uint16_t U __attribute__((vector_size(4 * W), may_alias));
    typedef int32_t UnalignedI __attribute__((vector_size(4 * W), aligned(2), may_alias));
    using Index = std::make_index_sequence<W>;
    using Word = std::conditional_t<W == 16, uint32_t, std::conditional_t<W == 8, uint16_t, uint8_t>>;  // 2 W bits

    static inline V abs(V u) { return reinterpret_cast<V>(reinterpret_cast<I>(u) & 0x7fffffff); }
    static inline I sign(V u) { return reinterpret_cast<I>(u) & int32_t(0x80000000); }

    // a < b ? a : b and a > b ? a : b; the compiler makes two instructions of these where x86 has one.
    static inline V lesser(V a, V b) {
#if PICOCELL_ISA_LEVEL == 2
        return _mm512_maskz_min_ps(0xffff, a, b);
#elif PICOCELL_ISA_LEVEL == 1
        return _mm256_min_ps(a, b);
#elif defined(__SSE2__)
        return _mm_min_ps(a, b);
#else
        return a < b ? a : b;
#endif
    }
    static inline V greater(V a, V b) {
#if PICOCELL_ISA_LEVEL == 2
        return _mm512_maskz_max_ps(0xffff, a, b);
#elif PICOCELL_ISA_LEVEL == 1
        return _mm256_max_ps(a, b);
#elif defined(__SSE2__)
        return _mm_max_ps(a, b);
#else
        return a > b ? a : b;
#endif
    }

    // 1 / x of positive finite x.
    static inline V inverse(V x) {
#if PICOCELL_ISA_LEVEL == 2
        const V first = _mm512_maskz_rcp14_ps(0xffff, x);  // and one step of Newton: exact to a bit or two
        return first * (2.0f - x * first);
#else
        return 1.0f / x;
#endif
    }

    // x between -limit and limit.
    static inline V clipped(V x, V limit) {
#if PICOCELL_ISA_LEVEL == 2
        return _mm512_maskz_range_ps(0xffff, x, limit, 0x02);  // the lesser magnitude with the sign of x
#else
        return greater(lesser(x, limit), -limit);
#endif
    }

    // To the nearest integer where x is small; what is not stays so.
    static inline V rounded(V x) {
#if PICOCELL_ISA_LEVEL == 2
        return _mm512_maskz_roundscale_ps(0xffff, x, 0x08);
#elif PICOCELL_ISA_LEVEL == 1
        return _mm256_round_ps(x, 0x08);
#else
        return (x + round_magic) - round_magic;
#endif
    }
    static inline I integer(V x) {
#if PICOCELL_ISA_LEVEL == 2
        return reinterpret_cast<I>(_mm512_maskz_cvtps_epi32(0xffff, x));
#elif PICOCELL_ISA_LEVEL == 1
        return reinterpret_cast<I>(_mm256_cvtps_epi32(x));
#elif defined(__SSE2__)
        return reinterpret_cast<I>(_mm_cvtps_epi32(x));
#else
        return reinterpret_cast<I>(x + round_magic) - magic_bits;
#endif
    }

    // The same with the sign of y, for an x that is 0 where y is.
    static inline I signed_integer(V x, V y) {
#if PICOCELL_ISA_LEVEL == 1
        return reinterpret_cast<I>(_mm256_sign_epi32((__m256i)integer(x), (__m256i)y));
#else
        return integer(reinterpret_cast<V>(reinterpret_cast<I>(x) | sign(y)));
#endif
    }

    // What a register of received values is multiplied by to give u, unit[k] = 2^k, half a unit's inverse, and the
    // factor of the LLRs. Where the factor is the same for all, it is in all others and `factor` is not used.
    struct Scale {
        V value, unit[4], half, factor;
    };
    template <int M>
    static inline Scale scale(float unit, float half, V factor) {
        const V all = V{} + unit;
        return {all * (1.0f / axis_unit[M]), {all, 2.0f * all, 4.0f * all, 8.0f * all}, V{} + half, factor};
    }

    // LLR of the first of M > 1 bits without its sign; v = |u|, scaled.
    template <int M>
    static inline V first_bit(V v, const Scale& scale) {
        if constexpr (M == 2) {
            return greater(v, 2.0f * v - scale.unit[1]);
        } else {
            // The pieces meet at even v, so there either neighbour of h - 1/2 is right. A factor of 0 may have an
            // inverse that is no number: the lesser is then `most`, and all else 0.
            constexpr float most = static_cast<float>((1 << (M - 1)) - 1);
            const V h = lesser(rounded(v * scale.half - 0.5f), V{} + most), rest = v - h * scale.unit[0];
            return h * rest + rest;
        }
    }

    // LLRs of the M bits of each lane, rounded and clipped, for two registers at a time: in one alone each operation
    // waits for the one before.
    template <int M, bool Multiply>
    static inline void axis(V a, V b, const Scale& of_a, const Scale& of_b, I* to_a, I* to_b) {
        constexpr float limit = llr_limit;
        if constexpr (M == 1) {
            to_a[0] = integer(clipped(Multiply ? a * of_a.factor : a, V{} + limit));
            to_b[0] = integer(clipped(Multiply ? b * of_b.factor : b, V{} + limit));
        } else {
            const V v = abs(a), w = abs(b);
            const V first = Multiply ? first_bit<M>(v, of_a) * of_a.factor : first_bit<M>(v, of_a);
            const V second = Multiply ? first_bit<M>(w, of_b) * of_b.factor : first_bit<M>(w, of_b);
            to_a[0] = signed_integer(lesser(first, V{} + limit), a);
            to_b[0] = signed_integer(lesser(second, V{} + limit), b);
            axis<M - 1, Multiply>(of_a.unit[M - 1] - v, of_b.unit[M - 1] - w, of_a, of_b, to_a + 1, to_b + 1);
        }
    }

    // Whether all values are numbers, and none too large.
    static inline bool all_known(V a, V b) {
        const V sum = abs(a) + abs(b);  // no number if one is none
#if PICOCELL_ISA_LEVEL == 2
        return _mm512_cmp_ps_mask(sum, V{} + greatest, _CMP_LT_OQ) == 0xffff;
#else
        const I known = sum < greatest;
#if PICOCELL_ISA_LEVEL == 1
        return _mm256_movemask_ps(reinterpret_cast<V>(known)) == 0xff;
#elif defined(__SSE2__)
        return _mm_movemask_ps(reinterpret_cast<V>(known)) == 0xf;
#else
        int32_t all = -1;
        for (int i = 0; i < W; ++i) all &= known[i];
        return all == -1;
#endif
#endif
    }

    // Nothing is known of the others: their LLRs become 0.
    static inline void forget_unknown(V& value, Scale& scale) {
        const I known = abs(value) < greatest;
        value = known ? value : V{};
        for (V& unit : scale.unit) unit = known ? unit : V{};
        scale.factor = known ? scale.factor : V{};
    }
    // Two registers of 32-bit numbers in one of 16 bits, lane by lane of 128 bits as x86 packs: pairs of numbers
    // (32 bits) stand in the order of `place`.
    static inline H narrow(I a, I b) {
#if PICOCELL_ISA_LEVEL == 2
        return reinterpret_cast<H>(_mm512_maskz_packs_epi32(0xffffffff, (__m512i)a, (__m512i)b));
#elif PICOCELL_ISA_LEVEL == 1
        return reinterpret_cast<H>(_mm256_packs_epi32((__m256i)a, (__m256i)b));
#elif defined(__SSE2__)
        return reinterpret_cast<H>(_mm_packs_epi32((__m128i)a, (__m128i)b));
#else
        return __builtin_shufflevector(reinterpret_cast<H>(a), reinterpret_cast<H>(b), 0, 2, 4, 6, 8, 10, 12, 14);
#endif
    }
    static constexpr int place(int symbol) {
        constexpr int half = W / 2;  // symbols of a register
        return 4 * (symbol % half / 2) + 2 * (symbol / half) + symbol % 2;
    }

    // Bit i of the word at the top of lane i, whatever below.
    template <size_t... K>
    static inline H mask(Word word, std::index_sequence<K...>) {
        constexpr U shift = {static_cast<uint16_t>(0x8000u >> (K % 16))...};
        if constexpr (2 * W > 16) {
            const I both = I{} + static_cast<int32_t>(word);
            const U all = reinterpret_cast<U>(both);
            return reinterpret_cast<H>(__builtin_shufflevector(all, all, (int)(K / 16)...) * shift);
        } else {
            return reinterpret_cast<H>((U{} + static_cast<uint16_t>(word)) * shift);
        }
    }

    static inline H flip(H x, Word word) {
#if PICOCELL_ISA_LEVEL == 2
        return reinterpret_cast<H>(_mm512_mask_sub_epi16(
            reinterpret_cast<__m512i>(x), word, _mm512_setzero_si512(), reinterpret_cast<__m512i>(x)));
#elif PICOCELL_ISA_LEVEL == 1
        // Each lane's bit moves to the top, where it is the sign of a factor.
        const H top = mask(word, std::make_index_sequence<2 * W>{});
        return reinterpret_cast<H>(_mm256_sign_epi16((__m256i)x, (__m256i)(top | 1)));
#else
        const H m = mask(word, std::make_index_sequence<2 * W>{}) < 0;
        return (x ^ m) - m;
#endif
    }

    // Which symbol of the W stands where in the two registers: with four planes they are taken in an order that zipping
    // puts right.
    template <int M>
    static constexpr int symbol_at(int at) {
        constexpr int half = W / 2;
        if (M == 3 && W == 8) return at < half ? at / 2 * half + at % 2 : at % half / 2 * half + 2 + at % 2;
        if (M != 4) return at;
        return at / half * half + at % 2 * (half / 2) + at % half / 2;
    }

    // Units of N 32-bit numbers from the lower or the upper half of each 128 bits of a and b in turn.
    template <int N, bool High, size_t... K>
    static inline I zip(I a, I b, std::index_sequence<K...>) {
        return __builtin_shufflevector(
            a, b, (int)(K / 4 * 4 + (High ? 2 : 0) + K % 4 / (2 * N) * N + K % N + (K % (2 * N) / N) * W)...);
    }

    // Element k of a three-way interleave of the planes (32-bit units), T the vector that is being made.
    template <int T, size_t... K>
    static inline I three(const H* planes, std::index_sequence<K...>) {
        const I two = __builtin_shufflevector(
            reinterpret_cast<I>(planes[0]), reinterpret_cast<I>(planes[1]),
            (int)((T * W + K) % 3 == 2 ? 0 : (T * W + K) % 3 * W + place((T * W + K) / 3))...);
        return __builtin_shufflevector(two, reinterpret_cast<I>(planes[2]),
                                       (int)((T * W + K) % 3 == 2 ? W + place((T * W + K) / 3) : K)...);
    }
    template <size_t... K>
    static inline I in_order(I x, std::index_sequence<K...>) {
        return __builtin_shufflevector(x, x, place(K)...);
    }

#if PICOCELL_ISA_LEVEL == 1
    // The same where two lanes of 128 bits have their units in order already.
    static inline void three_in_lanes(I a, I b, I c, I* out) {
        const I x = shuffle<0x88>(a, b);       // a0 a2 b0 b2
        const I y = shuffle<0xdd>(b, c);       // b1 b3 c1 c3
        const I z = shuffle<0xd8>(c, a);       // c0 c2 a1 a3
        const I first = shuffle<0x88>(x, z);   // a0 b0 c0 a1
        const I second = shuffle<0xd8>(y, x);  // b1 c1 a2 b2
        const I third = shuffle<0xdd>(z, y);   // c2 a3 b3 c3
        out[0] = __builtin_shufflevector(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
        out[1] = __builtin_shufflevector(third, first, 0, 1, 2, 3, 12, 13, 14, 15);
        out[2] = __builtin_shufflevector(second, third, 4, 5, 6, 7, 12, 13, 14, 15);
    }
    // The compiler would make three instructions of this one.
    template <int Which>
    static inline I shuffle(I a, I b) {
        return reinterpret_cast<I>(_mm256_shuffle_ps(reinterpret_cast<V>(a), reinterpret_cast<V>(b), Which));
    }
#endif

    // The planes of M bits, symbol by symbol.
    template <int M>
    static inline void weave(const H* planes, I* out) {
        const auto plane = [&](int i) { return reinterpret_cast<I>(planes[i]); };
        if constexpr (M == 1) {
            out[0] = in_order(plane(0), Index{});
        } else if constexpr (M == 3) {
#if PICOCELL_ISA_LEVEL == 1
            three_in_lanes(plane(0), plane(1), plane(2), out);
#else
            out[0] = three<0>(planes, Index{});
            out[1] = three<1>(planes, Index{});
            out[2] = three<2>(planes, Index{});
#endif
        } else {
            const I low = zip<1, false>(plane(0), plane(1), Index{}), high = zip<1, true>(plane(0), plane(1), Index{});
            if constexpr (M == 2) {
                out[0] = low, out[1] = high;
            } else {
                const I low2 = zip<1, false>(plane(2), plane(3), Index{});
                const I high2 = zip<1, true>(plane(2), plane(3), Index{});
                out[0] = zip<2, false>(low, low2, Index{});
                out[1] = zip<2, true>(low, low2, Index{});
                out[2] = zip<2, false>(high, high2, Index{});
                out[3] = zip<2, true>(high, high2, Index{});
            }
        }
    }

    // The values of the symbols in one of the two registers, each twice.
    template <int M, int Half, size_t... K>
    static inline V spread(V x, std::index_sequence<K...>) {
        return __builtin_shufflevector(x, x, symbol_at<M>(W / 2 * Half + K / 2)...);
    }
    // One of the two registers of symbols.
    template <int M, int Half, size_t... K>
    static inline V arrange(V a, V b, std::index_sequence<K...>) {
        return __builtin_shufflevector(a, b, (int)(2 * symbol_at<M>(W / 2 * Half + K / 2) + K % 2)...);
    }

    // LLRs of W symbols from their scaled values; words[t] has the scrambling bits of LLRs 2 W t and on.
    template <int M, bool Multiply>
    static inline void block(V x, V y, const Scale& low, const Scale& high, const Word* words, bool scrambled,
                             int16_t* out) {
        I a[M], b[M], woven[M];
        H planes[M];
        axis<M, Multiply>(x, y, low, high, a, b);
        for (int i = 0; i < M; ++i) planes[i] = narrow(a[i], b[i]);
        weave<M>(planes, woven);
        for (int t = 0; t < M; ++t) {
            H turned = reinterpret_cast<H>(woven[t]);
            if (scrambled) turned = flip(turned, words[t]);
            *reinterpret_cast<UnalignedI*>(out + 2 * W * t) = reinterpret_cast<I>(turned);
        }
    }
};

}  // namespace picocell::PICOCELL_NS
