// Body of the channel estimator, compiled once per instruction set. Second half: filters over frequency and time.
#include "chest_observe.hpp"

namespace picocell::PICOCELL_NS {

constexpr size_t chest_together = 8;  // subcarriers of one window that are filtered together, at most
constexpr double chest_two_pi = 6.28318530717958647692;

template <size_t W>
struct ChestVector {
    typedef float type __attribute__((vector_size(4 * W), aligned(4)));
};

// C subcarriers that use the same window of pilots, W numbers of each pilot.
template <size_t W, size_t C>
inline void chest_dot(const float* pilots, size_t stride, const float* taps, size_t length, float* out) {
    using V = typename ChestVector<W>::type;
    V sum[C] = {};
    for (size_t j = 0; j < length; ++j) {
        const V z = *reinterpret_cast<const V*>(pilots + j * stride);
        for (size_t c = 0; c < C; ++c) sum[c] += taps[c * length + j] * z;
    }
    for (size_t c = 0; c < C; ++c) *reinterpret_cast<V*>(out + c * stride) = sum[c];
}

// A run of subcarriers with one window: at most chest_together of them, the number a constant of the loop.
template <size_t W, size_t C = chest_together>
inline void chest_run(size_t count, const float* pilots, size_t stride, const float* taps, size_t length, float* out) {
    if (count == C)
        chest_dot<W, C>(pilots, stride, taps, length, out);
    else if constexpr (C > 1)
        chest_run<W, C - 1>(count, pilots, stride, taps, length, out);
}

template <size_t W>
void chest_strip(const float* pilots, size_t stride, const ChestFilter& f, size_t n_sc, float* out) {
    for (size_t k = 0; k < n_sc;) {
        const int32_t start = f.start[k];
        size_t count = 1;
        while (count < chest_together && k + count < n_sc && f.start[k + count] == start) ++count;
        chest_run<W>(count, pilots + static_cast<size_t>(start) * stride, stride, f.taps + k * f.length, f.length,
                     out + k * stride);
        k += count;
    }
}

#if PICOCELL_ISA_LEVEL == 2

// Four subcarriers at a time, S numbers of each pilot: their taps spread over the lanes of one register, or two.
template <size_t S>
void chest_fours(const float* pilots, const ChestFilter& f, size_t n_sc, float* out) {
    static_assert(S == 4 || S == 8);
    constexpr size_t vectors = S / 4, lanes = 16 / S;  // subcarriers in a register
    __m512i spread[vectors][4];                         // of four pilots' taps, those of one
    for (size_t v = 0; v < vectors; ++v)
        for (size_t j = 0; j < 4; ++j) {
            alignas(64) int32_t index[16];
            for (size_t i = 0; i < 16; ++i) index[i] = static_cast<int32_t>(4 * j + v * lanes + i / S);
            spread[v][j] = _mm512_load_si512(index);
        }
    const auto pilot = [](const float* p) {
        if constexpr (S == 4) return _mm512_maskz_broadcast_f32x4(-1, _mm_loadu_ps(p));
        else return _mm512_maskz_broadcast_f32x8(-1, _mm256_loadu_ps(p));
    };
    for (size_t k = 0; k < n_sc; k += 4) {
        const float* taps = f.fours + static_cast<size_t>(f.four[k / 4]) * f.length * 4;
        const float* from = pilots + static_cast<size_t>(f.start[k]) * S;
        const auto later = static_cast<unsigned>(f.later[k / 4]);
        __mmask16 next[vectors];
        for (size_t v = 0; v < vectors; ++v) {
            next[v] = 0;
            for (size_t i = 0; i < lanes; ++i)
                next[v] = static_cast<__mmask16>(next[v] | (later >> (v * lanes + i) & 1) * ((1u << S) - 1) << (i * S));
        }
        __m512 sum[vectors] = {};
        const auto four = [&](size_t j, size_t count) {
            const __m512 t = _mm512_loadu_ps(taps + 4 * j);
            for (size_t i = 0; i < count; ++i, from += S) {
                const __m512 z = pilot(from);
                for (size_t v = 0; v < vectors; ++v) {
                    __m512 mine = z;
                    if (later) mine = _mm512_mask_blend_ps(next[v], z, pilot(from + S));
                    sum[v] += _mm512_maskz_permutexvar_ps(-1, spread[v][i], t) * mine;
                }
            }
        };
        size_t j = 0;
        for (; j + 4 <= f.length; j += 4) four(j, 4);
        if (j < f.length) four(j, f.length - j);
        for (size_t v = 0; v < vectors; ++v) _mm512_storeu_ps(out + k * S + 16 * v, sum[v]);
    }
}

#endif

// pilots (n_pilots, stride) to out (n_sc, stride), stride a multiple of 4.
inline void chest_frequency(const float* pilots, size_t stride, size_t n_pilots, const ChestFilter& f, size_t n_sc,
                            float* out) {
    if (f.length == 0) {
        for (size_t i = 0; i < stride; ++i) {
            double sum = 0;
            for (size_t m = 0; m < n_pilots; ++m) sum += pilots[m * stride + i];
            const float mean = static_cast<float>(sum / static_cast<double>(n_pilots));
            for (size_t k = 0; k < n_sc; ++k) out[k * stride + i] = mean;
        }
        return;
    }
    size_t done = 0;
#if PICOCELL_ISA_LEVEL == 2
    if (f.fours && stride == 4) return chest_fours<4>(pilots, f, n_sc, out);
    if (f.fours && stride == 8) return chest_fours<8>(pilots, f, n_sc, out);
#endif
#if PICOCELL_VECTOR_BYTES >= 64
    for (; done + 16 <= stride; done += 16) chest_strip<16>(pilots + done, stride, f, n_sc, out + done);
#endif
#if PICOCELL_VECTOR_BYTES >= 32
    for (; done + 8 <= stride; done += 8) chest_strip<8>(pilots + done, stride, f, n_sc, out + done);
#endif
    for (; done < stride; done += 4) chest_strip<4>(pilots + done, stride, f, n_sc, out + done);
}

// exp(j slope / 6 f_k) over the subcarriers' frequencies f_k, which step over the empty DC subcarrier.
inline void chest_tilt(double slope, size_t n_sc, float* re, float* im) {
    constexpr size_t part = 32;
    double c[part], s[part];
    const double step = slope / 6;
    for (size_t i = 0; i < part; ++i) c[i] = std::cos(step * i), s[i] = std::sin(step * i);
    for (size_t half = 0; half < 2; ++half) {
        const size_t begin = half * (n_sc / 2), end = half ? n_sc : n_sc / 2;
        for (size_t k = begin; k < end; k += part) {
            const double a = std::cos(step * static_cast<double>(k + half));
            const double b = std::sin(step * static_cast<double>(k + half));
            for (size_t i = 0; i < std::min(part, end - k); ++i) {
                re[k + i] = static_cast<float>(a * c[i] - b * s[i]);
                im[k + i] = static_cast<float>(a * s[i] + b * c[i]);
            }
        }
    }
}

// All rows over frequency: planes (n_rx * n_rows, 2, n_sc), slope taken out before the filter and put back after it.
inline void chest_all_rows(const float* z, const ChestPlan& p, const float* tilt_re, const float* tilt_im,
                           float* planes) {
    static thread_local ChestScratch<float> scratch;
    const size_t total = p.n_rx * p.n_rows;
    const size_t widest = 2 * total + 4;
    float* pilots = scratch.get((p.n_pilots + p.n_sc) * widest);
    float* wide = pilots + p.n_pilots * widest;
    for (int32_t f = 0; f < 2; ++f) {
        size_t count = 0;
        for (size_t row = 0; row < total; ++row) count += p.row_filter[row % p.n_rows] == f;
        if (!count) continue;
        const size_t stride = (2 * count + 3) / 4 * 4;
        if (stride != 2 * count) std::fill(pilots, pilots + p.n_pilots * stride, 0.0f);
        const size_t first = static_cast<size_t>(p.first_pilot[f]);
        size_t lane = 0;
        for (size_t row = 0; row < total; ++row) {
            if (p.row_filter[row % p.n_rows] != f) continue;
            const float* from = z + 2 * row * p.n_pilots;
            for (size_t m = 0; m < p.n_pilots; ++m) {
                const float c = tilt_re[first + 6 * m], s = tilt_im[first + 6 * m];
                pilots[m * stride + lane] = from[2 * m] * c + from[2 * m + 1] * s;
                pilots[m * stride + lane + 1] = from[2 * m + 1] * c - from[2 * m] * s;
            }
            lane += 2;
        }
        chest_frequency(pilots, stride, p.n_pilots, p.filter[f], p.n_sc, wide);
        lane = 0;
        for (size_t row = 0; row < total; ++row) {
            if (p.row_filter[row % p.n_rows] != f) continue;
            float* __restrict re = planes + 2 * row * p.n_sc;
            float* __restrict im = re + p.n_sc;
            for (size_t k = 0; k < p.n_sc; ++k) {
                const float a = wide[k * stride + lane], b = wide[k * stride + lane + 1];
                re[k] = a * tilt_re[k] - b * tilt_im[k];
                im[k] = a * tilt_im[k] + b * tilt_re[k];
            }
            lane += 2;
        }
    }
}

constexpr size_t chest_max_times = 4;

// Covariance between the pilot symbols of the first group, trace = n_times; false if there is no power.
inline bool chest_time_covariance(const ChestPlan& p, const float* planes, double* re, double* im) {
    const ChestGroup& g = p.group[0];
    const size_t s = g.n_times;
    std::fill(re, re + s * s, 0.0);
    std::fill(im, im + s * s, 0.0);
    for (size_t rx = 0; rx < p.n_rx; ++rx)
        for (size_t port = 0; port < g.n_ports; ++port) {
            const float* rows = planes + 2 * p.n_sc * (rx * p.n_rows + g.first_row + port * s);
            for (size_t i = 0; i < s; ++i)
                for (size_t j = 0; j <= i; ++j) {
                    const float *ar = rows + 2 * i * p.n_sc, *ai = ar + p.n_sc;
                    const float *br = rows + 2 * j * p.n_sc, *bi = br + p.n_sc;
                    constexpr size_t lanes = PICOCELL_VECTOR_BYTES / 4;
                    float part_re[lanes] = {}, part_im[lanes] = {};
                    size_t k = 0;
                    for (; k + lanes <= p.n_sc; k += lanes)
                        for (size_t q = 0; q < lanes; ++q) {
                            part_re[q] += ar[k + q] * br[k + q] + ai[k + q] * bi[k + q];
                            part_im[q] += ai[k + q] * br[k + q] - ar[k + q] * bi[k + q];
                        }
                    for (; k < p.n_sc; ++k) {
                        part_re[0] += ar[k] * br[k] + ai[k] * bi[k];
                        part_im[0] += ai[k] * br[k] - ar[k] * bi[k];
                    }
                    for (size_t q = 0; q < lanes; ++q) re[i * s + j] += part_re[q], im[i * s + j] += part_im[q];
                }
        }
    double trace = 0;
    for (size_t i = 0; i < s; ++i) trace += re[i * s + i];
    if (!(trace > 0)) return false;
    for (size_t i = 0; i < s * s; ++i) re[i] *= static_cast<double>(s) / trace, im[i] *= static_cast<double>(s) / trace;
    return true;
}

inline void chest_choose_doppler(const ChestPlan& p, const float* planes, ChestResult& out) {
    const ChestGroup& g = p.group[0];
    const ChestDopplerModels& m = p.doppler;
    const size_t s = g.n_times;
    double re[chest_max_times * chest_max_times], im[chest_max_times * chest_max_times];
    out.cfo = 0;
    out.doppler = 0;
    if (!chest_time_covariance(p, planes, re, im)) return;
    static thread_local ChestScratch<double> scratch;
    double* score = scratch.get(m.n_widths * m.n_offsets);
    for (size_t o = 0; o < m.n_offsets; ++o) {
        double turned[chest_max_times * chest_max_times];  // real part of the covariance, trial offset taken out
        for (size_t i = 0; i < s; ++i)
            for (size_t j = 0; j < i; ++j) {
                const double* turn = m.turns + 2 * ((o * s + i) * s + j);
                turned[i * s + j] = re[i * s + j] * turn[0] + im[i * s + j] * turn[1];
            }
        for (size_t w = 0; w < m.n_widths; ++w) {
            const double* q = m.weights + (p.snr * m.n_widths + w) * s * s;
            double sum = m.log_det[p.snr * m.n_widths + w];
            for (size_t i = 0; i < s; ++i) {
                sum += re[i * s + i] * q[i * s + i];
                for (size_t j = 0; j < i; ++j) sum += 2 * turned[i * s + j] * q[i * s + j];
            }
            score[w * m.n_offsets + o] = m.prior[o] - m.freedom * sum;
        }
    }
    const size_t best = static_cast<size_t>(std::max_element(score, score + m.n_widths * m.n_offsets) - score);
    const size_t o = best % m.n_offsets;
    out.doppler = static_cast<int32_t>(best / m.n_offsets);
    out.cfo = m.offsets[o];
    if (o > 0 && o + 1 < m.n_offsets)
        out.cfo += chest_parabola(score[best - 1], score[best], score[best + 1]) * (m.offsets[1] - m.offsets[0]);
}

// One OFDM symbol of a port from its pilot symbols: complex weights over S planes.
template <size_t S>
void chest_combine(const float* rows, const float* wr, const float* wi, size_t n_sc, float* __restrict out) {
    for (size_t k = 0; k < n_sc; ++k) {
        float re = 0, im = 0;
        for (size_t s = 0; s < S; ++s) {
            const float a = rows[2 * s * n_sc + k], b = rows[(2 * s + 1) * n_sc + k];
            re += wr[s] * a - wi[s] * b;
            im += wr[s] * b + wi[s] * a;
        }
        out[2 * k] = re;
        out[2 * k + 1] = im;
    }
}

inline void chest_over_time(const ChestPlan& p, const ChestGroup& g, const float* planes, const ChestResult& found,
                            float* h) {
    const float* filter = g.filters + (p.snr * p.doppler.n_widths + static_cast<size_t>(found.doppler)) * p.n_symb *
                                          g.n_times;
    const double rate = chest_two_pi * found.cfo;
    double back_re[chest_max_times], back_im[chest_max_times];  // turns each pilot symbol to the subframe's start
    for (size_t s = 0; s < g.n_times; ++s) {
        back_re[s] = std::cos(rate * p.times[g.symbols[s]]);
        back_im[s] = -std::sin(rate * p.times[g.symbols[s]]);
    }
    for (size_t l = 0; l < p.n_symb; ++l) {
        const double c = std::cos(rate * p.times[l]), d = std::sin(rate * p.times[l]);
        float wr[chest_max_times], wi[chest_max_times];
        for (size_t s = 0; s < g.n_times; ++s) {
            const double w = filter[l * g.n_times + s] * p.scale;
            wr[s] = static_cast<float>(w * (c * back_re[s] - d * back_im[s]));
            wi[s] = static_cast<float>(w * (c * back_im[s] + d * back_re[s]));
        }
        for (size_t rx = 0; rx < p.n_rx; ++rx)
            for (size_t port = 0; port < g.n_ports; ++port) {
                const float* rows = planes + 2 * p.n_sc * (rx * p.n_rows + g.first_row + port * g.n_times);
                float* out = h + 2 * ((rx * p.n_ports + g.first_port + port) * p.n_symb + l) * p.n_sc;
                if (g.n_times == 4) chest_combine<4>(rows, wr, wi, p.n_sc, out);
                else if (g.n_times == 3) chest_combine<3>(rows, wr, wi, p.n_sc, out);
                else if (g.n_times == 2) chest_combine<2>(rows, wr, wi, p.n_sc, out);
                else chest_combine<1>(rows, wr, wi, p.n_sc, out);
            }
    }
}

// What the filters leave of a group's pilots, and the degrees of freedom that they leave.
inline void chest_residual(const float* z, const ChestPlan& p, const ChestGroup& g, const ChestResult& found,
                           const float* h, double& energy, double& freedom) {
    const float* filter = g.filters + (p.snr * p.doppler.n_widths + static_cast<size_t>(found.doppler)) * p.n_symb *
                                          g.n_times;
    const float unscale = static_cast<float>(1 / p.scale);
    for (size_t rx = 0; rx < p.n_rx; ++rx)
        for (size_t port = 0; port < g.n_ports; ++port) {
            const float* at = h + 2 * (rx * p.n_ports + g.first_port + port) * p.n_symb * p.n_sc;
            for (size_t s = 0; s < g.n_times; ++s) {
                const size_t row = g.first_row + port * g.n_times + s;
                const float* from = z + 2 * (rx * p.n_rows + row) * p.n_pilots;
                const int32_t* index = p.index + row * p.n_pilots;
                float sum = 0;
                for (size_t m = 0; m < p.n_pilots; ++m) {
                    const float a = from[2 * m] - unscale * at[2 * static_cast<size_t>(index[m])];
                    const float b = from[2 * m + 1] - unscale * at[2 * static_cast<size_t>(index[m]) + 1];
                    sum += a * a + b * b;
                }
                energy += sum;
                const double own = p.own[p.row_filter[row]] *
                                   filter[static_cast<size_t>(g.symbols[s]) * g.n_times + s];
                freedom += static_cast<double>(p.n_pilots) * std::max(1 - own, 1e-3);
            }
        }
}

void chest_interpolate(const float* z, const ChestPlan& p, float* h, ChestResult& out) {
    static thread_local ChestScratch<float> scratch;
    float* tilt_re = scratch.get(2 * p.n_sc * (1 + p.n_rx * p.n_rows));
    float* tilt_im = tilt_re + p.n_sc;
    float* planes = tilt_im + p.n_sc;
    chest_tilt(p.slope, p.n_sc, tilt_re, tilt_im);
    chest_all_rows(z, p, tilt_re, tilt_im, planes);
    chest_choose_doppler(p, planes, out);
    double energy = 0, freedom = 0;
    for (size_t g = 0; g < p.n_groups; ++g) {
        chest_over_time(p, p.group[g], planes, out, h);
        chest_residual(z, p, p.group[g], out, h, energy, freedom);
    }
    out.noise = energy / freedom;
}

}  // namespace picocell::PICOCELL_NS
