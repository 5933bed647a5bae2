// Successive cancellation of one path: lanes are bits.
#pragma once

namespace picocell::PICOCELL_NS {

// LLRs and bits (0 or -1) of one path. Registers may run over the end of a node: what stands there comes later.
struct PolarSingle {
    alignas(64) int8_t alpha[polar_level_at<1>(polar_max_levels) + 64];
    alignas(64) int8_t beta[polar_max_n + 64];
    int at[polar_max_levels];

    PolarSingle() {
        for (int l = 0; l < polar_max_levels; ++l) at[l] = polar_level_at<1>(l);
    }
    int8_t* llr(int level) { return alpha + at[level]; }
};

inline void polar_single_left(PolarSingle& s, int level) {
    const int half = 1 << level;
    const int8_t* in = s.llr(level + 1);
    int8_t* out = s.llr(level);
    for (int i = 0; i < half; i += polar_width)
        Lanes8::store_aligned(out + i, polar_f(Lanes8::load(in + i), Lanes8::load(in + half + i)));
}

inline void polar_single_right(PolarSingle& s, int level, int first, bool zero) {
    const int half = 1 << level;
    const int8_t *in = s.llr(level + 1), *bits = s.beta + first - half;
    int8_t* out = s.llr(level);
    for (int i = 0; i < half; i += polar_width) {
        const PolarV a = Lanes8::load(in + i), b = Lanes8::load(in + half + i);
        const PolarV sum = zero ? Lanes8::adds(a, b) : polar_g(a, b, Lanes8::load(bits + i));
        Lanes8::store_aligned(out + i, sum);
    }
}

// Bits of a node from those of its children; W bytes a bit.
template <int W>
inline void polar_combine_bits(int8_t* beta, int level, int first, bool zero) {
    const int half = W << level >> 1;
    int8_t *left = beta + first * W, *right = left + half;
    for (int i = 0; i < half; i += polar_width) {
        const PolarV r = Lanes8::load(right + i);
        Lanes8::store(left + i, zero ? r : r ^ Lanes8::load(left + i));
        if (half < polar_width) Lanes8::store(right + i, r);  // the line before wrote over it
    }
}

inline void polar_fill(int8_t* out, int n, PolarV x) {
    for (int i = 0; i < n; i += polar_width) Lanes8::store(out + i, x);
}

// Sum of n LLRs.
inline int polar_sum(const int8_t* in, int n) {
    typedef int16_t Sum __attribute__((vector_size(polar_width), may_alias));
    Sum sum{};
    for (int i = 0; i < n; i += polar_width) {
        PolarV x = Lanes8::load(in + i);
        if (n < polar_width) x &= polar_below(n);
        sum += ((Sum)((PolarWide)x << 8) >> 8) + ((Sum)x >> 8);
    }
    const auto part = polar_fold<16>(sum, [](auto a, auto b) { return a + b; });
    int total = 0;
    for (int i = 0; i < 8; ++i) total += part[i];
    return total;
}

// Decides each bit by itself; where the sum of all has to be 0 and is not, turns the least certain one.
inline void polar_single_decide(const int8_t* in, int n, bool even, int8_t* bits) {
    PolarV sum{};
    for (int i = 0; i < n; i += polar_width) {
        const PolarV hard = Lanes8::load(in + i) < 0;
        Lanes8::store(bits + i, hard);
        sum ^= n < polar_width ? hard & polar_below(n) : hard;
    }
    if (!even) return;
    uint64_t word;
    const auto part = polar_fold<8>(sum, [](auto a, auto b) { return a ^ b; });
    std::memcpy(&word, &part, 8);
    if (!__builtin_parityll(word & 0x0101010101010101)) return;
    int least = 256, at = 0;
    for (int i = 0; i < n; ++i) {
        const int magnitude = std::abs(int(in[i])), better = magnitude < least;
        least = better ? magnitude : least;
        at = better ? i : at;
    }
    bits[at] = ~bits[at];
}

inline void polar_single_step(PolarSingle& s, const PolarAction& a) {
    const int n = 1 << a.level;
    int8_t* bits = s.beta + a.at;
    switch (a.step) {
        case polar_left: return polar_single_left(s, a.level);
        case polar_right: return polar_single_right(s, a.level, a.at, false);
        case polar_right_zero: return polar_single_right(s, a.level, a.at, true);
        case polar_combine: return polar_combine_bits<1>(s.beta, a.level, a.at, false);
        case polar_combine_zero: return polar_combine_bits<1>(s.beta, a.level, a.at, true);
        case polar_node_zero: return polar_fill(bits, n, PolarV{});
        case polar_node_repeat: return polar_fill(bits, n, Lanes8::fill(polar_sum(s.llr(a.level), n) < 0 ? -1 : 0));
        case polar_node_even: return polar_single_decide(s.llr(a.level), n, true, bits);
        case polar_node_free: return polar_single_decide(s.llr(a.level), n, false, bits);
        case polar_left_cost:
        case polar_node_parity: return;  // steps of lists
    }
}

}  // namespace picocell::PICOCELL_NS
