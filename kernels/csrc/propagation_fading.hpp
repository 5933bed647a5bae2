// Body of the channel part of the propagation kernel: a delay line with moving gains, the sums of sinusoids that the
// gains are, the same channel on resource elements, and signals read between their samples.
#include "propagation.hpp"

namespace picocell::PICOCELL_NS {

constexpr int fade_width = PICOCELL_VECTOR_BYTES / 4;
constexpr int fade_block = 2 * fade_width;
// accumulators of a pass are 4 registers a tap: 16 of 32 with AVX-512, 8 of 16 without
constexpr int max_group = PICOCELL_VECTOR_BYTES == 64 ? 4 : 2;

typedef float fade_vector __attribute__((vector_size(PICOCELL_VECTOR_BYTES)));
typedef float fade_unaligned __attribute__((vector_size(PICOCELL_VECTOR_BYTES), aligned(4), may_alias));

inline fade_vector fade_load(const float* at) { return *reinterpret_cast<const fade_unaligned*>(at); }
inline void fade_store(float* at, fade_vector v) { *reinterpret_cast<fade_unaligned*>(at) = v; }

// The filters of a group on one block of one antenna, and what they add to all receive antennas. `w` is the weight of
// the second point at each sample; `sums` holds n_rx times two planes of a block.
template <int Taps>
inline void fade_group(const DelayLine& line, const TapGroup& group, const MovingGains& gains, const float* xr,
                       const float* xi, size_t tx, size_t point, const fade_vector* w, float* sums) {
    fade_vector r[Taps][2] = {}, i[Taps][2] = {};
    const float* c = line.coefficients + group.first;
    for (int m = 0; m < group.span; ++m, c += Taps) {
        const fade_vector r0 = fade_load(xr + m), r1 = fade_load(xr + m + fade_width);
        const fade_vector i0 = fade_load(xi + m), i1 = fade_load(xi + m + fade_width);
        for (int k = 0; k < Taps; ++k) {
            r[k][0] += c[k] * r0;
            r[k][1] += c[k] * r1;
            i[k][0] += c[k] * i0;
            i[k][1] += c[k] * i1;
        }
    }
    for (size_t rx = 0; rx < line.n_rx; ++rx) {
        float* at = sums + rx * 2 * fade_block;
        fade_vector sr[2] = {fade_load(at), fade_load(at + fade_width)};
        fade_vector si[2] = {fade_load(at + fade_block), fade_load(at + fade_block + fade_width)};
        const float* row = gains.values + 2 * (rx * line.n_tx + tx) * line.n_taps * gains.n_points;
        for (int k = 0; k < Taps; ++k) {
            const float* g = row + 2 * (static_cast<size_t>(group.index[k]) * gains.n_points + point);
            const float gr = g[0], gi = g[1], dr = g[2] - g[0], di = g[3] - g[1];
            for (int h = 0; h < 2; ++h) {
                const fade_vector ar = gr + dr * w[h], ai = gi + di * w[h];
                sr[h] += ar * r[k][h] - ai * i[k][h];
                si[h] += ar * i[k][h] + ai * r[k][h];
            }
        }
        fade_store(at, sr[0]);
        fade_store(at + fade_width, sr[1]);
        fade_store(at + fade_block, si[0]);
        fade_store(at + fade_block + fade_width, si[1]);
    }
}

inline void fade_any(const DelayLine& line, const TapGroup& group, const MovingGains& gains, const float* xr,
                     const float* xi, size_t tx, size_t point, const fade_vector* w, float* sums) {
    if constexpr (max_group >= 4) {
        if (group.taps == 4) return fade_group<4>(line, group, gains, xr, xi, tx, point, w, sums);
        if (group.taps == 3) return fade_group<3>(line, group, gains, xr, xi, tx, point, w, sums);
    }
    if (group.taps == 2) return fade_group<2>(line, group, gains, xr, xi, tx, point, w, sums);
    fade_group<1>(line, group, gains, xr, xi, tx, point, w, sums);
}

void delay_line(const DelayLine& line, const MovingGains& gains, const float* x, size_t n, float* out, float* scratch) {
    const size_t total = n + line.memory, row = total + 64;
    for (size_t tx = 0; tx < line.n_tx; ++tx) {
        const float* from = x + 2 * tx * total;
        float *re = scratch + 2 * tx * row, *im = re + row;
        for (size_t i = 0; i < total; ++i) {
            re[i] = from[2 * i];
            im[i] = from[2 * i + 1];
        }
        std::memset(re + total, 0, 64 * sizeof(float));
        std::memset(im + total, 0, 64 * sizeof(float));
    }
    std::vector<float> sums(line.n_rx * 2 * fade_block);
    const float unit = 1.0f / static_cast<float>(gains.step);
    size_t point = 0, into = gains.offset;  // samples since the point
    for (size_t done = 0; done < n;) {
        const size_t count = std::min({static_cast<size_t>(fade_block), gains.step - into, n - done});
        fade_vector w[2];
        for (int h = 0; h < 2; ++h)
            for (int k = 0; k < fade_width; ++k) w[h][k] = static_cast<float>(into + h * fade_width + k) * unit;
        std::fill(sums.begin(), sums.end(), 0.0f);
        for (size_t tx = 0; tx < line.n_tx; ++tx) {
            const float *re = scratch + 2 * tx * row + done, *im = re + row;
            for (size_t g = 0; g < line.n_groups; ++g) {
                const TapGroup& group = line.groups[g];
                fade_any(line, group, gains, re + group.offset, im + group.offset, tx, point, w, sums.data());
            }
        }
        for (size_t rx = 0; rx < line.n_rx; ++rx) {
            const float* from = sums.data() + rx * 2 * fade_block;
            float* to = out + 2 * (rx * n + done);
            if (count == fade_block) {
                for (int i = 0; i < fade_block; ++i) {
                    to[2 * i] = from[i];
                    to[2 * i + 1] = from[fade_block + i];
                }
            } else {
                for (size_t i = 0; i < count; ++i) {
                    to[2 * i] = from[i];
                    to[2 * i + 1] = from[fade_block + i];
                }
            }
        }
        done += count;
        into += count;
        if (into == gains.step) {
            into = 0;
            ++point;
        }
    }
}

// cos and sin of 2 pi c for lanes cycles within half a turn either side of 0; 1e-6 of error.
inline void add_turns(const float* c, float* re, float* im) {
    for (int k = 0; k < lanes; ++k) {
        constexpr float magic = 12582912.0f;  // rounds to whole numbers when added and taken away
        const float half = (2.0f * c[k] + magic) - magic;
        const float t = 6.28318531f * (c[k] - 0.5f * half), t2 = t * t;  // -pi/2 .. pi/2
        const float s = t * (1.0f + t2 * (-0.166666567f + t2 * (8.33301990e-3f + t2 * (-1.98074137e-4f +
                             t2 * 2.60190306e-6f))));
        const float e = 1.0f + t2 * (-0.5f + t2 * (4.16666418e-2f + t2 * (-1.38883984e-3f + t2 * (2.47609e-5f +
                        t2 * -2.6051615e-7f))));
        const float sign = 1.0f - 2.0f * half * half;  // half is -1, 0 or 1
        re[k] += sign * e;
        im[k] += sign * s;
    }
}

void sinusoids(const double* rates, const double* phases, const float* amplitude, size_t n_processes,
               size_t n_sinusoids, const double* times, size_t n_times, float* out) {
    for (size_t p = 0; p < n_processes; ++p, rates += n_sinusoids, phases += n_sinusoids) {
        for (size_t t = 0; t < n_times; ++t) {
            alignas(64) float re[lanes] = {}, im[lanes] = {}, cycles[lanes];
            const double time = times[t];
            size_t s = 0;
            for (; s + lanes <= n_sinusoids; s += lanes) {
                for (int k = 0; k < lanes; ++k) {
                    constexpr double magic = 6755399441055744.0;
                    const double c = rates[s + k] * time + phases[s + k];
                    cycles[k] = static_cast<float>(c - ((c + magic) - magic));
                }
                add_turns(cycles, re, im);
            }
            for (int half = lanes / 2; half; half /= 2) {
                for (int k = 0; k < half; ++k) {
                    re[k] += re[k + half];
                    im[k] += im[k + half];
                }
            }
            float sr = re[0], si = im[0];
            for (; s < n_sinusoids; ++s) {
                const double c = rates[s] * time + phases[s];
                const double turn = 6.283185307179586 * (c - std::floor(c));
                sr += static_cast<float>(std::cos(turn));
                si += static_cast<float>(std::sin(turn));
            }
            *out++ = amplitude[p] * sr;
            *out++ = amplitude[p] * si;
        }
    }
}

// Response of `Count` subcarriers of a symbol, its planes in hr and hi.
template <int Count>
inline void grid_response(const GridChannel& c, const float* gains, size_t k, float* hr, float* hi) {
    float r[Count] = {}, i[Count] = {};
    const float *re = c.turns + k, *im = re + c.n_taps * c.n_sc;
    for (size_t tap = 0; tap < c.n_taps; ++tap, gains += 2 * c.n_symb, re += c.n_sc, im += c.n_sc) {
        const float gr = gains[0], gi = gains[1];
        for (int j = 0; j < Count; ++j) {
            r[j] += gr * re[j] - gi * im[j];
            i[j] += gr * im[j] + gi * re[j];
        }
    }
    for (int j = 0; j < Count; ++j) {
        hr[j] = r[j];
        hi[j] = i[j];
    }
}

// `Count` subcarriers of a symbol at one receive antenna.
template <int Count>
inline void grid_part(const GridChannel& c, size_t rx, size_t symbol, size_t k, const float* sent, float* received,
                      float* response) {
    float yr[Count] = {}, yi[Count] = {}, hr[Count], hi[Count];
    for (size_t tx = 0; tx < c.n_tx; ++tx) {
        const size_t pair = rx * c.n_tx + tx;
        grid_response<Count>(c, c.gains + 2 * (pair * c.n_taps * c.n_symb + symbol), k, hr, hi);
        float* to = response + 2 * ((pair * c.n_symb + symbol) * c.n_sc + k);
        for (int j = 0; j < Count; ++j) {
            to[2 * j] = hr[j];
            to[2 * j + 1] = hi[j];
        }
        if (!sent) continue;
        const float* x = sent + 2 * ((tx * c.n_symb + symbol) * c.n_sc + k);
        for (int j = 0; j < Count; ++j) {
            yr[j] += hr[j] * x[2 * j] - hi[j] * x[2 * j + 1];
            yi[j] += hr[j] * x[2 * j + 1] + hi[j] * x[2 * j];
        }
    }
    if (!sent) return;
    float* to = received + 2 * ((rx * c.n_symb + symbol) * c.n_sc + k);
    for (int j = 0; j < Count; ++j) {
        to[2 * j] = yr[j];
        to[2 * j + 1] = yi[j];
    }
}

void grid(const GridChannel& c, const float* sent, float* received, float* response) {
    for (size_t rx = 0; rx < c.n_rx; ++rx) {
        for (size_t symbol = 0; symbol < c.n_symb; ++symbol) {
            size_t k = 0;
            for (; k + fade_block <= c.n_sc; k += fade_block)
                grid_part<fade_block>(c, rx, symbol, k, sent, received, response);
            for (; k + 4 <= c.n_sc; k += 4) grid_part<4>(c, rx, symbol, k, sent, received, response);
            for (; k < c.n_sc; ++k) grid_part<1>(c, rx, symbol, k, sent, received, response);
        }
    }
}

typedef float eight __attribute__((vector_size(32)));
typedef float eight_unaligned __attribute__((vector_size(32), aligned(4), may_alias));

inline eight load_eight(const float* at) { return *reinterpret_cast<const eight_unaligned*>(at); }

void interpolate(const float* table, int phases, const float* re, const float* im, double first, double step, size_t n,
                 float* out) {
    for (size_t i = 0; i < n; ++i) {
        const double at = first + static_cast<double>(i) * step;
        const double whole = std::floor(at);
        const float phase = static_cast<float>((at - whole) * phases);
        const int row = std::min(static_cast<int>(phase), phases - 1);
        const float part = phase - static_cast<float>(row);
        const float* c = table + row * interpolation_taps;
        const ptrdiff_t from = static_cast<ptrdiff_t>(whole) - (interpolation_taps / 2 - 1);
        eight r = {}, m = {};
        for (int j = 0; j < interpolation_taps; j += 8) {
            const eight low = load_eight(c + j);
            const eight weight = low + part * (load_eight(c + interpolation_taps + j) - low);
            r += weight * load_eight(re + from + j);
            m += weight * load_eight(im + from + j);
        }
        out[2 * i] = ((r[0] + r[4]) + (r[1] + r[5])) + ((r[2] + r[6]) + (r[3] + r[7]));
        out[2 * i + 1] = ((m[0] + m[4]) + (m[1] + m[5])) + ((m[2] + m[6]) + (m[3] + m[7]));
    }
}

}  // namespace picocell::PICOCELL_NS
