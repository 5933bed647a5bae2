// Body of the equaliser, compiled once per instruction set. Resource elements are gathered in chunks that stay in L1,
// split into real and imaginary planes, and combined over the receive antennas.
#include "equalise.hpp"
#include "fft_vector.hpp"

namespace picocell::PICOCELL_NS {

constexpr size_t eq_chunk = 256;    // resource elements or pairs at a time
constexpr float eq_tiny = 1e-30f;   // keeps a dead resource element finite
constexpr float eq_floor = 1e-9f;   // least noise power reported, for symbols of power one
constexpr float eq_ceiling = 1e30f;

struct Plane {
    alignas(64) float re[eq_chunk];
    alignas(64) float im[eq_chunk];
};

#if PICOCELL_ISA_LEVEL == 2
// Reference signals leave gaps, but two vectors from the first of eight resource elements on hold them all the same;
// false where they do not.
inline bool eq_window(const int32_t* index, size_t n_grid, size_t& first, __m512i& places) {
    const __m256i eight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
    const __m256i apart = _mm256_sub_epi32(eight, _mm256_set1_epi32(index[0]));
    first = static_cast<size_t>(index[0]);
    places = _mm512_maskz_cvtepi32_epi64(0xff, apart);
    return first + 16 <= n_grid && !_mm256_cmpgt_epu32_mask(apart, _mm256_set1_epi32(15));
}

inline __m512i eq_take(const float* source, size_t first, __m512i places) {
    const float* from = source + 2 * first;
    return _mm512_permutex2var_epi64(_mm512_loadu_si512(from), places, _mm512_loadu_si512(from + 16));
}
#endif

// Eight resource elements at once: false where they do not lie close together.
inline bool eq_eight(const float* source, size_t n_grid, const int32_t* index, float* out) {
#if PICOCELL_ISA_LEVEL == 2
    size_t first;
    __m512i places;
    if (!eq_window(index, n_grid, first, places)) return false;
    _mm512_storeu_si512(out, eq_take(source, first, places));
#else
    (void)n_grid;
    int32_t apart = 0;
    for (int i = 0; i < 8; ++i) apart |= index[i] ^ (index[0] + i);
    if (apart) return false;
    std::memcpy(out, source + 2 * static_cast<size_t>(index[0]), 64);
#endif
    return true;
}

inline void eq_copy(const float* source, int32_t index, float* out) {
    std::memcpy(out, source + 2 * static_cast<size_t>(index), 2 * sizeof(float));
}

// The n resource elements of the index, one after the other.
inline void eq_collect(const float* source, size_t n_grid, const int32_t* index, size_t n, float* out) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        if (eq_eight(source, n_grid, index + i, out + 2 * i)) continue;
        for (size_t j = i; j < i + 8; ++j) eq_copy(source, index[j], out + 2 * j);
    }
    for (; i < n; ++i) eq_copy(source, index[i], out + 2 * i);
}

using EqLanes = Lanes<PICOCELL_VECTOR_BYTES / 4>;
using EqV = EqLanes::V;
constexpr size_t eq_width = PICOCELL_VECTOR_BYTES / 4;

// As many resource elements as a vector has lanes, from any grid.
struct EqBlock {
    const int32_t* index;
    bool close = true;
#if PICOCELL_ISA_LEVEL == 2
    size_t first[2];
    __m512i places[2];

    EqBlock(const int32_t* at, size_t n_grid) : index(at) {
        for (int i = 0; i < 2; ++i, at += 8) close &= eq_window(at, n_grid, first[i], places[i]);
    }
    void read(const float* source, EqV& a, EqV& b) const {
        a = reinterpret_cast<EqV>(eq_take(source, first[0], places[0]));
        b = reinterpret_cast<EqV>(eq_take(source, first[1], places[1]));
    }
#else
    EqBlock(const int32_t* at, size_t) : index(at) {
        for (size_t i = 1; i < eq_width; ++i) close &= at[i] == at[0] + static_cast<int32_t>(i);
    }
    void read(const float* source, EqV& a, EqV& b) const {
        a = EqLanes::load_unaligned(source + 2 * static_cast<size_t>(index[0]));
        b = EqLanes::load_unaligned(source + 2 * static_cast<size_t>(index[0]) + eq_width);
    }
#endif

    void load(const float* source, EqV& re, EqV& im) const {
        EqV a, b;
        if (close) {
            read(source, a, b);
        } else {
            alignas(64) float raw[2 * eq_width];
            for (size_t i = 0; i < eq_width; ++i) eq_copy(source, index[i], raw + 2 * i);
            a = EqLanes::load(raw);
            b = EqLanes::load(raw + eq_width);
        }
        EqLanes::split(a, b, re, im, EqLanes::Index{});
    }
};

inline EqV eq_greater(EqV a, float b) { return a > b ? a : EqV{} + b; }
inline EqV eq_less(EqV a, float b) { return a < b ? a : EqV{} + b; }

void eq_siso_block(const float* y, const float* h, size_t n_rx, size_t n_grid, const int32_t* index, float noise_var,
                   float* x, float* var) {
    const EqBlock block(index, n_grid);
    EqV re{}, im{}, gain{};
    for (size_t rx = 0; rx < n_rx; ++rx, y += 2 * n_grid, h += 2 * n_grid) {
        EqV a, b, c, d;
        block.load(y, a, b);
        block.load(h, c, d);
        re += c * a + d * b;
        im += c * b - d * a;
        gain += c * c + d * d;
    }
    const EqV inverse = 1.0f / eq_greater(gain, eq_tiny);
    EqLanes::store_complex(x, re * inverse, im * inverse);
    EqLanes::store_unaligned(var, eq_less(eq_greater(noise_var * inverse, eq_floor), eq_ceiling));
}

void equalise_siso(const float* y, const float* h, size_t n_rx, size_t n_grid, const int32_t* index, size_t n_re,
                   float noise_var, float* x, float* var) {
    size_t i = 0;
    for (; i + eq_width <= n_re; i += eq_width)
        eq_siso_block(y, h, n_rx, n_grid, index + i, noise_var, x + 2 * i, var + i);
    if (i == n_re) return;
    int32_t rest[eq_width];
    float last[2 * eq_width], noise[eq_width];
    for (size_t j = 0; j < eq_width; ++j) rest[j] = index[std::min(i + j, n_re - 1)];
    eq_siso_block(y, h, n_rx, n_grid, rest, noise_var, last, noise);
    std::memcpy(x + 2 * i, last, 2 * sizeof(float) * (n_re - i));
    std::memcpy(var + i, noise, sizeof(float) * (n_re - i));
}

// The first two of every Step resource elements, to planes of their own.
template <size_t Step>
void eq_gather_pairs(const float* source, size_t n_grid, const int32_t* index, size_t n, Plane& a, Plane& b) {
    alignas(64) float in[4 * eq_chunk];
    if constexpr (Step == 2) {
        eq_collect(source, n_grid, index, 2 * n, in);
    } else {
        for (size_t i = 0; i < n; ++i) {
            eq_copy(source, index[Step * i], in + 4 * i);
            eq_copy(source, index[Step * i + 1], in + 4 * i + 2);
        }
    }
    for (size_t i = 0; i < n; ++i) {
        a.re[i] = in[4 * i];
        a.im[i] = in[4 * i + 1];
        b.re[i] = in[4 * i + 2];
        b.im[i] = in[4 * i + 3];
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
            eq_gather_pairs<Step>(from, n_grid, where, n, ya, yb);
            eq_gather_pairs<Step>(h0, n_grid, where, n, h0a, h0b);
            eq_gather_pairs<Step>(h1, n_grid, where, n, h1a, h1b);
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
