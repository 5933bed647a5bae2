// Demapper: whole runs of symbols, with one noise power or one a symbol, with scrambling or without.
#pragma once
#include "modem_axis.hpp"

namespace picocell::PICOCELL_NS {

template <int M, bool PerSymbol, bool Scrambled>
struct Blocks {
    static constexpr int W = Demapper::W;
    static constexpr float gain = 4.0f * llr_scale * axis_unit[M] * axis_unit[M];
    using D = Demapper;
    using V = D::V;
    D::Scale same;

    // W symbols. That all are known is tried first; where one is not, it begins again, carefully.
    template <bool Careful = false>
    inline void run(const float* symbols, const float* noise, const uint8_t* scrambling, int16_t* llr) const {
        D::Scale low = same, high = same;
        if constexpr (PerSymbol) {
            const V value = *reinterpret_cast<const D::Unaligned*>(noise);
            const V positive = D::greater(value, V{} + least_noise);
            const V factor = value < std::numeric_limits<float>::infinity() ? gain * D::inverse(positive) : V{};
            low = D::scale<M>(1.0f, 0.5f, D::spread<M, 0>(factor, D::Index{}));
            high = D::scale<M>(1.0f, 0.5f, D::spread<M, 1>(factor, D::Index{}));
        }
        const V first = *reinterpret_cast<const D::Unaligned*>(symbols);
        const V second = *reinterpret_cast<const D::Unaligned*>(symbols + W);
        V x = D::arrange<M, 0>(first, second, D::Index{}) * low.value;
        V y = D::arrange<M, 1>(first, second, D::Index{}) * high.value;
        if constexpr (Careful) {
            D::forget_unknown(x, low);
            D::forget_unknown(y, high);
        } else if (__builtin_expect(!D::all_known(x, y), 0)) {
            return run_carefully(symbols, noise, scrambling, llr);
        }
        D::Word words[M] = {};
        if (Scrambled) std::memcpy(words, scrambling, sizeof words);
        D::block<M, PerSymbol>(x, y, low, high, words, Scrambled, llr);
    }
    [[gnu::noinline]] void run_carefully(const float* symbols, const float* noise, const uint8_t* scrambling,
                                        int16_t* llr) const {
        run<true>(symbols, noise, scrambling, llr);
    }
};

template <int M, bool PerSymbol, bool Scrambled>
void demap_blocks(const float* symbols, const float* noise, size_t n, const uint64_t* scrambling, int16_t* llr) {
    using B = Blocks<M, PerSymbol, Scrambled>;
    constexpr size_t W = B::W;
    const float factor = llr_factor(noise[0], B::gain), half = factor > 0.0f ? 0.5f / factor : 0.0f;
    const B blocks{Demapper::scale<M>(factor, half, Demapper::V{})};
    const uint8_t* bits = reinterpret_cast<const uint8_t*>(scrambling);
    size_t done = 0;
    for (; done + W <= n; done += W) {
        blocks.run(symbols + 2 * done, PerSymbol ? noise + done : noise,
                   Scrambled ? bits + M * done / 4 : nullptr, llr + 2 * M * done);
    }
    if (done == n) return;
    float last[2 * W] = {}, last_noise[W] = {};
    uint8_t last_bits[M * W / 4] = {};
    int16_t last_llr[2 * M * W];
    std::memcpy(last, symbols + 2 * done, 2 * sizeof(float) * (n - done));
    if (PerSymbol) std::memcpy(last_noise, noise + done, sizeof(float) * (n - done));
    if (Scrambled) std::memcpy(last_bits, bits + M * done / 4, (M * (n - done) + 3) / 4);
    blocks.run(last, PerSymbol ? last_noise : noise, last_bits, last_llr);
    std::memcpy(llr + 2 * M * done, last_llr, 2 * M * sizeof(int16_t) * (n - done));
}

template <int M>
void demap_symbols(const float* symbols, const float* noise, bool per_symbol, size_t n, const uint64_t* scrambling,
                   int16_t* llr) {
    if (per_symbol && scrambling) return demap_blocks<M, true, true>(symbols, noise, n, scrambling, llr);
    if (per_symbol) return demap_blocks<M, true, false>(symbols, noise, n, nullptr, llr);
    if (scrambling) return demap_blocks<M, false, true>(symbols, noise, n, scrambling, llr);
    demap_blocks<M, false, false>(symbols, noise, n, nullptr, llr);
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
