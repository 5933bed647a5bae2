// Body of the DFT, compiled once per instruction set (see dft.hpp for the scheme).
#include "dft.hpp"
#include "fft_vector.hpp"

namespace picocell::PICOCELL_NS {

constexpr int dft_width = PICOCELL_VECTOR_BYTES / sizeof(float);
using DftLanes = Lanes<dft_width>;
using DftV = DftLanes::V;

// Forward transforms of R values in place, bins in order.
template <int R>
PICOCELL_INLINE void dft_butterfly(DftV* re, DftV* im) {
    if constexpr (R == 5) {
        constexpr float c1 = 0.309016994374947424f, c2 = -0.809016994374947424f;
        constexpr float s1 = 0.951056516295153572f, s2 = 0.587785252292473129f;
        const DftV ar = re[1] + re[4], ai = im[1] + im[4], br = re[2] + re[3], bi = im[2] + im[3];
        const DftV cr = re[1] - re[4], ci = im[1] - im[4], dr = re[2] - re[3], di = im[2] - im[3];
        const DftV mr = re[0] + ar * c1 + br * c2, mi = im[0] + ai * c1 + bi * c2;
        const DftV nr = re[0] + ar * c2 + br * c1, ni = im[0] + ai * c2 + bi * c1;
        const DftV pr = cr * s1 + dr * s2, pi = ci * s1 + di * s2;
        const DftV qr = cr * s2 - dr * s1, qi = ci * s2 - di * s1;
        re[0] = re[0] + ar + br;
        im[0] = im[0] + ai + bi;
        re[1] = mr + pi;
        im[1] = mi - pr;
        re[4] = mr - pi;
        im[4] = mi + pr;
        re[2] = nr + qi;
        im[2] = ni - qr;
        re[3] = nr - qi;
        im[3] = ni + qr;
    } else if constexpr (R == 9) {
        constexpr float c[3] = {0.766044443118978035f, 0.173648177666930349f, -0.939692620785908384f};
        constexpr float s[3] = {-0.642787609686539326f, -0.984807753012208059f, -0.342020143325668734f};
        DftV r[9], i[9];
        PICOCELL_UNROLL
        for (int b = 0; b < 3; ++b) {
            DftV xr[3] = {re[b], re[b + 3], re[b + 6]}, xi[3] = {im[b], im[b + 3], im[b + 6]};
            dft<3>(xr, xi);
            PICOCELL_UNROLL
            for (int u = 0; u < 3; ++u) {
                const int e = b * u == 4 ? 2 : b * u - 1;  // c, s: w_9^1, w_9^2, w_9^4
                if (e >= 0) multiply(xr[u], xi[u], c[e], s[e]);
                r[3 * u + b] = xr[u], i[3 * u + b] = xi[u];
            }
        }
        PICOCELL_UNROLL
        for (int u = 0; u < 3; ++u) {
            dft<3>(r + 3 * u, i + 3 * u);
            PICOCELL_UNROLL
            for (int v = 0; v < 3; ++v) re[u + 3 * v] = r[3 * u + v], im[u + 3 * v] = i[3 * u + v];
        }
    } else if constexpr (R == 10) {
        // Coprime factors need no twiddles: n = 5 n1 + 2 n2, k = 5 k1 + 6 k2.
        DftV r[10], i[10];
        PICOCELL_UNROLL
        for (int n1 = 0; n1 < 2; ++n1) {
            PICOCELL_UNROLL
            for (int n2 = 0; n2 < 5; ++n2) {
                r[5 * n1 + n2] = re[(5 * n1 + 2 * n2) % 10];
                i[5 * n1 + n2] = im[(5 * n1 + 2 * n2) % 10];
            }
            dft_butterfly<5>(r + 5 * n1, i + 5 * n1);
        }
        PICOCELL_UNROLL
        for (int k2 = 0; k2 < 5; ++k2) {
            re[6 * k2 % 10] = r[k2] + r[5 + k2], im[6 * k2 % 10] = i[k2] + i[5 + k2];
            re[(5 + 6 * k2) % 10] = r[k2] - r[5 + k2], im[(5 + 6 * k2) % 10] = i[k2] - i[5 + k2];
        }
    } else {
        dft<R>(re, im);
    }
}

// One pass over `length` rows from `rows` on: butterflies over rows length / R apart, then twiddles.
template <int R>
void dft_pass(float* rows, int length, const float* twiddle) {
    constexpr int W = dft_width;
    const ptrdiff_t step = static_cast<ptrdiff_t>(length / R) * 2 * W;
    for (int j = 0; j < length / R; ++j, rows += 2 * W, twiddle += 2 * (R - 1)) {
        DftV re[R], im[R];
        PICOCELL_UNROLL
        for (int t = 0; t < R; ++t) re[t] = DftLanes::load(rows + t * step), im[t] = DftLanes::load(rows + t * step + W);
        dft_butterfly<R>(re, im);
        PICOCELL_UNROLL
        for (int u = 0; u < R; ++u) {
            if (u && length != R) multiply(re[u], im[u], twiddle[2 * u - 2], twiddle[2 * u - 1]);
            DftLanes::store(rows + u * step, re[u]);
            DftLanes::store(rows + u * step + W, im[u]);
        }
    }
}

void dft_any_pass(int radix, float* rows, int length, const float* twiddle) {
    switch (radix) {
        case 2: return dft_pass<2>(rows, length, twiddle);
        case 3: return dft_pass<3>(rows, length, twiddle);
        case 4: return dft_pass<4>(rows, length, twiddle);
        case 5: return dft_pass<5>(rows, length, twiddle);
        case 6: return dft_pass<6>(rows, length, twiddle);
        case 8: return dft_pass<8>(rows, length, twiddle);
        case 9: return dft_pass<9>(rows, length, twiddle);
        case 10: return dft_pass<10>(rows, length, twiddle);
        default: return dft_pass<12>(rows, length, twiddle);
    }
}

// Exchange lane bit `Step` with row bit `Step`.
template <int Step, size_t... I>
PICOCELL_INLINE void dft_exchange(DftV& a, DftV& b, std::index_sequence<I...>) {
    constexpr int W = dft_width;
    const DftV low = __builtin_shufflevector(a, b, (int)(I & Step ? I - Step + W : I)...);
    b = __builtin_shufflevector(a, b, (int)(I & Step ? I + W : I + Step)...);
    a = low;
}

template <int Step>
PICOCELL_INLINE void dft_transpose_step(DftV* x) {
    PICOCELL_UNROLL
    for (int i = 0; i < dft_width; ++i) {
        if (!(i & Step)) dft_exchange<Step>(x[i], x[i | Step], DftLanes::Index{});
    }
}

PICOCELL_INLINE void dft_transpose(DftV* x) {
    dft_transpose_step<1>(x);
    dft_transpose_step<2>(x);
    if constexpr (dft_width > 4) dft_transpose_step<4>(x);
    if constexpr (dft_width > 8) dft_transpose_step<8>(x);
}

// Tiles of W lanes and W/2 complex numbers; the last one starts early where n is no multiple of W/2.
// A transform with real and imaginary parts exchanged at both ends is the inverse one.
void dft_read(const DftPlan& plan, const float* in, int lanes, bool inverse, float* work) {
    constexpr int W = dft_width, points = W / 2;
    const ptrdiff_t n = plan.n;
    for (ptrdiff_t start = 0; start < n; start += points) {
        const ptrdiff_t p = std::min(start, n - points);
        DftV x[W] = {};
        PICOCELL_UNROLL
        for (int r = 0; r < W; ++r) {
            if (r < lanes) x[r] = DftLanes::load_unaligned(in + 2 * (r * n + p)) * plan.scale;
        }
        dft_transpose(x);
        float* row = work + p * 2 * W;
        PICOCELL_UNROLL
        for (int i = 0; i < W; ++i) DftLanes::store(row + (inverse ? i ^ 1 : i) * W, x[i]);
    }
}

void dft_write(const DftPlan& plan, const float* work, int lanes, bool inverse, float* out) {
    constexpr int W = dft_width, points = W / 2;
    const ptrdiff_t n = plan.n;
    for (ptrdiff_t start = 0; start < n; start += points) {
        const ptrdiff_t p = std::min(start, n - points);
        DftV x[W];
        PICOCELL_UNROLL
        for (int i = 0; i < points; ++i) {
            const float* row = work + plan.row_of[p + i] * ptrdiff_t{2 * W};
            x[2 * i] = DftLanes::load(row + (inverse ? W : 0));
            x[2 * i + 1] = DftLanes::load(row + (inverse ? 0 : W));
        }
        dft_transpose(x);
        PICOCELL_UNROLL
        for (int r = 0; r < W; ++r) {
            if (r < lanes) DftLanes::store_unaligned(out + 2 * (r * n + p), x[r]);
        }
    }
}

void dft_transform(const DftPlan* plan, const float* in, float* out, size_t count, bool inverse) {
    constexpr int W = dft_width;
    alignas(64) float work[dft_max_size * 2 * W];
    const int n = plan->n, block = n / plan->radix[0];
    for (size_t first = 0; first < count; first += W) {
        const int lanes = static_cast<int>(std::min(count - first, size_t{W}));
        const size_t at = 2 * first * n;
        dft_read(*plan, in + at, lanes, inverse, work);
        dft_any_pass(plan->radix[0], work, n, plan->twiddle[0]);
        for (int base = 0; base < n && plan->passes > 1; base += block) {
            for (int p = 1, length = block; p < plan->passes; length /= plan->radix[p++]) {
                for (int sub = base; sub < base + block; sub += length) {
                    dft_any_pass(plan->radix[p], work + sub * ptrdiff_t{2 * W}, length, plan->twiddle[p]);
                }
            }
        }
        dft_write(*plan, work, lanes, inverse, out + at);
    }
}

const DftOps dft_table{dft_transform};

}  // namespace picocell::PICOCELL_NS
