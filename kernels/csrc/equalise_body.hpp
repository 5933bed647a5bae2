// Body of the equaliser, compiled once per instruction set. Resource elements are gathered in chunks that stay in L1,
// split into real and imaginary planes, and combined over the receive antennas.
#include "equalise.hpp"

namespace picocell::PICOCELL_NS {

constexpr size_t eq_chunk = 256;    // resource elements or pairs at a time
constexpr float eq_tiny = 1e-30f;   // keeps a dead resource element finite
constexpr float eq_floor = 1e-9f;   // least noise power reported, for symbols of power one
constexpr float eq_ceiling = 1e30f;

struct Plane {
    alignas(64) float re[eq_chunk];
    alignas(64) float im[eq_chunk];
};

inline uint64_t eq_load(const float* p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
}

// out[i] = source[index[i * stride]], split into planes.
template <size_t Stride>
void eq_gather(const float* source, const int32_t* index, size_t n, Plane& out) {
    alignas(64) uint64_t raw[eq_chunk];
    for (size_t i = 0; i < n; ++i) raw[i] = eq_load(source + 2 * static_cast<size_t>(index[i * Stride]));
    const float* in = reinterpret_cast<const float*>(raw);
    float* __restrict re = out.re;
    float* __restrict im = out.im;
    for (size_t i = 0; i < n; ++i) {
        re[i] = in[2 * i];
        im[i] = in[2 * i + 1];
    }
}

void equalise_siso(const float* y, const float* h, size_t n_rx, size_t n_grid, const int32_t* index, size_t n_re,
                   float noise_var, float* x, float* var) {
    Plane a, b, m;
    alignas(64) float gain[eq_chunk];
    for (size_t start = 0; start < n_re; start += eq_chunk) {
        const size_t n = std::min(eq_chunk, n_re - start);
        std::memset(&m, 0, sizeof m);
        std::memset(gain, 0, sizeof gain);
        for (size_t rx = 0; rx < n_rx; ++rx) {
            eq_gather<1>(y + 2 * rx * n_grid, index + start, n, a);
            eq_gather<1>(h + 2 * rx * n_grid, index + start, n, b);
            for (size_t i = 0; i < n; ++i) {
                m.re[i] += b.re[i] * a.re[i] + b.im[i] * a.im[i];
                m.im[i] += b.re[i] * a.im[i] - b.im[i] * a.re[i];
                gain[i] += b.re[i] * b.re[i] + b.im[i] * b.im[i];
            }
        }
        float* __restrict to = x + 2 * start;
        float* __restrict noise = var + start;
        for (size_t i = 0; i < n; ++i) {
            const float inverse = 1.0f / std::max(gain[i], eq_tiny);
            to[2 * i] = m.re[i] * inverse;
            to[2 * i + 1] = m.im[i] * inverse;
            noise[i] = std::min(std::max(noise_var * inverse, eq_floor), eq_ceiling);
        }
    }
}

// What a pair of resource elements (a, b) says of its symbols (x0, conj x1): matched filter m = H^H r and Gram matrix
// g = H^H H, with r = (y_a, conj y_b) and H = [[h0a, -h1a], [conj h1b, conj h0b]], summed over receive antennas.
struct Pairs {
    Plane m0, m1, c;
    alignas(64) float g0[eq_chunk];
    alignas(64) float g1[eq_chunk];
};

inline void eq_accumulate(const Plane& ya, const Plane& yb, const Plane& h0a, const Plane& h0b, const Plane& h1a,
                          const Plane& h1b, size_t n, Pairs& __restrict p) {
    for (size_t i = 0; i < n; ++i) {
        p.g0[i] += h0a.re[i] * h0a.re[i] + h0a.im[i] * h0a.im[i] + h1b.re[i] * h1b.re[i] + h1b.im[i] * h1b.im[i];
        p.g1[i] += h1a.re[i] * h1a.re[i] + h1a.im[i] * h1a.im[i] + h0b.re[i] * h0b.re[i] + h0b.im[i] * h0b.im[i];
        // c = -conj(h0a) h1a + h1b conj(h0b)
        p.c.re[i] += h1b.re[i] * h0b.re[i] + h1b.im[i] * h0b.im[i] - h0a.re[i] * h1a.re[i] - h0a.im[i] * h1a.im[i];
        p.c.im[i] += h1b.im[i] * h0b.re[i] - h1b.re[i] * h0b.im[i] - h0a.re[i] * h1a.im[i] + h0a.im[i] * h1a.re[i];
        // m0 = conj(h0a) ya + h1b conj(yb);  m1 = -conj(h1a) ya + h0b conj(yb)
        p.m0.re[i] += h0a.re[i] * ya.re[i] + h0a.im[i] * ya.im[i] + h1b.re[i] * yb.re[i] + h1b.im[i] * yb.im[i];
        p.m0.im[i] += h0a.re[i] * ya.im[i] - h0a.im[i] * ya.re[i] + h1b.im[i] * yb.re[i] - h1b.re[i] * yb.im[i];
        p.m1.re[i] += h0b.re[i] * yb.re[i] + h0b.im[i] * yb.im[i] - h1a.re[i] * ya.re[i] - h1a.im[i] * ya.im[i];
        p.m1.im[i] += h0b.im[i] * yb.re[i] - h0b.re[i] * yb.im[i] - h1a.re[i] * ya.im[i] + h1a.im[i] * ya.re[i];
    }
}

// Linear MMSE estimate of both symbols of each pair, scaled so that each comes out without bias. With s = 2 noise_var
// (each symbol is sent at half power from each port): x0 = sqrt2 (m0 - c m1 / (g1+s)) / (g0 - |c|^2 / (g1+s)).
inline void eq_solve(const Pairs& p, size_t n, float noise_var, float* __restrict x, float* __restrict var,
                     size_t stride) {
    const float s = std::max(2.0f * noise_var, eq_tiny);
    constexpr float root2 = 1.41421356237309505f;
    for (size_t i = 0; i < n; ++i) {
        const float cc = p.c.re[i] * p.c.re[i] + p.c.im[i] * p.c.im[i];
        const float b0 = 1.0f / (p.g1[i] + s), b1 = 1.0f / (p.g0[i] + s);
        const float d0 = 1.0f / std::max(p.g0[i] - cc * b0, eq_tiny);
        const float d1 = 1.0f / std::max(p.g1[i] - cc * b1, eq_tiny);
        const float w0 = root2 * d0, w1 = root2 * d1;
        float* out = x + 2 * stride * i;
        out[0] = w0 * (p.m0.re[i] - b0 * (p.c.re[i] * p.m1.re[i] - p.c.im[i] * p.m1.im[i]));
        out[1] = w0 * (p.m0.im[i] - b0 * (p.c.re[i] * p.m1.im[i] + p.c.im[i] * p.m1.re[i]));
        // conj(x1) = m1 - conj(c) m0 / (g0+s), scaled: undo the conjugate
        out[2] = w1 * (p.m1.re[i] - b1 * (p.c.re[i] * p.m0.re[i] + p.c.im[i] * p.m0.im[i]));
        out[3] = -w1 * (p.m1.im[i] - b1 * (p.c.re[i] * p.m0.im[i] - p.c.im[i] * p.m0.re[i]));
        float* noise = var + stride * i;
        noise[0] = std::min(std::max(s * d0, eq_floor), eq_ceiling);
        noise[1] = std::min(std::max(s * d1, eq_floor), eq_ceiling);
    }
}

// Pairs sent from two ports. Step = resource elements from one of these pairs to the next (2 or 4).
template <size_t Step>
void equalise_pairs(const float* y, const float* h, size_t port_a, size_t port_b, size_t n_rx, size_t n_ports,
                    size_t n_grid, const int32_t* index, size_t n_pairs, float noise_var, float* x, float* var) {
    Plane ya, yb, h0a, h0b, h1a, h1b;
    Pairs pairs;
    for (size_t start = 0; start < n_pairs; start += eq_chunk) {
        const size_t n = std::min(eq_chunk, n_pairs - start);
        const int32_t* where = index + Step * start;
        std::memset(&pairs, 0, sizeof pairs);
        for (size_t rx = 0; rx < n_rx; ++rx) {
            const float* from = y + 2 * rx * n_grid;
            const float* h0 = h + 2 * (rx * n_ports + port_a) * n_grid;
            const float* h1 = h + 2 * (rx * n_ports + port_b) * n_grid;
            eq_gather<Step>(from, where, n, ya);
            eq_gather<Step>(from, where + 1, n, yb);
            eq_gather<Step>(h0, where, n, h0a);
            eq_gather<Step>(h0, where + 1, n, h0b);
            eq_gather<Step>(h1, where, n, h1a);
            eq_gather<Step>(h1, where + 1, n, h1b);
            eq_accumulate(ya, yb, h0a, h0b, h1a, h1b, n, pairs);
        }
        eq_solve(pairs, n, noise_var, x + 2 * Step * start, var + Step * start, Step);
    }
}

void equalise_sfbc(const float* y, const float* h, size_t n_rx, size_t n_ports, size_t n_grid, const int32_t* index,
                   size_t n_re, float noise_var, float* x, float* var) {
    const size_t n_pairs = n_re / 2;
    if (n_ports == 2) {
        equalise_pairs<2>(y, h, 0, 1, n_rx, 2, n_grid, index, n_pairs, noise_var, x, var);
        return;
    }
    equalise_pairs<4>(y, h, 0, 2, n_rx, 4, n_grid, index, (n_pairs + 1) / 2, noise_var, x, var);
    equalise_pairs<4>(y, h, 1, 3, n_rx, 4, n_grid, index + 2, n_pairs / 2, noise_var, x + 4, var + 2);
}

uint32_t equalise_largest(const int32_t* index, size_t n) {
    uint32_t largest = 0;
    for (size_t i = 0; i < n; ++i) largest = std::max(largest, static_cast<uint32_t>(index[i]));
    return largest;
}

}  // namespace picocell::PICOCELL_NS
