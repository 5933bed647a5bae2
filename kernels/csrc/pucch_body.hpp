// Body of the PUCCH estimation kernel, compiled once per instruction set.
#include "pucch.hpp"

namespace picocell::PICOCELL_NS {

constexpr int pucch_lanes = 8;  // the delays, filled up
constexpr float pucch_half_root = 0.70710678f;
// d(0) and d(10): 1, -1, -j, j
constexpr float pucch_ack_re[4] = {1, -1, 0, 0};
constexpr float pucch_ack_im[4] = {0, 0, -1, 1};

struct PucchScratch {
    // by s, antenna, l and delay
    float spread_re[2][pucch_max_rx][pucch_max_symb][pucch_lanes];
    float spread_im[2][pucch_max_rx][pucch_max_symb][pucch_lanes];
    float symbols[2][pucch_max_rx][pucch_max_symb][2];
    float by_delay[pucch_lanes];
};

// Offset of the vertex of the parabola through three points a step apart, up to a limit in steps.
inline double pucch_peak(float below, float middle, float above, double limit) {
    const double curve = std::max(2 * middle - below - above, 1e-30f);
    return std::min(std::max(double(above - below) / (2 * curve), -limit), limit);
}

// Symbols at all delays; returns the energy of the view.
inline float pucch_spread(const PucchSearch& search, const float* view, const int32_t* shift, int n_rx,
                          PucchScratch& out) {
    float total = 0;
    for (int s = 0; s < 2; ++s) {
        alignas(64) float re[pucch_n_sc][pucch_lanes] = {}, im[pucch_n_sc][pucch_lanes] = {};
        const float* slope = search.slopes + 2 * pucch_n_sc * pucch_n_delays * size_t(shift[s]);
        for (int k = 0; k < pucch_n_sc; ++k)
            for (int d = 0; d < pucch_n_delays; ++d, slope += 2) re[k][d] = slope[0], im[k][d] = slope[1];
        for (int r = 0; r < n_rx; ++r)
            for (int l = 0; l < search.n_symb; ++l, view += 2 * pucch_n_sc) {
                float sum_re[pucch_lanes] = {}, sum_im[pucch_lanes] = {};
                for (int k = 0; k < pucch_n_sc; ++k) {
                    const float x = view[2 * k], y = view[2 * k + 1];
                    total += x * x + y * y;
                    for (int d = 0; d < pucch_lanes; ++d) {
                        sum_re[d] += x * re[k][d] - y * im[k][d];
                        sum_im[d] += x * im[k][d] + y * re[k][d];
                    }
                }
                std::memcpy(out.spread_re[s][r][l], sum_re, sizeof sum_re);
                std::memcpy(out.spread_im[s][r][l], sum_im, sizeof sum_im);
            }
    }
    return total;
}

// Energies over delays of a signal on n_PUCCH^(1), d(0) as an index, and factors of the symbols.
inline int pucch_format1(const PucchSearch& search, const float* codes, const float* n_symbols, int n_values, int n_rx,
                         PucchScratch& scratch, float* time) {
    float power[pucch_lanes] = {}, cross_re[pucch_lanes] = {}, cross_im[pucch_lanes] = {};
    for (int s = 0; s < 2; ++s) {
        const float weight = pucch_n_sc / n_symbols[s];
        for (int r = 0; r < n_rx; ++r) {
            float part_re[2][pucch_lanes] = {}, part_im[2][pucch_lanes] = {};
            for (int part = 0; part < 2; ++part) {
                const float* code = codes + 2 * search.n_symb * (2 * s + part);
                for (int l = 0; l < search.n_symb; ++l) {
                    const float c_re = code[2 * l], c_im = code[2 * l + 1];
                    const float *re = scratch.spread_re[s][r][l], *im = scratch.spread_im[s][r][l];
                    for (int d = 0; d < pucch_lanes; ++d) {
                        part_re[part][d] += c_re * re[d] + c_im * im[d];
                        part_im[part][d] += c_re * im[d] - c_im * re[d];
                    }
                }
            }
            const float *p_re = part_re[0], *p_im = part_im[0], *q_re = part_re[1], *q_im = part_im[1];
            for (int d = 0; d < pucch_lanes; ++d) {
                power[d] += weight * (p_re[d] * p_re[d] + p_im[d] * p_im[d] + q_re[d] * q_re[d] + q_im[d] * q_im[d]);
                cross_re[d] += weight * (p_re[d] * q_re[d] + p_im[d] * q_im[d]);
                cross_im[d] += weight * (p_re[d] * q_im[d] - p_im[d] * q_re[d]);
            }
        }
    }
    int ack = 0;
    float best = -1;
    for (int a = 0; a < n_values; ++a) {
        float energy[pucch_lanes];
        for (int d = 0; d < pucch_lanes; ++d)
            energy[d] = power[d] + 2 * (pucch_ack_re[a] * cross_re[d] + pucch_ack_im[a] * cross_im[d]);
        const float largest = *std::max_element(energy, energy + pucch_n_delays);
        if (a && !(largest > best)) continue;
        best = largest;
        ack = a;
        std::memcpy(scratch.by_delay, energy, sizeof energy);
    }
    for (int s = 0; s < 2; ++s)
        for (int l = 0; l < search.n_symb; ++l, time += 2) {
            const float *pilot = codes + 2 * (search.n_symb * (2 * s) + l), *data = pilot + 2 * search.n_symb;
            time[0] = pilot[0] + data[0] * pucch_ack_re[ack] - data[1] * pucch_ack_im[ack];
            time[1] = pilot[1] + data[0] * pucch_ack_im[ack] + data[1] * pucch_ack_re[ack];
        }
    return ack;
}

inline void pucch_energy_by_delay(const PucchSearch& search, int n_rx, PucchScratch& scratch) {
    float sum[pucch_lanes] = {};
    for (int s = 0; s < 2; ++s)
        for (int r = 0; r < n_rx; ++r)
            for (int l = 0; l < search.n_symb; ++l) {
                const float *re = scratch.spread_re[s][r][l], *im = scratch.spread_im[s][r][l];
                for (int d = 0; d < pucch_lanes; ++d) sum[d] += re[d] * re[d] + im[d] * im[d];
            }
    std::memcpy(scratch.by_delay, sum, sizeof sum);
}

inline double pucch_refined_delay(const PucchSearch& search, const float* by_delay) {
    constexpr int centre = pucch_n_delays / 2;
    const int at = int(std::max_element(by_delay, by_delay + pucch_n_delays) - by_delay);
    const int middle = std::min(std::max(at, 1), pucch_n_delays - 2);
    const double offset = pucch_peak(by_delay[middle - 1], by_delay[middle], by_delay[middle + 1], 1);
    const double delay = search.delay_step * (middle - centre + offset);
    return std::min(std::max(delay, -search.max_delay), search.max_delay);
}

// The subcarriers' phase slope, and the symbols that it de-spreads.
inline void pucch_despread(const PucchSearch& search, const float* view, const int32_t* shift, double delay, int n_rx,
                           float* frequency, PucchScratch& scratch) {
    for (int s = 0; s < 2; ++s, frequency += 2 * pucch_n_sc) {
        for (int k = 0; k < pucch_n_sc; ++k) {
            const double angle = (shift[s] - delay) * k * (6.283185307179586 / pucch_n_sc);
            frequency[2 * k] = float(std::cos(angle));
            frequency[2 * k + 1] = float(std::sin(angle));
        }
        for (int r = 0; r < n_rx; ++r)
            for (int l = 0; l < search.n_symb; ++l, view += 2 * pucch_n_sc) {
                float re = 0, im = 0;
                for (int k = 0; k < 2 * pucch_n_sc; k += 2) {
                    re += view[k] * frequency[k] + view[k + 1] * frequency[k + 1];
                    im += view[k + 1] * frequency[k] - view[k] * frequency[k + 1];
                }
                scratch.symbols[s][r][l][0] = re / pucch_n_sc;
                scratch.symbols[s][r][l][1] = im / pucch_n_sc;
            }
    }
}

// Likeliest payload and d(10) of a signal on n_PUCCH^(2), and factors of the symbols.
inline void pucch_format2(const PucchSearch& search, const float* signs, const float* book, int n_words, int n_values,
                          int n_rx, const PucchScratch& scratch, float* time, int64_t* payload, int64_t* ack) {
    constexpr int n_half = pucch_n_coded / 2;
    const int width = 2 * n_rx;
    // a word's two bits of a symbol weigh y and -jy: their sum is conj(d) y
    float parts[2][n_half][2 * pucch_max_rx], pilots[4][2][2 * pucch_max_rx], fixed[4] = {};
    for (int s = 0; s < 2; ++s)
        for (int r = 0; r < n_rx; ++r) {
            for (int j = 0; j < pucch_n_data; ++j) {
                const float* y = scratch.symbols[s][r][search.data[j]];
                const float first = signs[n_half * s + 2 * j] * pucch_half_root;
                const float second = signs[n_half * s + 2 * j + 1] * pucch_half_root;
                parts[s][2 * j][2 * r] = y[0] * first;
                parts[s][2 * j][2 * r + 1] = y[1] * first;
                parts[s][2 * j + 1][2 * r] = y[1] * second;
                parts[s][2 * j + 1][2 * r + 1] = -y[0] * second;
            }
            for (int a = 0; a < n_values; ++a) {
                const float* y = scratch.symbols[s][r][search.pilot[0]];
                float re = y[0], im = y[1];
                if (search.pilot[1] >= 0) {
                    const float* z = scratch.symbols[s][r][search.pilot[1]];
                    re += z[0] * pucch_ack_re[a] + z[1] * pucch_ack_im[a];
                    im += z[1] * pucch_ack_re[a] - z[0] * pucch_ack_im[a];
                }
                pilots[a][s][2 * r] = re;
                pilots[a][s][2 * r + 1] = im;
                fixed[a] += re * re + im * im;
            }
        }
    float best = -1;
    int word = 0, value = 0;
    bool negative = false;
    for (int w = 0; w < n_words; ++w) {
        const float* row = book + size_t(w) * pucch_n_coded;
        float own = 0, cross[4] = {};
        for (int s = 0; s < 2; ++s) {
            float sum[2 * pucch_max_rx] = {};
            for (int j = 0; j < n_half; ++j)
                for (int c = 0; c < width; ++c) sum[c] += row[n_half * s + j] * parts[s][j][c];
            for (int c = 0; c < width; ++c) own += sum[c] * sum[c];
            for (int a = 0; a < n_values; ++a)
                for (int c = 0; c < width; ++c) cross[a] += sum[c] * pilots[a][s][c];
        }
        for (int a = 0; a < n_values; ++a) {
            const float energy = own + fixed[a] + 2 * std::fabs(cross[a]);
            if (!(energy > best)) continue;
            best = energy;
            word = w;
            value = a;
            negative = cross[a] < 0;
        }
    }
    *payload = word + (negative ? n_words : 0);
    *ack = value;
    const float scale = negative ? -pucch_half_root : pucch_half_root;
    const float* row = book + size_t(word) * pucch_n_coded;
    for (int s = 0; s < 2; ++s, time += 2 * search.n_symb) {
        for (int l = 0; l < search.n_symb; ++l) time[2 * l] = 1, time[2 * l + 1] = 0;
        for (int j = 0; j < pucch_n_data; ++j)
            for (int part = 0; part < 2; ++part) {
                const int i = n_half * s + 2 * j + part;
                time[2 * search.data[j] + part] = scale * row[i] * signs[i];
            }
        if (search.pilot[1] >= 0) {
            time[2 * search.pilot[1]] = pucch_ack_re[value];
            time[2 * search.pilot[1] + 1] = pucch_ack_im[value];
        }
    }
}

// Energy by slot and carrier offset; the offset turns the factors of the symbols.
inline double pucch_turn(const PucchSearch& search, const float* n_symbols, int n_rx, const PucchScratch& scratch,
                         float* time, float* energy) {
    float all[pucch_n_turns] = {};
    for (int s = 0; s < 2; ++s) {
        float by_turn[pucch_n_turns] = {};
        const float* code = time + 2 * search.n_symb * s;
        for (int r = 0; r < n_rx; ++r) {
            float re[pucch_n_turns] = {}, im[pucch_n_turns] = {};
            for (int l = 0; l < search.n_symb; ++l) {
                const float *y = scratch.symbols[s][r][l], *turn = search.turns + 2 * pucch_n_turns * l;
                const float x_re = y[0] * code[2 * l] + y[1] * code[2 * l + 1];
                const float x_im = y[1] * code[2 * l] - y[0] * code[2 * l + 1];
                for (int t = 0; t < pucch_n_turns; ++t) {
                    re[t] += x_re * turn[2 * t] - x_im * turn[2 * t + 1];
                    im[t] += x_re * turn[2 * t + 1] + x_im * turn[2 * t];
                }
            }
            for (int t = 0; t < pucch_n_turns; ++t) by_turn[t] += re[t] * re[t] + im[t] * im[t];
        }
        for (int t = 0; t < pucch_n_turns; ++t) all[t] += by_turn[t] * (pucch_n_sc / n_symbols[s]);
        energy[s] = by_turn[0] * (pucch_n_sc / n_symbols[s]);
    }
    const double turn =
        search.turn_step * pucch_peak(all[1], all[0], all[2], search.max_turn / search.turn_step);
    for (int l = 0; l < search.n_symb; ++l) {
        const double angle = turn * (l - 0.5 * (search.n_symb - 1));
        const float c = float(std::cos(angle)), d = float(std::sin(angle));
        for (int s = 0; s < 2; ++s) {
            float* factor = time + 2 * (search.n_symb * s + l);
            const float re = factor[0], im = factor[1];
            factor[0] = re * c - im * d;
            factor[1] = re * d + im * c;
        }
    }
    return turn;
}

// One candidate from its view.
inline void pucch_estimate_one(const PucchSearch& search, const PucchCandidates& candidates, size_t i,
                               const float* view, int n_rx, const PucchFound& found) {
    PucchScratch scratch;
    const size_t time_size = size_t(4) * search.n_symb;
    const float* n_symbols = candidates.n_symbols + 2 * i;
    const int32_t* shift = candidates.shift + 2 * i;
    float *time = found.time + i * time_size, *frequency = found.frequency + i * 4 * pucch_n_sc;
    found.total[i] = pucch_spread(search, view, shift, n_rx, scratch);
    if (i < candidates.n_1) {
        found.ack[i] = pucch_format1(search, candidates.codes + i * 2 * time_size, n_symbols, candidates.n_values[i],
                                     n_rx, scratch, time);
        found.payload[i] = 0;
    } else {
        pucch_energy_by_delay(search, n_rx, scratch);
    }
    found.delay[i] = pucch_refined_delay(search, scratch.by_delay);
    pucch_despread(search, view, shift, found.delay[i], n_rx, frequency, scratch);
    if (i >= candidates.n_1) {
        const size_t j = i - candidates.n_1;
        pucch_format2(search, candidates.signs + j * pucch_n_coded,
                      candidates.book + size_t(candidates.first[j]) * pucch_n_coded, candidates.n_words[j],
                      candidates.n_values[i], n_rx, scratch, time, found.payload + i, found.ack + i);
    }
    found.turn[i] = pucch_turn(search, n_symbols, n_rx, scratch, time, found.energy + 2 * i);
}

inline void pucch_estimate(const PucchSearch& search, const PucchCandidates& candidates, const float* views, int n_rx,
                           const PucchFound& found) {
    const size_t view_size = size_t(4) * n_rx * search.n_symb * pucch_n_sc;
    for (size_t i = 0; i < candidates.n; ++i)
        pucch_estimate_one(search, candidates, i, views + i * view_size, n_rx, found);
}

}  // namespace picocell::PICOCELL_NS

#include "pucch_joint.hpp"

namespace picocell::PICOCELL_NS {

const PucchOps pucch_table{pucch_estimate, pucch_detect};

}  // namespace picocell::PICOCELL_NS
