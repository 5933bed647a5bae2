// First half of channel estimation: least squares, and the likeliest delay model for the pilots' covariance.
#pragma once
#include "chest.hpp"

namespace picocell::PICOCELL_NS {

// Memory of one thread that grows as needed: a call allocates nothing once it has run.
template <class T>
class ChestScratch {
public:
    T* get(size_t n) {
        if (n > size_) {
            data_.reset(new T[n]);
            size_ = n;
        }
        return data_.get();
    }

private:
    std::unique_ptr<T[]> data_;
    size_t size_ = 0;
};

inline double chest_power(const float* x, size_t n) {
    double sum = 0;
    for (size_t start = 0; start < n; start += 64) {
        const size_t end = std::min(n, start + 64);
        double part[8] = {};
        size_t i = start;
        for (; i + 8 <= end; i += 8)
            for (size_t j = 0; j < 8; ++j) part[j] += static_cast<double>(x[i + j]) * x[i + j];
        for (; i < end; ++i) part[0] += static_cast<double>(x[i]) * x[i];
        for (double p : part) sum += p;
    }
    return sum;
}

inline void chest_least_squares(const float* y, const ChestRows& rows, float* z) {
    const size_t n = rows.n_rows * rows.n_pilots;
    for (size_t i = 0; i < n; ++i) {
        const float* from = y + 2 * static_cast<size_t>(rows.index[i]);
        const float re = from[0], im = from[1], c = rows.reference[2 * i], s = rows.reference[2 * i + 1];
        z[2 * i] = re * c + im * s;
        z[2 * i + 1] = im * c - re * s;
    }
}

// Sample covariance of blocks of pilots, lower triangle, trace = length. The inner loop runs over the blocks of all rows,
// which lie side by side as planes of real and imaginary parts.
inline void chest_covariance(const float* z, size_t n_rows, size_t n_pilots, const ChestDelayModels& m, double* re,
                             double* im) {
    const size_t length = m.length, n = n_rows * m.n_blocks;
    static thread_local ChestScratch<float> scratch;
    float* planes = scratch.get(2 * length * n);
    float* pr = planes;
    float* pi = planes + length * n;
    for (size_t row = 0; row < n_rows; ++row)
        for (size_t b = 0; b < m.n_blocks; ++b) {
            const float* from = z + 2 * (row * n_pilots + static_cast<size_t>(m.blocks[b]));
            const size_t at = row * m.n_blocks + b;
            for (size_t i = 0; i < length; ++i) {
                pr[i * n + at] = from[2 * i];
                pi[i * n + at] = from[2 * i + 1];
            }
        }
    double trace = 0;
    for (size_t i = 0; i < length; ++i)
        for (size_t j = 0; j <= i; ++j) {
            const float *ar = pr + i * n, *ai = pi + i * n, *br = pr + j * n, *bi = pi + j * n;
            float sum_re = 0, sum_im = 0;
            constexpr size_t lanes = PICOCELL_VECTOR_BYTES / 4;
            float part_re[lanes] = {}, part_im[lanes] = {};
            size_t t = 0;
            for (; t + lanes <= n; t += lanes)
                for (size_t q = 0; q < lanes; ++q) {
                    part_re[q] += ar[t + q] * br[t + q] + ai[t + q] * bi[t + q];
                    part_im[q] += ai[t + q] * br[t + q] - ar[t + q] * bi[t + q];
                }
            for (; t < n; ++t) {
                sum_re += ar[t] * br[t] + ai[t] * bi[t];
                sum_im += ai[t] * br[t] - ar[t] * bi[t];
            }
            for (size_t q = 0; q < lanes; ++q) sum_re += part_re[q], sum_im += part_im[q];
            re[i * length + j] = sum_re;
            im[i * length + j] = sum_im;
            if (i == j) trace += sum_re;
        }
    if (!(trace > 0)) {  // the pilots between the blocks hold all the power: as good as noise
        std::fill(re, re + length * length, 0.0);
        std::fill(im, im + length * length, 0.0);
        for (size_t i = 0; i < length; ++i) re[i * length + i] = 1;
        return;
    }
    const double scale = static_cast<double>(length) / trace;
    for (size_t i = 0; i < length * length; ++i) re[i] *= scale, im[i] *= scale;
}

// curve[p] = tr(C D_p Q D_p^H) for every trial delay p and a real symmetric Q.
inline void chest_curve(const ChestDelayModels& m, const double* re, const double* im, const double* q, double trimmed,
                        double* lags, double* curve) {
    const size_t length = m.length, n = m.n_phases;
    std::fill(lags, lags + 2 * m.n_lags, 0.0);
    for (size_t i = 0; i < length; ++i) {
        lags[0] += (re[i * length + i] - trimmed) * q[i * length + i];
        for (size_t j = 0; j < i; ++j) {
            const size_t lag = static_cast<size_t>(m.lag[i * length + j]);
            lags[2 * lag] += 2 * re[i * length + j] * q[i * length + j];
            lags[2 * lag + 1] += 2 * im[i * length + j] * q[i * length + j];
        }
    }
    std::fill(curve, curve + n, lags[0]);
    for (size_t lag = 1; lag < m.n_lags; ++lag) {
        const double a = lags[2 * lag], b = lags[2 * lag + 1];
        const double *c = m.cosine + lag * n, *s = m.sine + lag * n;
        for (size_t p = 0; p < n; ++p) curve[p] += a * c[p] + b * s[p];
    }
}

// Inverse covariance of a model with signal power s and noise n: I / n plus a term for each eigenvector.
inline double chest_inverse(const ChestDelayModels& m, size_t width, double s, double n, double* q) {
    const size_t length = m.length;
    const double* vectors = m.vectors + width * length * length;
    const double* values = m.values + width * length;
    double log_det = 0;
    std::fill(q, q + length * length, 0.0);
    for (size_t i = 0; i < length; ++i) q[i * length + i] = 1 / n;
    for (size_t k = 0; k < length; ++k) {
        const double value = s * values[k] + n;
        log_det += std::log(value);
        if (s * values[k] < 1e-6 * n) continue;
        const double w = 1 / value - 1 / n;
        const double* v = vectors + k * length;
        for (size_t i = 0; i < length; ++i)
            for (size_t j = 0; j <= i; ++j) q[i * length + j] += w * v[i] * v[j];
    }
    return log_det;
}

// Noise power: what of the covariance lies outside a delay window with its centre at a slope.
inline double chest_noise_outside(const ChestDelayModels& m, size_t width, double slope, const double* re,
                                  const double* im, double* turn) {
    const size_t length = m.length, loud = static_cast<size_t>(m.loud[width]);
    for (size_t i = 0; i < length; ++i) {
        turn[2 * i] = std::cos(slope * m.places[i]);
        turn[2 * i + 1] = std::sin(slope * m.places[i]);
    }
    double left = static_cast<double>(length);
    for (size_t k = 0; k < loud; ++k) {
        const double* v = m.vectors + (width * length + k) * length;
        double energy = 0;
        for (size_t i = 0; i < length; ++i) {
            energy += v[i] * v[i] * re[i * length + i];
            double a = 0, b = 0;  // sum_j C_ij conj(turn_i) turn_j v_j
            for (size_t j = 0; j < i; ++j) {
                const double cr = re[i * length + j], ci = im[i * length + j];
                a += v[j] * (cr * turn[2 * j] - ci * turn[2 * j + 1]);
                b += v[j] * (cr * turn[2 * j + 1] + ci * turn[2 * j]);
            }
            energy += 2 * v[i] * (a * turn[2 * i] + b * turn[2 * i + 1]);
        }
        left -= energy;
    }
    return std::max(left / static_cast<double>(length - loud), 1e-9);
}

inline double chest_parabola(double left, double middle, double right) {
    const double curvature = left - 2 * middle + right;
    return curvature < 0 ? 0.5 * (left - right) / curvature : 0.0;
}

// Slope under which a likelihood curve is highest, between the trial delays.
inline double chest_peak(const double* curve, size_t n) {
    constexpr double two_pi = 6.28318530717958647692;
    const size_t top = static_cast<size_t>(std::max_element(curve, curve + n) - curve);
    const double fine = chest_parabola(curve[(top + n - 1) % n], curve[top], curve[(top + 1) % n]);
    return two_pi * ((static_cast<double>(top) + fine) / static_cast<double>(n) - 0.5);
}

inline void chest_choose(const ChestDelayModels& m, const double* re, const double* im, ChestObservation& out) {
    const size_t length = m.length, n = m.n_phases;
    static thread_local ChestScratch<double> scratch;
    double* q = scratch.get(length * length + 2 * m.n_lags + n + 2 * length + m.n_widths);
    double* lags = q + length * length;
    double* curve = lags + 2 * m.n_lags;
    double* turn = curve + n;
    double* slopes = turn + 2 * length;
    constexpr double least_signal = 0.02;
    chest_curve(m, re, im, m.silence, 0.0, lags, curve);
    const double noise = std::max(*std::min_element(curve, curve + n) * m.noise_correction, 1e-7);
    double best = -std::numeric_limits<double>::infinity();
    size_t chosen = 0;
    for (size_t width = 0; width < m.n_widths; ++width) {
        const double log_det = chest_inverse(m, width, std::max(1 - noise, least_signal), noise / m.time_gain, q);
        chest_curve(m, re, im, q, noise * (1 - 1 / m.time_gain), lags, curve);
        const double* prior = m.prior + width * n;
        for (size_t p = 0; p < n; ++p) curve[p] = prior[p] - m.weight * (curve[p] + log_det);
        slopes[width] = chest_peak(curve, n);
        const double top = *std::max_element(curve, curve + n);
        if (top > best) {
            best = top;
            chosen = width;
        }
    }
    out.width = static_cast<int32_t>(chosen);
    out.slope = slopes[chosen];
    out.noise = chest_noise_outside(m, chosen, out.slope, re, im, turn);
    const size_t wide = std::min(chosen + m.guard, m.n_widths - 1);
    out.apart = wide == chosen ? out.noise : chest_noise_outside(m, wide, slopes[wide], re, im, turn);
}

void chest_observe(const float* y, size_t n_rx, size_t n_grid, size_t n_sc, const ChestRows& rows,
                   const ChestDelayModels& models, float* z, ChestObservation& out) {
    const size_t n = rows.n_rows * rows.n_pilots;
    double sum = 0, first = 0, rssi = 0;
    for (size_t rx = 0; rx < n_rx; ++rx) {
        const float* grid = y + 2 * rx * n_grid;
        chest_least_squares(grid, rows, z + 2 * rx * n);
        sum += chest_power(z + 2 * rx * n, 2 * n);
        first += chest_power(z + 2 * rx * n, 2 * rows.n_rssi * rows.n_pilots);
        for (size_t i = 0; i < rows.n_rssi; ++i)
            rssi += chest_power(grid + 2 * static_cast<size_t>(rows.rssi[i]) * n_sc, 2 * n_sc);
    }
    const double count = static_cast<double>(n_rx);
    out.power = sum / (count * static_cast<double>(n));
    out.first = first / (count * static_cast<double>(rows.n_rssi * rows.n_pilots));
    out.rssi = rssi / (count * static_cast<double>(rows.n_rssi));
    if (!(out.power > 0) || !std::isfinite(out.power)) return;
    const double level = 1 / std::sqrt(out.power);
    for (size_t i = 0; i < 2 * n_rx * n; ++i) z[i] = static_cast<float>(z[i] * level);
    static thread_local ChestScratch<double> scratch;
    double* re = scratch.get(2 * models.length * models.length);
    double* im = re + models.length * models.length;
    std::fill(re, re + 2 * models.length * models.length, 0.0);
    chest_covariance(z, n_rx * rows.n_rows, rows.n_pilots, models, re, im);
    chest_choose(models, re, im, out);
}

}  // namespace picocell::PICOCELL_NS
