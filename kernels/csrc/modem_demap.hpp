// Demapper. Each axis is Gray-coded PAM with levels +-1, +-3, ... times the unit a, so in units of a the max-log LLR
// of its first bit is piecewise linear: with v = |u| and h = floor(v / 2), at most 2^(M-1) - 1, it is
// 4 (h + 1) (v - h) with the sign of u, times a^2 / noise. The next bit is the same for u' = 2^(M-1) - v with half
// as many levels.
#pragma once
#include "modem_map.hpp"

namespace picocell::PICOCELL_NS {

constexpr float least_noise = 1e-20f;
constexpr float greatest = 1e15f;
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
    typedef int32_t UnalignedI __attribute__((vector_size(4 * W), aligned(2), may_alias));
    using Index = std::make_index_sequence<W>;

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

    // To the nearest integer; |x| is small.
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

    // LLR / 4 of the first of M > 1 bits without its sign, in units of a; v = |u|.
    template <int M>
    static inline V first_bit(V v) {
        if constexpr (M == 2) {
            return greater(v, 2.0f * v - 2.0f);
        } else {
            // The pieces meet at even v, so there either neighbour of h - 1/2 is right.
            constexpr float most = static_cast<float>((1 << M) - 1);
            const V h = rounded(lesser(v, V{} + most) * 0.5f - 0.5f), rest = v - h;
            return h * rest + rest;
        }
    }

    // LLRs of the M bits of each lane, rounded and clipped; factor is that of llr_factor.
    template <int M>
    static inline void axis(V u, V factor, I* out) {
        constexpr float limit = llr_limit;
        if constexpr (M == 1) {
            out[0] = integer(clipped(u * factor, V{} + limit));
        } else {
            const V v = abs(u), size = lesser(first_bit<M>(v) * factor, V{} + limit);
            out[0] = integer(reinterpret_cast<V>(reinterpret_cast<I>(size) | sign(u)));
            axis<M - 1>(static_cast<float>(1 << (M - 1)) - v, factor, out + 1);
        }
    }

    // The same from the received value; where that is no number or too large for one, nothing is known.
    template <int M>
    static inline void received(V y, V factor, I* out) {
        const I known = abs(y) < greatest;
        axis<M>(known ? y * (1.0f / axis_unit[M]) : V{}, known ? factor : V{}, out);
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

    // Lane i all ones where bit i of the word is set.
    template <size_t... K>
    static inline H mask(uint32_t word, std::index_sequence<K...>) {
        constexpr H bit = {static_cast<int16_t>(1u << (K % 16))...};
        if constexpr (2 * W > 16) {
            const I both = I{} + static_cast<int32_t>(word);
            const H words = __builtin_shufflevector(reinterpret_cast<H>(both), reinterpret_cast<H>(both), (int)(K / 16)...);
            return (words & bit) != 0;
        } else {
            return ((H{} + static_cast<int16_t>(word)) & bit) != 0;
        }
    }

    static inline H flip(H x, uint32_t word) {
#if PICOCELL_ISA_LEVEL == 2
        return reinterpret_cast<H>(_mm512_mask_sub_epi16(
            reinterpret_cast<__m512i>(x), word, _mm512_setzero_si512(), reinterpret_cast<__m512i>(x)));
#else
        const H m = mask(word, std::make_index_sequence<2 * W>{});
        return (x ^ m) - m;
#endif
    }

    // Which symbol of the W stands where in the two registers: with four planes they are taken in an order that zipping
    // puts right.
    template <int M>
    static constexpr int symbol_at(int at) {
        constexpr int half = W / 2;
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

    // The planes of M bits, symbol by symbol.
    template <int M>
    static inline void weave(const H* planes, I* out) {
        const auto plane = [&](int i) { return reinterpret_cast<I>(planes[i]); };
        if constexpr (M == 1) {
            out[0] = in_order(plane(0), Index{});
        } else if constexpr (M == 3) {
            out[0] = three<0>(planes, Index{});
            out[1] = three<1>(planes, Index{});
            out[2] = three<2>(planes, Index{});
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
    template <int M, size_t... K>
    static inline V arrange(V x, std::index_sequence<K...>) {
        return __builtin_shufflevector(x, x, (int)(2 * symbol_at<M>(K / 2) + K % 2)...);
    }

    // W symbols; words[t] has the scrambling bits of LLRs 2 W t and on.
    template <int M>
    static inline void block(const float* symbols, V low, V high, const uint32_t* words, bool scrambled, int16_t* out) {
        I a[M], b[M], woven[M];
        H planes[M];
        received<M>(arrange<M>(*reinterpret_cast<const Unaligned*>(symbols), Index{}), low, a);
        received<M>(arrange<M>(*reinterpret_cast<const Unaligned*>(symbols + W), Index{}), high, b);
        for (int i = 0; i < M; ++i) planes[i] = narrow(a[i], b[i]);
        weave<M>(planes, woven);
        for (int t = 0; t < M; ++t) {
            H x = reinterpret_cast<H>(woven[t]);
            if (scrambled) x = flip(x, words[t]);
            *reinterpret_cast<UnalignedI*>(out + 2 * W * t) = reinterpret_cast<I>(x);
        }
    }
};

template <int M>
struct Blocks {
    static constexpr int W = Demapper::W;
    static constexpr float gain = 4.0f * llr_scale * axis_unit[M] * axis_unit[M];
    using D = Demapper;
    using V = D::V;
    const uint64_t* scrambling;
    size_t n_bits;
    V same;
    bool per_symbol;

    // W symbols from `done` on.
    inline void run(const float* symbols, const float* noise, size_t done, int16_t* llr) const {
        V low = same, high = same;
        if (per_symbol) {
            const V value = *reinterpret_cast<const D::Unaligned*>(noise);
            V factor = gain * D::inverse(D::greater(value, V{} + least_noise));
            factor = value < std::numeric_limits<float>::infinity() ? factor : V{};
            low = D::spread<M, 0>(factor, D::Index{});
            high = D::spread<M, 1>(factor, D::Index{});
        }
        uint32_t words[M] = {};
        for (int t = 0; scrambling && t < M; ++t) {
            const size_t first = 2 * (M * done + t * size_t{W});  // a multiple of 2 W: one word has them all
            if (first < n_bits) words[t] = static_cast<uint32_t>(scrambling[first / 64] >> (first % 64));
        }
        D::block<M>(symbols, low, high, words, scrambling != nullptr, llr);
    }
};

template <int M>
void demap_symbols(const float* symbols, const float* noise, bool per_symbol, size_t n, const uint64_t* scrambling,
                   int16_t* llr) {
    using B = Blocks<M>;
    constexpr size_t W = B::W;
    const Demapper::V same = Demapper::V{} + llr_factor(noise[0], B::gain);
    const B blocks{scrambling, 2 * M * n, same, per_symbol};
    size_t done = 0;
    for (; done + W <= n; done += W) {
        blocks.run(symbols + 2 * done, per_symbol ? noise + done : noise, done, llr + 2 * M * done);
    }
    if (done == n) return;
    float last[2 * W] = {}, last_noise[W] = {};
    int16_t last_llr[2 * M * W];
    std::memcpy(last, symbols + 2 * done, 2 * sizeof(float) * (n - done));
    if (per_symbol) std::memcpy(last_noise, noise + done, sizeof(float) * (n - done));
    blocks.run(last, last_noise, done, last_llr);
    std::memcpy(llr + 2 * M * done, last_llr, 2 * M * sizeof(int16_t) * (n - done));
}

// One bit on the diagonal: the LLR is that of QPSK's axis for the sum of both parts.
inline void demap_bpsk(const float* symbols, const float* noise, bool per_symbol, size_t n, const uint64_t* scrambling,
                       int16_t* llr) {
    constexpr float gain = 4.0f * llr_scale * axis_unit[1], limit = llr_limit;
    for (size_t i = 0; i < n; ++i) {
        const float sum = symbols[2 * i] + symbols[2 * i + 1];
        float x = sum * llr_factor(noise[per_symbol ? i : 0], gain);
        x = !(std::fabs(sum) < greatest) ? 0.0f : x < -limit ? -limit : x > limit ? limit : x;
        const bool flip = scrambling && (scrambling[i / 64] >> (i % 64)) & 1u;
        const int16_t value = static_cast<int16_t>(std::lrintf(x));
        llr[i] = flip ? static_cast<int16_t>(-value) : value;
    }
}

}  // namespace picocell::PICOCELL_NS
