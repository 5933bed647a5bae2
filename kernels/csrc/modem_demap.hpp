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
    static inline V greater(V a, V b) { return -lesser(-a, -b); }

    // LLR / 4 of the first of M bits without its sign, in units of a; v = |u|.
    template <int M>
    static inline V first_bit(V v) {
        if constexpr (M == 1) {
            return v;
        } else {
            // The pieces meet at even v, so there either neighbour of h - 1/2 is right.
            constexpr float most = static_cast<float>((1 << M) - 1);
            const V capped = lesser(v, V{} + most);
            const V h = (capped * 0.5f - 0.5f + round_magic) - round_magic;
            return (h + 1.0f) * (v - h);
        }
    }

    // LLRs of the M bits of each lane, rounded and clipped; factor is that of llr_factor.
    template <int M>
    static inline void axis(V u, V factor, I* out) {
        constexpr float limit = llr_limit;
        const V v = abs(u), exact = first_bit<M>(v) * factor;
        const V clipped = lesser(exact, V{} + limit);
        const V rounded = reinterpret_cast<V>(reinterpret_cast<I>(clipped) | sign(u)) + round_magic;
        out[0] = reinterpret_cast<I>(rounded) - magic_bits;
        if constexpr (M > 1) axis<M - 1>(static_cast<float>(1 << (M - 1)) - v, factor, out + 1);
    }

    // The same from the received value; where that is no number or too large for one, nothing is known.
    template <int M>
    static inline void received(V y, V factor, I* out) {
        const I known = abs(y) < greatest;
        axis<M>(known ? y * (1.0f / axis_unit[M]) : V{}, known ? factor : V{}, out);
    }

    template <size_t... K>
    static inline H narrow(I a, I b, std::index_sequence<K...>) {
        return __builtin_shufflevector(reinterpret_cast<H>(a), reinterpret_cast<H>(b), (int)(2 * K)...);
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

    // Element k of an M-way interleave of `planes` (32-bit units), T the vector that is being made.
    template <int M, int T, int From, size_t... K>
    static inline I pick(I made, I plane, std::index_sequence<K...>) {
        return __builtin_shufflevector(
            made, plane, (int)((T * W + K) % M == From ? W + (T * W + K) / M : K)...);
    }
    template <int M, int T>
    static inline I interleave(const H* planes) {
        I made = pick<M, T, 0>(I{}, reinterpret_cast<I>(planes[0]), Index{});
        if constexpr (M > 1) made = pick<M, T, 1>(made, reinterpret_cast<I>(planes[1]), Index{});
        if constexpr (M > 2) made = pick<M, T, 2>(made, reinterpret_cast<I>(planes[2]), Index{});
        if constexpr (M > 3) made = pick<M, T, 3>(made, reinterpret_cast<I>(planes[3]), Index{});
        return made;
    }

    template <size_t... K>
    static inline V spread(V x, std::index_sequence<K...>) {
        return __builtin_shufflevector(x, x, (int)(K / 2)...);
    }
    template <size_t... K>
    static inline V spread_high(V x, std::index_sequence<K...>) {
        return __builtin_shufflevector(x, x, (int)(W / 2 + K / 2)...);
    }

    template <int M, int T = 0>
    static inline void store(const H* planes, const uint32_t* words, bool scrambled, int16_t* out) {
        if constexpr (T < M) {
            H x = reinterpret_cast<H>(interleave<M, T>(planes));
            if (scrambled) x = flip(x, words[T]);
            *reinterpret_cast<UnalignedI*>(out + 2 * W * T) = reinterpret_cast<I>(x);
            store<M, T + 1>(planes, words, scrambled, out);
        }
    }

    // W symbols; words[t] has the scrambling bits of LLRs 2 W t and on.
    template <int M>
    static inline void block(const float* symbols, V low, V high, const uint32_t* words, bool scrambled, int16_t* out) {
        I a[M], b[M];
        H planes[M];
        received<M>(*reinterpret_cast<const Unaligned*>(symbols), low, a);
        received<M>(*reinterpret_cast<const Unaligned*>(symbols + W), high, b);
        for (int i = 0; i < M; ++i) planes[i] = narrow(a[i], b[i], std::make_index_sequence<2 * W>{});
        store<M>(planes, words, scrambled, out);
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
            V factor = gain / D::greater(value, V{} + least_noise);
            factor = value == value ? factor : V{};
            low = D::spread(factor, D::Index{});
            high = D::spread_high(factor, D::Index{});
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
