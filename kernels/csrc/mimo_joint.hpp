// Joint detection of two layers, exact max-log. The distance of a pair of symbols (a, b) is, but for what is the same
// for all pairs, g_a |a|^2 - 2 Re(conj(a) m_a) + g_b |b|^2 - 2 Re(conj(b) t) with t = m_b - c a, where c = h_b^H h_a.
// For each a the best b follows on each axis by itself: the least of g_b l^2 - 2 |l t| over the levels l > 0. So all
// symbols of one layer are tried, and the other layer's bits come from the same with the layers changed over.
#pragma once
#include "mimo_mmse.hpp"
#include "modem_map.hpp"

namespace picocell::PICOCELL_NS {

constexpr int mimo_level(int place, int m) { return 2 * place - ((1 << m) - 1); }

// Bit `bit` of the level at `place`, counted from the lowest: that of which axis_level makes it.
constexpr bool mimo_bit(int place, int bit, int m) {
    for (unsigned bits = 0; bits < 1u << m; ++bits) {
        if (axis_level(bits, m) == static_cast<float>(mimo_level(place, m))) return bits >> bit & 1u;
    }
    return false;
}

// Least of k l^2 - 2 l |t| over the positive odd levels l of M bits.
template <int M>
inline MimoV mimo_best(MimoV t, const MimoV* k) {
    typedef int32_t I __attribute__((vector_size(4 * mimo_lanes)));
    const MimoV v = reinterpret_cast<MimoV>(reinterpret_cast<I>(t) & 0x7fffffff);
    MimoV best = k[0] - 2.0f * v;
    for (int j = 1; j < 1 << (M - 1); ++j) best = mimo_lesser(best, k[j] - static_cast<float>(4 * j + 2) * v);
    return best;
}

// LLRs of an axis from the least distance of each level, in the order of its bits.
template <int M, int Bit>
inline void mimo_axis_llr(const MimoV* distance, MimoV factor, int16_t* const* planes, size_t i) {
    if constexpr (Bit < M) {
        MimoV zero = MimoV{} + mimo_ceiling, one = zero;
        for (int place = 0; place < 1 << M; ++place) {
            MimoV& mine = mimo_bit(place, Bit, M) ? one : zero;
            mine = mimo_lesser(mine, distance[place]);
        }
        constexpr float limit = llr_limit;
        MimoV llr = (one - zero) * factor;
        llr = mimo_lesser(mimo_greater(llr, MimoV{} - limit), MimoV{} + limit);
        const MimoV rounded = llr + 12582912.0f;  // 1.5 * 2^23: the mantissa's low bits are the rounded number
        int32_t bits[mimo_lanes];
        std::memcpy(bits, &rounded, sizeof bits);
        int16_t* __restrict to = planes[2 * Bit] + i;
        for (int lane = 0; lane < mimo_lanes; ++lane) to[lane] = static_cast<int16_t>(bits[lane] - 0x4b400000);
        mimo_axis_llr<M, Bit + 1>(distance, factor, planes, i);
    }
}

// LLRs of layer a, of 2 MA bits a symbol, beside layer b, of 2 MB; bit k of element i to planes[k][i].
template <int MA, int MB>
inline void mimo_joint_layer(MimoComplex ma, MimoComplex mb, MimoV ga, MimoV gb, MimoComplex c, MimoV factor,
                             int16_t* const* planes, size_t i) {
    constexpr int n = 1 << MA;
    constexpr float ua = axis_unit[MA], ub = axis_unit[MB];
    MimoV k[1 << (MB - 1)], own_re[n], own_im[n], d_re[n], d_im[n];
    for (int j = 0; j < 1 << (MB - 1); ++j) k[j] = gb * (ub * ub * static_cast<float>((2 * j + 1) * (2 * j + 1)));
    for (int place = 0; place < n; ++place) {
        const float level = ua * static_cast<float>(mimo_level(place, MA));
        own_re[place] = level * level * ga - 2.0f * level * ma.re;
        own_im[place] = level * level * ga - 2.0f * level * ma.im;
        d_im[place] = MimoV{} + mimo_ceiling;
    }
    const MimoComplex t = mb * (MimoV{} + ub), turn = c * (MimoV{} + ua * ub);
    for (int p = 0; p < n; ++p) {
        const float level = static_cast<float>(mimo_level(p, MA));
        const MimoV base_re = t.re - level * turn.re, base_im = t.im - level * turn.im;
        MimoV row = MimoV{} + mimo_ceiling;
        for (int q = 0; q < n; ++q) {
            const float other = static_cast<float>(mimo_level(q, MA));
            const MimoV best = mimo_best<MB>(base_re + other * turn.im, k) + mimo_best<MB>(base_im - other * turn.re, k);
            row = mimo_lesser(row, best + own_im[q]);
            d_im[q] = mimo_lesser(d_im[q], best + own_re[p]);
        }
        d_re[p] = row + own_re[p];
    }
    for (int q = 0; q < n; ++q) d_im[q] += own_im[q];
    mimo_axis_llr<MA, 0>(d_re, factor, planes, i);
    mimo_axis_llr<MA, 0>(d_im, factor, planes + 1, i);
}

template <int M0, int M1>
void mimo_joint_pair(const MimoPrecoding& p, const MimoReceived& r, int16_t* const* llr, size_t stride) {
    constexpr int bits[2] = {2 * M0, 2 * M1};
    MimoChunks<2> chunks(p, r);
    alignas(64) int16_t store[12][mimo_chunk];
    int16_t* planes[12];
    for (int k = 0; k < 12; ++k) planes[k] = store[k];
    const MimoV factor = MimoV{} + static_cast<float>(llr_scale) / std::max(r.noise_var, mimo_tiny);
    for (size_t start = 0; start < p.n_re; start += mimo_chunk) {
        const size_t n = chunks.load(start);
        for (size_t i = 0; i < n; i += mimo_lanes) {
            const MimoGram<2>& g = chunks.gram;
            const MimoComplex m0 = mimo_load(g.m[0], i), m1 = mimo_load(g.m[1], i), c = mimo_load(g.c[0], i);
            const MimoV g0 = mimo_load(g.g[0] + i), g1 = mimo_load(g.g[1] + i);
            mimo_joint_layer<M0, M1>(m0, m1, g0, g1, mimo_conj(c), factor, planes, i);
            mimo_joint_layer<M1, M0>(m1, m0, g1, g0, c, factor, planes + bits[0], i);
        }
        for (int l = 0, first = 0; l < 2; first += bits[l++]) {
            int16_t* __restrict to = llr[l] + start * stride * bits[l];
            for (size_t i = 0; i < n; ++i, to += stride * bits[l]) {
                for (int k = 0; k < bits[l]; ++k) to[k] = store[first + k][i];
            }
        }
    }
}

template <int M0>
void mimo_joint_first(const MimoPrecoding& p, const MimoReceived& r, int q1, int16_t* const* llr, size_t stride) {
    switch (q1) {
        case 2: return mimo_joint_pair<M0, 1>(p, r, llr, stride);
        case 4: return mimo_joint_pair<M0, 2>(p, r, llr, stride);
        default: return mimo_joint_pair<M0, 3>(p, r, llr, stride);
    }
}

void mimo_joint(const MimoPrecoding& p, const MimoReceived& r, const int* q_m, int16_t* const* llr, size_t stride) {
    switch (q_m[0]) {
        case 2: return mimo_joint_first<1>(p, r, q_m[1], llr, stride);
        case 4: return mimo_joint_first<2>(p, r, q_m[1], llr, stride);
        default: return mimo_joint_first<3>(p, r, q_m[1], llr, stride);
    }
}

}  // namespace picocell::PICOCELL_NS
