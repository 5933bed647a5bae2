// Vectors of W floats and the shuffles and butterflies that the FFT needs.
#pragma once

#define PICOCELL_INLINE inline __attribute__((always_inline))
#define PICOCELL_UNROLL _Pragma("GCC unroll 16")

namespace picocell::PICOCELL_NS {

template <int W>
struct Lanes {
    typedef float V __attribute__((vector_size(W * sizeof(float)), may_alias));
    typedef float Unaligned __attribute__((vector_size(W * sizeof(float)), aligned(4), may_alias));
    using Index = std::make_index_sequence<W>;

    static PICOCELL_INLINE V load(const float* p) { return *reinterpret_cast<const V*>(p); }
    static PICOCELL_INLINE void store(float* p, V v) { *reinterpret_cast<V*>(p) = v; }
    static PICOCELL_INLINE V load_unaligned(const float* p) { return *reinterpret_cast<const Unaligned*>(p); }
    static PICOCELL_INLINE void store_unaligned(float* p, V v) { *reinterpret_cast<Unaligned*>(p) = v; }

    template <size_t... I>
    static PICOCELL_INLINE void split(V a, V b, V& re, V& im, std::index_sequence<I...>) {
        re = __builtin_shufflevector(a, b, (int)(2 * I)...);
        im = __builtin_shufflevector(a, b, (int)(2 * I + 1)...);
    }
    template <size_t... I>
    static PICOCELL_INLINE void merge(V re, V im, V& a, V& b, std::index_sequence<I...>) {
        a = __builtin_shufflevector(re, im, (int)(I / 2 + (I % 2) * W)...);
        b = __builtin_shufflevector(re, im, (int)(W / 2 + I / 2 + (I % 2) * W)...);
    }
    // W interleaved complex numbers to their parts and back.
    static PICOCELL_INLINE void load_complex(const float* p, V& re, V& im) {
        split(load_unaligned(p), load_unaligned(p + W), re, im, Index{});
    }
    static PICOCELL_INLINE void store_complex(float* p, V re, V im) {
        V a, b;
        merge(re, im, a, b, Index{});
        store_unaligned(p, a);
        store_unaligned(p + W, b);
    }

    // Whole blocks of four lanes: blocks P, Q of a, then P, Q of b (four blocks), or P of a, P of b (two).
    template <int P, int Q, size_t... I>
    static PICOCELL_INLINE V blocks(V a, V b, std::index_sequence<I...>) {
        constexpr int half = W / 8;
        return __builtin_shufflevector(
            a, b, (int)(4 * ((I / 4) % half ? Q : P) + I % 4 + ((I / 4) / half) * W)...);
    }
    // Inside each block: places P, Q of a, then P, Q of b, or alternating a and b.
    template <int P, int Q, size_t... I>
    static PICOCELL_INLINE V pairs(V a, V b, std::index_sequence<I...>) {
        return __builtin_shufflevector(a, b, (int)(I / 4 * 4 + (I % 2 ? Q : P) + (I % 4 / 2) * W)...);
    }
    template <int P, size_t... I>
    static PICOCELL_INLINE V alternate(V a, V b, std::index_sequence<I...>) {
        return __builtin_shufflevector(a, b, (int)(I / 4 * 4 + P + (I % 4) / 2 + (I % 2) * W)...);
    }

    // Block i of vector a becomes block a of vector i.
    static PICOCELL_INLINE void transpose_blocks(V* x) {
        if constexpr (W == 16) {
            const V p = blocks<0, 2>(x[0], x[1], Index{}), q = blocks<1, 3>(x[0], x[1], Index{});
            const V r = blocks<0, 2>(x[2], x[3], Index{}), s = blocks<1, 3>(x[2], x[3], Index{});
            x[0] = blocks<0, 2>(p, r, Index{});
            x[1] = blocks<0, 2>(q, s, Index{});
            x[2] = blocks<1, 3>(p, r, Index{});
            x[3] = blocks<1, 3>(q, s, Index{});
        } else if constexpr (W == 8) {
            const V p = blocks<0, 0>(x[0], x[1], Index{});
            x[1] = blocks<1, 1>(x[0], x[1], Index{});
            x[0] = p;
        }
    }
    // Inside each block, lane b of vector i becomes lane i of vector b.
    static PICOCELL_INLINE void transpose_inside(V* x) {
        const V p = alternate<0>(x[0], x[1], Index{}), q = alternate<0>(x[2], x[3], Index{});
        const V r = alternate<2>(x[0], x[1], Index{}), s = alternate<2>(x[2], x[3], Index{});
        x[0] = pairs<0, 1>(p, q, Index{});
        x[1] = pairs<2, 3>(p, q, Index{});
        x[2] = pairs<0, 1>(r, s, Index{});
        x[3] = pairs<2, 3>(r, s, Index{});
    }
};

template <class V, class S>
PICOCELL_INLINE void multiply(V& re, V& im, S c, S s) {
    const V t = re * c - im * s;
    im = re * s + im * c;
    re = t;
}

// Forward transforms of R values in place, bins in order.
template <int R, class V>
PICOCELL_INLINE void dft(V* re, V* im) {
    if constexpr (R == 2) {
        const V r = re[0] - re[1], i = im[0] - im[1];
        re[0] = re[0] + re[1];
        im[0] = im[0] + im[1];
        re[1] = r;
        im[1] = i;
    } else if constexpr (R == 3) {
        constexpr float s = 0.866025403784438647f;
        const V tr = re[1] + re[2], ti = im[1] + im[2];
        const V dr = (re[1] - re[2]) * s, di = (im[1] - im[2]) * s;
        const V mr = re[0] - tr * 0.5f, mi = im[0] - ti * 0.5f;
        re[0] = re[0] + tr;
        im[0] = im[0] + ti;
        re[1] = mr + di;
        im[1] = mi - dr;
        re[2] = mr - di;
        im[2] = mi + dr;
    } else if constexpr (R == 4) {
        const V ar = re[0] + re[2], ai = im[0] + im[2], br = re[0] - re[2], bi = im[0] - im[2];
        const V cr = re[1] + re[3], ci = im[1] + im[3], dr = re[1] - re[3], di = im[1] - im[3];
        re[0] = ar + cr;
        im[0] = ai + ci;
        re[1] = br + di;
        im[1] = bi - dr;
        re[2] = ar - cr;
        im[2] = ai - ci;
        re[3] = br - di;
        im[3] = bi + dr;
    } else if constexpr (R == 6 || R == 12) {
        // Coprime factors need no twiddles: n = 3 n1 + (R/3) n2, and k by the Chinese remainder theorem.
        constexpr int F = R / 3, e1 = R == 6 ? 3 : 9, e2 = 4;
        V r[R], i[R];
        PICOCELL_UNROLL
        for (int n1 = 0; n1 < F; ++n1) {
            V xr[3], xi[3];
            PICOCELL_UNROLL
            for (int n2 = 0; n2 < 3; ++n2) xr[n2] = re[(3 * n1 + F * n2) % R], xi[n2] = im[(3 * n1 + F * n2) % R];
            dft<3>(xr, xi);
            PICOCELL_UNROLL
            for (int k2 = 0; k2 < 3; ++k2) r[k2 * F + n1] = xr[k2], i[k2 * F + n1] = xi[k2];
        }
        PICOCELL_UNROLL
        for (int k2 = 0; k2 < 3; ++k2) {
            dft<F>(r + k2 * F, i + k2 * F);
            PICOCELL_UNROLL
            for (int k1 = 0; k1 < F; ++k1) {
                re[(e1 * k1 + e2 * k2) % R] = r[k2 * F + k1];
                im[(e1 * k1 + e2 * k2) % R] = i[k2 * F + k1];
            }
        }
    } else if constexpr (R == 8) {
        constexpr float h = 0.707106781186547524f;
        V ar[4], ai[4], br[4], bi[4];
        PICOCELL_UNROLL
        for (int n = 0; n < 4; ++n) {
            ar[n] = re[n] + re[n + 4];
            ai[n] = im[n] + im[n + 4];
            br[n] = re[n] - re[n + 4];
            bi[n] = im[n] - im[n + 4];
        }
        const V t1 = (br[1] + bi[1]) * h, u1 = (bi[1] - br[1]) * h;
        const V t3 = (bi[3] - br[3]) * h, u3 = (br[3] + bi[3]) * -h;
        const V t2 = bi[2], u2 = -br[2];
        br[1] = t1, bi[1] = u1, br[2] = t2, bi[2] = u2, br[3] = t3, bi[3] = u3;
        dft<4>(ar, ai);
        dft<4>(br, bi);
        PICOCELL_UNROLL
        for (int n = 0; n < 4; ++n) {
            re[2 * n] = ar[n];
            im[2 * n] = ai[n];
            re[2 * n + 1] = br[n];
            im[2 * n + 1] = bi[n];
        }
    } else {
        static_assert(R == 16, "radix");
        constexpr float c16[10] = {1.0f, 0.923879532511286756f, 0.707106781186547524f, 0.382683432365089772f, 0.0f,
                                   0.0f, -0.707106781186547524f, 0.0f, 0.0f, -0.923879532511286756f};
        constexpr float s16[10] = {0.0f, -0.382683432365089772f, -0.707106781186547524f, -0.923879532511286756f, -1.0f,
                                   0.0f, -0.707106781186547524f, 0.0f, 0.0f, 0.382683432365089772f};
        V r[16], i[16];
        PICOCELL_UNROLL
        for (int j = 0; j < 4; ++j) {
            V xr[4] = {re[j], re[j + 4], re[j + 8], re[j + 12]}, xi[4] = {im[j], im[j + 4], im[j + 8], im[j + 12]};
            dft<4>(xr, xi);
            PICOCELL_UNROLL
            for (int u = 0; u < 4; ++u) {
                const int e = j * u;
                if (e == 4) {
                    const V t = xr[u];
                    xr[u] = xi[u];
                    xi[u] = -t;
                } else if (e) {
                    multiply(xr[u], xi[u], c16[e], s16[e]);
                }
                r[4 * u + j] = xr[u];
                i[4 * u + j] = xi[u];
            }
        }
        PICOCELL_UNROLL
        for (int u = 0; u < 4; ++u) {
            dft<4>(r + 4 * u, i + 4 * u);
            PICOCELL_UNROLL
            for (int v = 0; v < 4; ++v) re[u + 4 * v] = r[4 * u + v], im[u + 4 * v] = i[4 * u + v];
        }
    }
}

}  // namespace picocell::PICOCELL_NS
