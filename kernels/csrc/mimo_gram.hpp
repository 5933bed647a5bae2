// What detection needs of each resource element: the matched filter's output and the Gram matrix of the precoded
// channel. Elements are gathered in chunks that stay in L1, split into real and imaginary planes.
#pragma once
#include "mimo.hpp"

namespace picocell::PICOCELL_NS {

constexpr size_t mimo_chunk = 240;  // a multiple of 48: of every period of cyclic precoders, and of every vector

struct MimoPlane {
    alignas(64) float re[mimo_chunk];
    alignas(64) float im[mimo_chunk];
};

inline void mimo_gather(const float* source, const int32_t* index, size_t n, MimoPlane& out) {
    alignas(64) float in[2 * mimo_chunk];
    for (size_t i = 0; i < n; ++i) std::memcpy(in + 2 * i, source + 2 * static_cast<size_t>(index[i]), 8);
    float* __restrict re = out.re;
    float* __restrict im = out.im;
    for (size_t i = 0; i < n; ++i) {
        re[i] = in[2 * i];
        im[i] = in[2 * i + 1];
    }
}

// m = H^H y and G = H^H H of a chunk, H = channel times precoder; of G the diagonal and what is above it.
template <int L>
struct MimoGram {
    MimoPlane m[L];
    alignas(64) float g[L][mimo_chunk];
    MimoPlane c[L > 1 ? L * (L - 1) / 2 : 1];  // (0, 1), (0, 2), .. (1, 2), ..

    static constexpr int at(int row, int column) { return row * L - row * (row + 1) / 2 + column - row - 1; }
};

// Precoders of a chunk's elements, split into planes.
template <int L>
struct MimoWeights {
    MimoPlane w[mimo_most][L];

    void fill(const MimoPrecoding& p, size_t start, size_t n) {
        const size_t size = p.n_ports * L;
        size_t place = p.which ? 0 : start % p.n_precoders;
        for (size_t i = 0; i < n; ++i) {
            if (p.which) place = static_cast<size_t>(p.which[start + i]);
            const float* from = p.precoders + 2 * size * place;
            for (size_t port = 0; port < p.n_ports; ++port) {
                for (int l = 0; l < L; ++l, from += 2) {
                    w[port][l].re[i] = from[0];
                    w[port][l].im[i] = from[1];
                }
            }
            if (!p.which && ++place == p.n_precoders) place = 0;
        }
    }
};

// out += a b
inline void mimo_multiply(const MimoPlane& a, const MimoPlane& b, size_t n, MimoPlane& __restrict out) {
    for (size_t i = 0; i < n; ++i) {
        out.re[i] += a.re[i] * b.re[i] - a.im[i] * b.im[i];
        out.im[i] += a.re[i] * b.im[i] + a.im[i] * b.re[i];
    }
}

// out += conj(a) b
inline void mimo_project(const MimoPlane& a, const MimoPlane& b, size_t n, MimoPlane& __restrict out) {
    for (size_t i = 0; i < n; ++i) {
        out.re[i] += a.re[i] * b.re[i] + a.im[i] * b.im[i];
        out.im[i] += a.re[i] * b.im[i] - a.im[i] * b.re[i];
    }
}

template <int L>
class MimoChunks {
public:
    MimoChunks(const MimoPrecoding& p, const MimoReceived& r) : p_(p), r_(r) {
        std::memset(&weights_, 0, sizeof weights_);
        std::memset(&y_, 0, sizeof y_);
        std::memset(&h_, 0, sizeof h_);
        steady_ = !p.which && mimo_chunk % p.n_precoders == 0;
    }

    // Elements from `start` on; how many there are. What lies beyond them in the planes is finite.
    size_t load(size_t start) {
        const size_t n = std::min(mimo_chunk, p_.n_re - start);
        if (start == 0 || !steady_) weights_.fill(p_, start, n);
        std::memset(&gram, 0, sizeof gram);
        for (size_t rx = 0; rx < r_.n_rx; ++rx) {
            mimo_gather(r_.y + 2 * rx * p_.n_grid, p_.index + start, n, y_);
            std::memset(&seen_, 0, sizeof seen_);
            for (size_t port = 0; port < p_.n_ports; ++port) {
                mimo_gather(r_.h + 2 * (rx * p_.n_ports + port) * p_.n_grid, p_.index + start, n, h_);
                for (int l = 0; l < L; ++l) mimo_multiply(h_, weights_.w[port][l], n, seen_[l]);
            }
            accumulate(n);
        }
        return n;
    }

    MimoGram<L> gram;

private:
    void accumulate(size_t n) {
        for (int l = 0; l < L; ++l) {
            const MimoPlane& a = seen_[l];
            float* __restrict g = gram.g[l];
            for (size_t i = 0; i < n; ++i) g[i] += a.re[i] * a.re[i] + a.im[i] * a.im[i];
            mimo_project(a, y_, n, gram.m[l]);
            for (int k = l + 1; k < L; ++k) mimo_project(a, seen_[k], n, gram.c[MimoGram<L>::at(l, k)]);
        }
    }

    const MimoPrecoding& p_;
    const MimoReceived& r_;
    bool steady_;
    MimoWeights<L> weights_;
    MimoPlane y_, h_, seen_[L];
};

}  // namespace picocell::PICOCELL_NS
