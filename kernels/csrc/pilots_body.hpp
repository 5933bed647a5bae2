// Body of the pilots kernel, compiled once per instruction set.
#include "pilots.hpp"

namespace picocell::PICOCELL_NS {

constexpr size_t pilots_lanes = PICOCELL_VECTOR_BYTES / 4;

struct PilotsSum {
    double re = 0, im = 0, power = 0;
};

// Sums over n pairs of conj(a) b, and of the pairs' mean power.
inline PilotsSum pilots_pairs(const float* ar, const float* ai, const float* br, const float* bi, size_t n) {
    float re[pilots_lanes] = {}, im[pilots_lanes] = {}, power[pilots_lanes] = {};
    size_t m = 0;
    for (; m + pilots_lanes <= n; m += pilots_lanes)
        for (size_t q = 0; q < pilots_lanes; ++q) {
            const float a = ar[m + q], b = ai[m + q], c = br[m + q], d = bi[m + q];
            re[q] += a * c + b * d;
            im[q] += a * d - b * c;
            power[q] += a * a + b * b + c * c + d * d;
        }
    for (size_t q = 0; m < n; ++m, ++q) {
        const float a = ar[m], b = ai[m], c = br[m], d = bi[m];
        re[q] += a * c + b * d;
        im[q] += a * d - b * c;
        power[q] += a * a + b * b + c * c + d * d;
    }
    PilotsSum sum;
    for (size_t q = 0; q < pilots_lanes; ++q) {
        sum.re += re[q];
        sum.im += im[q];
        sum.power += 0.5 * power[q];
    }
    return sum;
}

void pilots_turns(const float* y, size_t n_rx, const float* reference, const PilotsPlan& p, PilotsTurns& out) {
    const size_t n = p.n_rows * p.n_pilots;
    static thread_local std::vector<float> scratch;
    scratch.resize(2 * n);
    float* re = scratch.data();
    float* im = re + n;
    out = {};
    for (size_t rx = 0; rx < n_rx; ++rx, y += 2 * p.n_grid) {
        for (size_t i = 0; i < n; ++i) {
            const float* from = y + 2 * static_cast<size_t>(p.index[i]);
            const float a = from[0], b = from[1], c = reference[2 * i], s = reference[2 * i + 1];
            re[i] = a * c + b * s;
            im[i] = b * c - a * s;
        }
        for (size_t row = 0; row < p.n_rows; ++row) {
            const float *r = re + row * p.n_pilots, *i = im + row * p.n_pilots;
            const size_t first = p.gap ? p.gap : p.n_pilots;
            for (size_t half = 0; half < 2; ++half) {
                const size_t begin = half ? first : 0, end = half ? p.n_pilots : first;
                if (end < begin + 2) continue;
                const PilotsSum sum = pilots_pairs(r + begin, i + begin, r + begin + 1, i + begin + 1, end - begin - 1);
                out.next_re += sum.re;
                out.next_im += sum.im;
                out.power += sum.power;
            }
            if (p.partner[row] < 0) continue;
            const size_t other = static_cast<size_t>(p.partner[row]) * p.n_pilots;
            const PilotsSum sum = pilots_pairs(r, i, re + other, im + other, p.n_pilots);
            out.later_re += sum.re;
            out.later_im += sum.im;
        }
    }
}

}  // namespace picocell::PICOCELL_NS
