// Linear MMSE detection, each layer scaled to have no bias. With A = G + s I (every layer is sent with power one) layer
// l comes out as (A^-1 m)_l / (1 - s a_l) with noise s a_l / (1 - s a_l), a_l the diagonal of A^-1.
#pragma once
#include "mimo_gram.hpp"

namespace picocell::PICOCELL_NS {

constexpr float mimo_tiny = 1e-30f;     // keeps a dead resource element finite
constexpr float mimo_floor = 1e-9f;     // least noise power reported, for symbols of power one
constexpr float mimo_ceiling = 1e30f;
constexpr float mimo_round = 2e-7f;     // of the Gram matrix: below it a pivot is what rounding has left

constexpr int mimo_lanes = PICOCELL_VECTOR_BYTES / 4;
typedef float MimoV __attribute__((vector_size(4 * mimo_lanes), may_alias));

inline MimoV mimo_load(const float* p) { return *reinterpret_cast<const MimoV*>(p); }
inline MimoV mimo_lesser(MimoV a, MimoV b) {
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
inline MimoV mimo_greater(MimoV a, MimoV b) { return -mimo_lesser(-a, -b); }

struct MimoComplex {
    MimoV re, im;
};
inline MimoComplex operator*(MimoComplex a, MimoComplex b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
inline MimoComplex operator*(MimoComplex a, MimoV b) { return {a.re * b, a.im * b}; }
inline MimoComplex operator+(MimoComplex a, MimoComplex b) { return {a.re + b.re, a.im + b.im}; }
inline MimoComplex operator-(MimoComplex a, MimoComplex b) { return {a.re - b.re, a.im - b.im}; }
inline MimoComplex mimo_conj(MimoComplex a) { return {a.re, -a.im}; }
inline MimoV mimo_norm(MimoComplex a) { return a.re * a.re + a.im * a.im; }
inline MimoComplex mimo_load(const MimoPlane& p, size_t i) { return {mimo_load(p.re + i), mimo_load(p.im + i)}; }

// Detected layers of a chunk.
template <int L>
struct MimoLayers {
    MimoPlane x[L];
    alignas(64) float var[L][mimo_chunk];

    void store(int l, size_t i, MimoComplex value, MimoV noise) {
        *reinterpret_cast<MimoV*>(x[l].re + i) = value.re;
        *reinterpret_cast<MimoV*>(x[l].im + i) = value.im;
        *reinterpret_cast<MimoV*>(var[l] + i) =
            mimo_lesser(mimo_greater(noise, MimoV{} + mimo_floor), MimoV{} + mimo_ceiling);
    }
};

// One layer: maximum ratio combining.
inline void mimo_solve(const MimoGram<1>& g, size_t i, MimoV s, MimoLayers<1>& out) {
    const MimoV inverse = 1.0f / mimo_greater(mimo_load(g.g[0] + i), MimoV{} + mimo_tiny);
    out.store(0, i, mimo_load(g.m[0], i) * inverse, s * inverse);
}

// Two: x0 = (m0 - c m1 / (g1 + s)) / (g0 - |c|^2 / (g1 + s)), and the other way round.
inline void mimo_solve(const MimoGram<2>& g, size_t i, MimoV s, MimoLayers<2>& out) {
    const MimoV g0 = mimo_load(g.g[0] + i), g1 = mimo_load(g.g[1] + i);
    const MimoComplex c = mimo_load(g.c[0], i), m0 = mimo_load(g.m[0], i), m1 = mimo_load(g.m[1], i);
    const MimoV cc = mimo_norm(c), b0 = 1.0f / (g1 + s), b1 = 1.0f / (g0 + s), tiny = MimoV{} + mimo_tiny;
    const MimoV d0 = 1.0f / mimo_greater(g0 - cc * b0, tiny + mimo_round * g0);
    const MimoV d1 = 1.0f / mimo_greater(g1 - cc * b1, tiny + mimo_round * g1);
    out.store(0, i, (m0 - c * m1 * b0) * d0, s * d0);
    out.store(1, i, (m1 - mimo_conj(c) * m0 * b1) * d1, s * d1);
}

// More: A = U^H D U with unit diagonal in U, B the inverse of U^H, A^-1 = B^H D^-1 B. All loops are unrolled: the
// matrices are registers, and GCC 12 miscompiles the loops (its -fivopts takes the stores away).
template <int L>
inline void mimo_solve(const MimoGram<L>& g, size_t i, MimoV s, MimoLayers<L>& out) {
    MimoV d[L];
    MimoComplex lower[L][L], b[L][L], z[L];
    MimoV trace = MimoV{};
#pragma GCC unroll 4
    for (int l = 0; l < L; ++l) trace += mimo_load(g.g[l] + i);
    const MimoV least = mimo_round * trace + mimo_tiny;
    s = mimo_greater(s, least);
#pragma GCC unroll 4
    for (int column = 0; column < L; ++column) {
        MimoV pivot = mimo_load(g.g[column] + i) + s;
#pragma GCC unroll 4
        for (int k = 0; k < column; ++k) pivot -= mimo_norm(lower[column][k]) * d[k];
        d[column] = mimo_greater(pivot, least);
        const MimoV inverse = 1.0f / d[column];
#pragma GCC unroll 4
        for (int row = column + 1; row < L; ++row) {
            MimoComplex sum = mimo_conj(mimo_load(g.c[MimoGram<L>::at(column, row)], i));
#pragma GCC unroll 4
            for (int k = 0; k < column; ++k) sum = sum - lower[row][k] * mimo_conj(lower[column][k]) * d[k];
            lower[row][column] = sum * inverse;
        }
    }
#pragma GCC unroll 4
    for (int row = 0; row < L; ++row) {
        z[row] = mimo_load(g.m[row], i);
#pragma GCC unroll 4
        for (int column = 0; column < row; ++column) {
            MimoComplex sum = lower[row][column];
#pragma GCC unroll 4
            for (int k = column + 1; k < row; ++k) sum = sum + lower[row][k] * b[k][column];
            b[row][column] = MimoComplex{-sum.re, -sum.im};
            z[row] = z[row] + b[row][column] * mimo_load(g.m[column], i);
        }
        d[row] = 1.0f / d[row];
    }
#pragma GCC unroll 4
    for (int l = 0; l < L; ++l) {
        MimoComplex x = z[l] * d[l];
        MimoV a = d[l];
#pragma GCC unroll 4
        for (int k = l + 1; k < L; ++k) {
            x = x + mimo_conj(b[k][l]) * z[k] * d[k];
            a += mimo_norm(b[k][l]) * d[k];
        }
        const MimoV gain = 1.0f / mimo_greater(1.0f - s * a, MimoV{} + mimo_round);
        out.store(l, i, x * gain, s * a * gain);
    }
}

template <int L>
void mimo_mmse_layers(const MimoPrecoding& p, const MimoReceived& r, float* x, float* var) {
    MimoChunks<L> chunks(p, r);
    MimoLayers<L> layers;
    const MimoV s = MimoV{} + std::max(r.noise_var, mimo_tiny);
    for (size_t start = 0; start < p.n_re; start += mimo_chunk) {
        const size_t n = chunks.load(start);
        for (size_t i = 0; i < n; i += mimo_lanes) mimo_solve(chunks.gram, i, s, layers);
        for (int l = 0; l < L; ++l) {
            float* __restrict to = x + 2 * (l * p.n_re + start);
            for (size_t i = 0; i < n; ++i) {
                to[2 * i] = layers.x[l].re[i];
                to[2 * i + 1] = layers.x[l].im[i];
            }
            std::memcpy(var + l * p.n_re + start, layers.var[l], n * sizeof(float));
        }
    }
}

void mimo_mmse(const MimoPrecoding& p, const MimoReceived& r, float* x, float* var) {
    switch (p.n_layers) {
        case 1: return mimo_mmse_layers<1>(p, r, x, var);
        case 2: return mimo_mmse_layers<2>(p, r, x, var);
        case 3: return mimo_mmse_layers<3>(p, r, x, var);
        default: return mimo_mmse_layers<4>(p, r, x, var);
    }
}

}  // namespace picocell::PICOCELL_NS
