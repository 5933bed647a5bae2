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

typedef float ChestFloats __attribute__((vector_size(PICOCELL_VECTOR_BYTES), aligned(4)));
constexpr size_t chest_floats = PICOCELL_VECTOR_BYTES / 4;

// Sample covariance of blocks of pilots, lower triangle, trace = length. The pilots of each block lie in planes of real
// and imaginary parts, filled up with zeros to whole vectors; a row of the result grows a vector at a time.
inline void chest_covariance(const float* z, size_t n_rows, size_t n_pilots, const ChestDelayModels& m, double* re,
                             double* im) {
    const size_t length = m.length, n = n_rows * m.n_blocks;
    const size_t stride = (length + chest_floats - 1) / chest_floats * chest_floats;
    static thread_local ChestScratch<float> scratch;
    float* pr = scratch.get(2 * stride * n);
    float* pi = pr + stride * n;
    for (size_t row = 0; row < n_rows; ++row)
        for (size_t b = 0; b < m.n_blocks; ++b) {
            const float* from = z + 2 * (row * n_pilots + static_cast<size_t>(m.blocks[b]));
            const size_t at = (row * m.n_blocks + b) * stride;
            for (size_t i = 0; i < length; ++i) pr[at + i] = from[2 * i], pi[at + i] = from[2 * i + 1];
            for (size_t i = length; i < stride; ++i) pr[at + i] = pi[at + i] = 0;
        }
    double trace = 0;
    for (size_t i = 0; i < length; ++i) {
        for (size_t j = 0; j <= i; j += chest_floats) {
            ChestFloats sum_re = {}, sum_im = {};
            for (size_t t = 0; t < n; ++t) {
                const float a = pr[t * stride + i], b = pi[t * stride + i];
                const ChestFloats c = *reinterpret_cast<const ChestFloats*>(pr + t * stride + j);
                const ChestFloats d = *reinterpret_cast<const ChestFloats*>(pi + t * stride + j);
                sum_re += a * c + b * d;
                sum_im += b * c - a * d;
            }
            for (size_t q = 0; q < chest_floats && j + q <= i; ++q) {
                re[i * length + j + q] = sum_re[q];
                im[i * length + j + q] = sum_im[q];
            }
        }
        trace += re[i * length + i];
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

constexpr size_t chest_doubles = PICOCELL_VECTOR_BYTES / 8;
typedef double ChestDoubles __attribute__((vector_size(PICOCELL_VECTOR_BYTES), aligned(8)));

// What of the product of C and a real symmetric Q lies at each distance but 0, where distances are row - column: rows
// are added up shifted, whole vectors at a time. What lies on and beyond the diagonal goes where nobody reads.
inline void chest_even_lags(size_t length, const double* re, const double* im, const double* q, size_t stride,
                            double* lags) {
    static thread_local ChestScratch<double> scratch;
    const size_t room = 2 * length + chest_doubles;
    double* back_re = scratch.get(2 * room);  // by length - 1 - distance
    double* back_im = back_re + room;
    std::fill(back_re, back_re + 2 * room, 0.0);
    for (size_t i = 1; i < length; ++i)
        for (size_t j = 0; j < i; j += chest_doubles) {
            const ChestDoubles twice = 2 * *reinterpret_cast<const ChestDoubles*>(q + i * stride + j);
            const size_t to = length - 1 - i + j;
            *reinterpret_cast<ChestDoubles*>(back_re + to) +=
                twice * *reinterpret_cast<const ChestDoubles*>(re + i * length + j);
            *reinterpret_cast<ChestDoubles*>(back_im + to) +=
                twice * *reinterpret_cast<const ChestDoubles*>(im + i * length + j);
        }
    for (size_t lag = 1; lag < length; ++lag) {
        lags[2 * lag] = back_re[length - 1 - lag];
        lags[2 * lag + 1] = back_im[length - 1 - lag];
    }
}

// curve[p] = tr(C D_p Q D_p^H) for every trial delay p and a real symmetric Q, whose rows are `stride` apart.
inline void chest_curve(const ChestDelayModels& m, const double* re, const double* im, const double* q, size_t stride,
                        double trimmed, double* lags, double* curve) {
    const size_t length = m.length, n = m.n_phases;
    std::fill(lags, lags + 2 * m.n_lags, 0.0);
    for (size_t i = 0; i < length; ++i) lags[0] += (re[i * length + i] - trimmed) * q[i * stride + i];
    if (m.even) {
        chest_even_lags(length, re, im, q, stride, lags);
    } else {
        for (size_t i = 0; i < length; ++i)
            for (size_t j = 0; j < i; ++j) {
                const size_t lag = static_cast<size_t>(m.lag[i * length + j]);
                lags[2 * lag] += 2 * re[i * length + j] * q[i * stride + j];
                lags[2 * lag + 1] += 2 * im[i * length + j] * q[i * stride + j];
            }
    }
    constexpr size_t part = 4 * chest_doubles;
    size_t p = 0;
    for (; p + part <= n; p += part) {
        ChestDoubles sum[4];
        for (ChestDoubles& x : sum) x = lags[0] + ChestDoubles{};
        for (size_t lag = 1; lag < m.n_lags; ++lag) {
            const double a = lags[2 * lag], b = lags[2 * lag + 1];
            const double *c = m.cosine + lag * n + p, *s = m.sine + lag * n + p;
            for (size_t t = 0; t < 4; ++t)
                sum[t] += a * *reinterpret_cast<const ChestDoubles*>(c + t * chest_doubles) +
                          b * *reinterpret_cast<const ChestDoubles*>(s + t * chest_doubles);
        }
        for (size_t t = 0; t < 4; ++t) *reinterpret_cast<ChestDoubles*>(curve + p + t * chest_doubles) = sum[t];
    }
    for (; p < n; ++p) {
        curve[p] = lags[0];
        for (size_t lag = 1; lag < m.n_lags; ++lag)
            curve[p] += lags[2 * lag] * m.cosine[lag * n + p] + lags[2 * lag + 1] * m.sine[lag * n + p];
    }
}

inline size_t chest_stride(size_t length) { return (length + chest_doubles - 1) / chest_doubles * chest_doubles; }

// Inverse covariance of a model with signal power s and noise n, lower triangle: I / n plus a term w v v^T for each
// eigenvector v. `rows` gets v and w v in rows of whole vectors, as `q` has them.
inline double chest_inverse(const ChestDelayModels& m, size_t width, double s, double n, double* rows, double* q) {
    const size_t length = m.length, stride = chest_stride(length);
    const double* values = m.values + width * length;
    double product = 1, log_det = 0;
    size_t count = 0;
    for (size_t k = 0; k < length; ++k) {
        const double value = s * values[k] + n;
        product *= value;
        if (product < 1e-100 || product > 1e100) log_det += std::log(product), product = 1;
        if (s * values[k] < 1e-6 * n) continue;
        const double w = 1 / value - 1 / n;
        const double* v = m.vectors + (width * length + k) * length;
        double* plain = rows + 2 * stride * count++;
        double* scaled = plain + stride;
        for (size_t i = 0; i < length; ++i) plain[i] = v[i], scaled[i] = w * v[i];
        for (size_t i = length; i < stride; ++i) plain[i] = 0;
    }
    for (size_t j = 0; j < length; j += chest_doubles)
        for (size_t i = j; i < length; i += 4) {  // rows at a time, to hide the latency of a sum
            const size_t together = std::min<size_t>(4, length - i);
            ChestDoubles sum[4] = {};
            for (size_t k = 0; k < count; ++k) {
                const ChestDoubles v = *reinterpret_cast<const ChestDoubles*>(rows + 2 * k * stride + j);
                const double* scaled = rows + (2 * k + 1) * stride + i;
                for (size_t r = 0; r < 4; ++r) sum[r] += scaled[r < together ? r : 0] * v;
            }
            for (size_t r = 0; r < together; ++r)
                *reinterpret_cast<ChestDoubles*>(q + (i + r) * stride + j) = sum[r];
        }
    for (size_t i = 0; i < length; ++i) q[i * stride + i] += 1 / n;
    return log_det + std::log(product);
}

// Noise power: what of the covariance lies outside a delay window with its centre at a slope. `rows` gets the real part
// of the covariance with the slope taken out, lower triangle, twice what lies below the diagonal.
inline double chest_noise_outside(const ChestDelayModels& m, size_t width, double slope, const double* re,
                                  const double* im, double* turn, double* rows) {
    const size_t length = m.length, loud = static_cast<size_t>(m.loud[width]);
    double *c = turn, *s = turn + length;
    for (size_t i = 0; i < length; ++i) {
        c[i] = std::cos(slope * m.places[i]);
        s[i] = std::sin(slope * m.places[i]);
    }
    for (size_t i = 0; i < length; ++i) {
        for (size_t j = 0; j < i; ++j)
            rows[i * length + j] = 2 * (re[i * length + j] * (c[i] * c[j] + s[i] * s[j]) +
                                        im[i * length + j] * (s[i] * c[j] - c[i] * s[j]));
        rows[i * length + i] = re[i * length + i];
    }
    double left = static_cast<double>(length);
    for (size_t k = 0; k < loud; ++k) {
        const double* v = m.vectors + (width * length + k) * length;
        for (size_t i = 0; i < length; ++i) {
            double part[4] = {};
            size_t j = 0;
            for (; j + 4 <= i + 1; j += 4)
                for (size_t t = 0; t < 4; ++t) part[t] += rows[i * length + j + t] * v[j + t];
            for (; j <= i; ++j) part[0] += rows[i * length + j] * v[j];
            left -= v[i] * ((part[0] + part[1]) + (part[2] + part[3]));
        }
    }
    return std::max(left / static_cast<double>(length - loud), 1e-9);
}

inline double chest_parabola(double left, double middle, double right) {
    const double curvature = left - 2 * middle + right;
    return curvature < 0 ? 0.5 * (left - right) / curvature : 0.0;
}

inline double chest_greatest(const double* x, size_t n) {
    double part[8];
    std::fill(part, part + 8, x[0]);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t t = 0; t < 8; ++t) part[t] = part[t] > x[i + t] ? part[t] : x[i + t];
    for (; i < n; ++i) part[0] = std::max(part[0], x[i]);
    return *std::max_element(part, part + 8);
}

// Slope under which a likelihood curve is highest, between the trial delays; `most` is its value there.
inline double chest_peak(const double* curve, size_t n, double most) {
    constexpr double two_pi = 6.28318530717958647692;
    const size_t top = std::min(static_cast<size_t>(std::find(curve, curve + n, most) - curve), n - 1);
    const double fine = chest_parabola(curve[(top + n - 1) % n], curve[top], curve[(top + 1) % n]);
    return two_pi * ((static_cast<double>(top) + fine) / static_cast<double>(n) - 0.5);
}

inline void chest_choose(const ChestDelayModels& m, const double* re, const double* im, ChestObservation& out) {
    const size_t length = m.length, n = m.n_phases, stride = chest_stride(length);
    static thread_local ChestScratch<double> scratch;
    double* q = scratch.get(length * stride + 2 * m.n_lags + n + 2 * length + m.n_widths + 2 * length * stride);
    double* lags = q + length * stride;
    double* curve = lags + 2 * m.n_lags;
    double* turn = curve + n;
    double* slopes = turn + 2 * length;
    double* rows = slopes + m.n_widths;
    constexpr double least_signal = 0.02;
    chest_curve(m, re, im, m.silence, length, 0.0, lags, curve);
    const double noise = std::max(*std::min_element(curve, curve + n) * m.noise_correction, 1e-7);
    double best = -std::numeric_limits<double>::infinity();
    size_t chosen = 0;
    for (size_t width = 0; width < m.n_widths; ++width) {
        const double log_det = chest_inverse(m, width, std::max(1 - noise, least_signal), noise / m.time_gain, rows,
                                             q);
        chest_curve(m, re, im, q, stride, noise * (1 - 1 / m.time_gain), lags, curve);
        const double* prior = m.prior + width * n;
        for (size_t p = 0; p < n; ++p) curve[p] = prior[p] - m.weight * (curve[p] + log_det);
        const double top = chest_greatest(curve, n);
        slopes[width] = chest_peak(curve, n, top);
        if (top > best) {
            best = top;
            chosen = width;
        }
    }
    out.width = static_cast<int32_t>(chosen);
    out.slope = slopes[chosen];
    out.noise = chest_noise_outside(m, chosen, out.slope, re, im, turn, rows);
    const size_t wide = std::min(chosen + m.guard, m.n_widths - 1);
    out.apart = wide == chosen ? out.noise : chest_noise_outside(m, wide, slopes[wide], re, im, turn, rows);
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
    const size_t size = models.length * models.length;
    double* re = scratch.get(2 * size + chest_doubles);  // whole vectors are read also from the end of the last row
    double* im = re + size;
    std::fill(re, re + 2 * size + chest_doubles, 0.0);
    chest_covariance(z, n_rx * rows.n_rows, rows.n_pilots, models, re, im);
    chest_choose(models, re, im, out);
}

}  // namespace picocell::PICOCELL_NS
