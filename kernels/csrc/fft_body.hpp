// The transform itself (see fft_plan.hpp for the three steps), from any source of rows to any sink of bins.
#pragma once
#include "fft_plan.hpp"
#include "fft_vector.hpp"

namespace picocell::PICOCELL_NS {

// One radix pass at transform length `length`: butterflies over rows `stride` apart, then twiddles.
template <int W, int R, bool Twiddle, class Load>
PICOCELL_INLINE void fft_butterflies(float* work, int base, int stride, const float* twiddle, Load load) {
    using L = Lanes<W>;
    for (int j = 0; j < stride; ++j) {
        typename L::V re[R], im[R];
        PICOCELL_UNROLL
        for (int t = 0; t < R; ++t) load(base + j + t * stride, re[t], im[t]);
        dft<R>(re, im);
        float* out = work + static_cast<ptrdiff_t>(base + j) * 2 * W;
        const ptrdiff_t step = static_cast<ptrdiff_t>(stride) * 2 * W;
        PICOCELL_UNROLL
        for (int u = 0; u < R; ++u) {
            if (Twiddle && u) multiply(re[u], im[u], twiddle[2 * u - 2], twiddle[2 * u - 1]);
            L::store(out + u * step, re[u]);
            L::store(out + u * step + W, im[u]);
        }
        if (Twiddle) twiddle += 2 * (R - 1);
    }
}

template <int W, int R, class Source>
void fft_first_pass(const FftPlan& plan, float* work, const Source& source) {
    using V = typename Lanes<W>::V;
    const auto load = [&](int row, V& re, V& im) __attribute__((always_inline)) { source.load(row, re, im); };
    if (plan.rows == R) {
        fft_butterflies<W, R, false>(work, 0, 1, nullptr, load);
    } else {
        fft_butterflies<W, R, true>(work, 0, plan.rows / R, plan.pass_twiddle[0], load);
    }
}

template <int W, int R>
void fft_later_pass(const FftPlan& plan, float* work, int length, const float* twiddle) {
    using L = Lanes<W>;
    using V = typename L::V;
    const auto load = [=](int row, V& re, V& im) __attribute__((always_inline)) {
        re = L::load(work + static_cast<ptrdiff_t>(row) * 2 * W);
        im = L::load(work + static_cast<ptrdiff_t>(row) * 2 * W + W);
    };
    for (int base = 0; base < plan.rows; base += length) {
        if (length == R) {
            fft_butterflies<W, R, false>(work, base, 1, nullptr, load);
        } else {
            fft_butterflies<W, R, true>(work, base, length / R, twiddle, load);
        }
    }
}

// Steps 2 and 3 for W values of k at a time.
template <int W, class Sink>
void fft_across_lanes(const FftPlan& plan, const float* work, const Sink& sink) {
    using L = Lanes<W>;
    using V = typename L::V;
    constexpr int A = W / 4;
    for (int k0 = 0; k0 < plan.rows; k0 += W) {
        V zr[A][4], zi[A][4];
        PICOCELL_UNROLL
        for (int q = 0; q < 4; ++q) {
            V re[A], im[A];
            PICOCELL_UNROLL
            for (int i = 0; i < A; ++i) {
                const int k = k0 + q + 4 * i;
                const float* row = work + plan.row_of[k] * size_t{2 * W};
                const float* twiddle = plan.twiddle + k * size_t{2 * W};
                re[i] = L::load(row);
                im[i] = L::load(row + W);
                multiply(re[i], im[i], L::load(twiddle), L::load(twiddle + W));
            }
            if constexpr (A > 1) {
                L::transpose_blocks(re);
                L::transpose_blocks(im);
                dft<A>(re, im);
            }
            PICOCELL_UNROLL
            for (int c = 0; c < A; ++c) {
                const float* lane = plan.lane_twiddle + (c - 1) * 2 * W;
                if (c) multiply(re[c], im[c], L::load(lane), L::load(lane + W));
                zr[c][q] = re[c];
                zi[c][q] = im[c];
            }
        }
        PICOCELL_UNROLL
        for (int c = 0; c < A; ++c) {
            L::transpose_inside(zr[c]);
            L::transpose_inside(zi[c]);
            dft<4>(zr[c], zi[c]);
            PICOCELL_UNROLL
            for (int d = 0; d < 4; ++d) sink.store(k0 + plan.rows * (c + A * d), zr[c][d], zi[c][d]);
        }
    }
}

// source.load(row, re, im) gives row m of the input; sink.store(bin, re, im) takes bins bin to bin + W - 1.
// work holds 2 N floats, aligned to 64 bytes.
template <int W, class Source, class Sink>
void fft_transform(const FftPlan& plan, float* work, const Source& source, const Sink& sink) {
    switch (plan.radix[0]) {
        case 2: fft_first_pass<W, 2>(plan, work, source); break;
        case 3: fft_first_pass<W, 3>(plan, work, source); break;
        case 4: fft_first_pass<W, 4>(plan, work, source); break;
        case 6: fft_first_pass<W, 6>(plan, work, source); break;
        case 8: fft_first_pass<W, 8>(plan, work, source); break;
        case 12: fft_first_pass<W, 12>(plan, work, source); break;
        default: fft_first_pass<W, 16>(plan, work, source); break;
    }
    for (int p = 1, length = plan.rows / plan.radix[0]; p < plan.passes; length /= plan.radix[p++]) {
        switch (plan.radix[p]) {
            case 2: fft_later_pass<W, 2>(plan, work, length, plan.pass_twiddle[p]); break;
            case 3: fft_later_pass<W, 3>(plan, work, length, plan.pass_twiddle[p]); break;
            case 4: fft_later_pass<W, 4>(plan, work, length, plan.pass_twiddle[p]); break;
            case 6: fft_later_pass<W, 6>(plan, work, length, plan.pass_twiddle[p]); break;
            case 8: fft_later_pass<W, 8>(plan, work, length, plan.pass_twiddle[p]); break;
            case 12: fft_later_pass<W, 12>(plan, work, length, plan.pass_twiddle[p]); break;
            default: fft_later_pass<W, 16>(plan, work, length, plan.pass_twiddle[p]); break;
        }
    }
    fft_across_lanes<W>(plan, work, sink);
}

}  // namespace picocell::PICOCELL_NS
