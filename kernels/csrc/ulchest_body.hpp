// Body of the uplink's channel estimation, compiled once per instruction set.
#include "fft_vector.hpp"
#include "ulchest.hpp"

namespace picocell::PICOCELL_NS {

constexpr int ul_rb = 12;  // subcarriers of a resource block
constexpr int ul_pad = 16;
constexpr int ul_row = ulchest_max_subcarriers + ul_pad;

struct UlPlane {
    alignas(64) float re[ul_row];
    alignas(64) float im[ul_row];
};

// Sum of m floats, m a multiple of 12.
inline double ul_sum(const float* x, int m) {
    float part[ul_rb] = {};
    for (int k = 0; k < m; k += ul_rb) {
        for (int i = 0; i < ul_rb; ++i) part[i] += x[k + i];
    }
    double sum = 0;
    for (float p : part) sum += p;
    return sum;
}

inline const float* ul_symbol(const UlAllocation& where, const float* grid, int rx, int l) {
    const int slot = 2 * l >= where.n_symb;
    return grid + 2 * ((static_cast<ptrdiff_t>(rx) * where.n_symb + l) * where.n_sc + where.first[slot]);
}

double ul_pilots(const UlAllocation& where, const float* grid, const int* symbols, const float* r, float* pilots) {
    alignas(64) float square[ul_row];
    double power = 0;
    for (int s = 0; s < 2; ++s, r += 2 * where.m) {
        for (int rx = 0; rx < where.n_rx; ++rx, pilots += 2 * where.m) {
            const float* __restrict y = ul_symbol(where, grid, rx, symbols[s]);
            float* __restrict out = pilots;
            for (int k = 0; k < where.m; ++k) {
                const float a = y[2 * k], b = y[2 * k + 1], c = r[2 * k], d = r[2 * k + 1];
                const float re = a * c + b * d, im = b * c - a * d;
                out[2 * k] = re;
                out[2 * k + 1] = im;
                square[k] = re * re + im * im;
            }
            power += ul_sum(square, where.m);
        }
    }
    return power / (2.0 * where.n_rx * where.m);
}

// A block's planes are followed by zeros, so that rows of the table by lag need no bounds.
template <int Length>
void ul_add_block(const float* x, float* re_sum, float* im_sum) {
    alignas(64) float re[2 * Length] = {}, im[2 * Length] = {};
    for (int k = 0; k < Length; ++k) re[k] = x[2 * k], im[k] = x[2 * k + 1];
    for (int d = 0; d < Length; ++d) {
        float* __restrict to_re = re_sum + d * Length;
        float* __restrict to_im = im_sum + d * Length;
        for (int j = 0; j < Length; ++j) {
            to_re[j] += re[j + d] * re[j] + im[j + d] * im[j];
            to_im[j] += im[j + d] * re[j] - re[j + d] * im[j];
        }
    }
}

template <int Length>
int ul_block_covariance(const float* pilots, int n, int m, float* covariance) {
    alignas(64) float re[Length * Length] = {}, im[Length * Length] = {};
    int count = 0;
    for (int v = 0; v < n; ++v, pilots += 2 * m) {
        for (int start = 0; start < m; start += Length, ++count) {
            ul_add_block<Length>(pilots + 2 * std::min(start, m - Length), re, im);
        }
    }
    const float scale = 1.0f / static_cast<float>(count);
    for (int i = 0; i < Length * Length; ++i) {
        covariance[2 * i] = re[i] * scale;
        covariance[2 * i + 1] = im[i] * scale;
    }
    return count;
}

int ul_covariance(const float* pilots, int n, int m, int length, float* covariance) {
    if (length == ul_rb) return ul_block_covariance<ul_rb>(pilots, n, m, covariance);
    return ul_block_covariance<2 * ul_rb>(pilots, n, m, covariance);
}

// Place and height of the maximum of the parabola through the largest score.
inline void ul_vertex(const float* score, int n, double& place, double& height) {
    const int at = std::clamp(static_cast<int>(std::max_element(score, score + n) - score), 1, n - 2);
    const double left = score[at - 1], middle = score[at], right = score[at + 1];
    const double bend = std::max(2 * middle - left - right, 1e-12);
    const double step = std::clamp(0.5 * (right - left) / bend, -1.0, 1.0);
    place = at + step;
    height = middle + 0.25 * (right - left) * step;
}

// Sum of table times covariance over each lag; noise power is the real part of their sum.
inline double ul_trace(const float* table, const float* covariance, int size) {
    double sum = 0;
    for (int i = 0; i < size; ++i) sum += table[i] * covariance[2 * i];
    return sum;
}

inline void ul_lag(const float* table, const float* covariance, int n, double& re, double& im) {
    re = im = 0;
    for (int j = 0; j < n; ++j) re += table[j] * covariance[2 * j], im += table[j] * covariance[2 * j + 1];
}

// Most likely width and place of the offset, at a noise power and the tables of the ratio to it.
UlDelay ul_most_likely(const UlDelayTables& tables, const float* covariance, int snr, double noise, double n_blocks) {
    alignas(64) float score[ulchest_max_offsets];
    UlDelay best{};
    double highest = -std::numeric_limits<double>::infinity();
    const int length = tables.length, n = tables.n_offsets;
    for (int w = 0; w < tables.n_widths; ++w) {
        const int model = snr * tables.n_widths + w;
        std::fill(score, score + n, 0.0f);
        for (int d = 0; d < length; ++d) {
            double re, im;
            ul_lag(tables.inverse + (model * length + d) * length, covariance + 2 * d * length, length - d, re, im);
            const float a = static_cast<float>(re * n_blocks / noise), b = static_cast<float>(im * n_blocks / noise);
            const float* __restrict phase = tables.phases + 2 * d * n;
            for (int t = 0; t < n; ++t) score[t] -= a * phase[2 * t] - b * phase[2 * t + 1];
        }
        const double base = n_blocks * tables.log_det[model];
        const double* prior = tables.prior + w * n;
        for (int t = 0; t < n; ++t) score[t] += static_cast<float>(prior[t] - base);
        double place, height;
        ul_vertex(score, n, place, height);
        if (height > highest) highest = height, best.width = w, best.offset = place;
    }
    best.offset = tables.first_offset + tables.offset_step * best.offset;
    return best;
}

UlDelay ul_delay(const UlDelayTables& tables, const float* covariance, double n_blocks, double known_noise) {
    const int length = tables.length, size = length * length;
    double total = 0;
    for (int j = 0; j < length; ++j) total += covariance[2 * j];
    total /= length;
    const double floor = std::max(total, 1e-30) * ulchest_noise_floor;
    double noise = known_noise >= 0 ? known_noise : ul_trace(tables.silence, covariance, size);
    noise = std::max(noise, floor);
    const double snr_db = 10 * std::log10(std::max((total - noise) / noise, 1e-3));
    const double place = (snr_db - tables.first_snr_db) / tables.snr_step_db;
    const int snr = static_cast<int>(std::lround(std::clamp(place, 0.0, tables.n_snr - 1.0)));
    UlDelay best = ul_most_likely(tables, covariance, snr, noise, n_blocks);
    if (known_noise < 0) {  // the delay found leaves more of the block to the noise than all trial delays together
        noise = 0;
        for (int d = 0; d < length; ++d) {
            double re, im;
            ul_lag(tables.quiet + (best.width * length + d) * length, covariance + 2 * d * length, length - d, re, im);
            const double angle = tables.turn * best.offset * d;
            noise += re * std::cos(angle) - im * std::sin(angle);
        }
    }
    best.total = total;
    best.noise = std::max(noise, floor);
    return best;
}

// exp(j turn (k - (m - 1) / 2)): sixteen phasors, stepped from an exact start every sixteen subcarriers.
void ul_phasors(double turn, int m, UlPlane& out) {
    float re[ul_pad], im[ul_pad];
    for (int i = 0; i < ul_pad; ++i) {
        re[i] = static_cast<float>(std::cos(turn * i));
        im[i] = static_cast<float>(std::sin(turn * i));
    }
    for (int k = 0; k < m; k += ul_pad) {
        const double start = turn * (k - 0.5 * (m - 1));
        const float c = static_cast<float>(std::cos(start)), s = static_cast<float>(std::sin(start));
        for (int i = 0; i < ul_pad; ++i) {
            out.re[k + i] = c * re[i] - s * im[i];
            out.im[k + i] = c * im[i] + s * re[i];
        }
    }
}

// out = (c0 a + c1 b) times the phasors, in planes.
void ul_mix(const float* __restrict a, const float* __restrict b, const float* c, const UlPlane& phasors, int m,
            UlPlane& __restrict out) {
    for (int k = 0; k < m; ++k) {
        const float re = c[0] * a[2 * k] - c[1] * a[2 * k + 1] + c[2] * b[2 * k] - c[3] * b[2 * k + 1];
        const float im = c[0] * a[2 * k + 1] + c[1] * a[2 * k] + c[2] * b[2 * k + 1] + c[3] * b[2 * k];
        out.re[k] = re * phasors.re[k] - im * phasors.im[k];
        out.im[k] = re * phasors.im[k] + im * phasors.re[k];
    }
}

// Taps with rows of equal, padded length, so that whole vectors can be read.
struct UlTaps {
    static constexpr int row = ulchest_max_window + ul_pad;
    alignas(64) float at[ulchest_max_window * row];

    UlTaps(const float* taps, int length) {
        for (int i = 0; i < length; ++i) {
            std::copy(taps + i * length, taps + (i + 1) * length, at + i * row);
            std::fill(at + i * row + length, at + i * row + length + ul_pad, 0.0f);
        }
    }
};

// Each resource block from the window that has it nearest to its middle. Writes up to ul_pad past the end.
void ul_filter(const UlPlane& __restrict x, const UlTaps& taps, int length, int m, UlPlane& __restrict out) {
    constexpr int W = PICOCELL_VECTOR_BYTES / sizeof(float), n = (ul_rb + W - 1) / W;
    using L = Lanes<W>;
    const int side = length / 2 / ul_rb * ul_rb;
    for (int k = 0; k < m; k += ul_rb) {
        const int start = std::clamp(k - side, 0, m - length);
        const float* column = taps.at + (k - start);
        typename L::V re[2][n] = {}, im[2][n] = {};
        for (int i = 0; i < length; i += 2) {
            PICOCELL_UNROLL
            for (int odd = 0; odd < 2; ++odd, column += UlTaps::row) {
                const float a = x.re[start + i + odd], b = x.im[start + i + odd];
                PICOCELL_UNROLL
                for (int c = 0; c < n; ++c) {
                    const typename L::V t = L::load_unaligned(column + W * c);
                    re[odd][c] += t * a;
                    im[odd][c] += t * b;
                }
            }
        }
        PICOCELL_UNROLL
        for (int c = 0; c < n; ++c) {
            L::store_unaligned(out.re + k + W * c, re[0][c] + re[1][c]);
            L::store_unaligned(out.im + k + W * c, im[0][c] + im[1][c]);
        }
    }
}

void ul_turn_back(const UlPlane& __restrict phasors, int m, UlPlane& __restrict x) {
    for (int k = 0; k < m; ++k) {
        const float re = x.re[k], im = x.im[k];
        x.re[k] = re * phasors.re[k] + im * phasors.im[k];
        x.im[k] = im * phasors.re[k] - re * phasors.im[k];
    }
}

void ul_channel(const UlAllocation& where, const float* pilots, double turn, const float* mix,
                const float* const taps[2], int length, const float* weights, float* h) {
    UlPlane phasors, raw, x[2];
    const int m = where.m, n_symb = where.n_symb;
    const UlTaps filters[2] = {{taps[0], length}, {taps[1], length}};
    ul_phasors(turn, m, phasors);
    for (int rx = 0; rx < where.n_rx; ++rx) {
        const float* first = pilots + 2 * static_cast<ptrdiff_t>(rx) * m;
        const float* second = first + 2 * static_cast<ptrdiff_t>(where.n_rx) * m;
        for (int i = 0; i < 2; ++i) {
            ul_mix(first, second, mix + 4 * i, phasors, m, raw);
            ul_filter(raw, filters[i], length, m, x[i]);
            ul_turn_back(phasors, m, x[i]);
        }
        for (int l = 0; l < n_symb; ++l, h += 2 * m) {
            const float a = weights[2 * l], b = weights[2 * l + 1];
            const float c = weights[2 * (n_symb + l)], d = weights[2 * (n_symb + l) + 1];
            float* __restrict out = h;
            for (int k = 0; k < m; ++k) {
                out[2 * k] = a * x[0].re[k] - b * x[0].im[k] + c * x[1].re[k] - d * x[1].im[k];
                out[2 * k + 1] = a * x[0].im[k] + b * x[0].re[k] + c * x[1].im[k] + d * x[1].re[k];
            }
        }
    }
}

// Sums conj(h) y and |h|^2 of one antenna into planes.
void ul_match(const float* __restrict y, const float* __restrict h, int m, UlPlane& __restrict x,
              float* __restrict gain) {
    for (int k = 0; k < m; ++k) {
        const float a = y[2 * k], b = y[2 * k + 1], c = h[2 * k], d = h[2 * k + 1];
        x.re[k] += a * c + b * d;
        x.im[k] += b * c - a * d;
        gain[k] += c * c + d * d;
    }
}

void ul_equalise(const UlAllocation& where, const float* grid, const float* h, const float* noise, const int* symbols,
                 int n, float* x, float* share) {
    UlPlane sum;
    alignas(64) float gain[ul_row], part[ul_row];
    const int m = where.m;
    for (int i = 0; i < n; ++i, x += 2 * m) {
        const int l = symbols[i];
        std::fill(sum.re, sum.re + m, 0.0f);
        std::fill(sum.im, sum.im + m, 0.0f);
        std::fill(gain, gain + m, 0.0f);
        for (int rx = 0; rx < where.n_rx; ++rx) {
            ul_match(ul_symbol(where, grid, rx, l), h + 2 * (static_cast<ptrdiff_t>(rx) * where.n_symb + l) * m, m, sum,
                     gain);
        }
        for (int k = 0; k < m; ++k) {
            const float weight = 1.0f / (gain[k] + noise[l]);
            part[k] = gain[k] * weight;
            gain[k] = weight;
        }
        const double total = ul_sum(part, m);
        share[i] = static_cast<float>(total / m);
        const float scale = 1.0f / std::max(share[i], 1e-9f);
        float* __restrict out = x;
        for (int k = 0; k < m; ++k) {
            out[2 * k] = sum.re[k] * gain[k] * scale;
            out[2 * k + 1] = sum.im[k] * gain[k] * scale;
        }
    }
}

}  // namespace picocell::PICOCELL_NS

#include "ulchest_pusch.hpp"

namespace picocell::PICOCELL_NS {

const UlchestOps ulchest_table{ul_pilots, ul_covariance, ul_delay, ul_channel, ul_equalise, ul_pusch};

}  // namespace picocell::PICOCELL_NS
