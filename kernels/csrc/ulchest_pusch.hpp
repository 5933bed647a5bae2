// A whole PUSCH from grid to soft bits: the functions of ulchest_body.hpp in a row, with the choice of the filters.
#pragma once
#include "dft_body.hpp"
#include "modem_body.hpp"

namespace picocell::PICOCELL_NS {

constexpr double ul_two_pi = 6.283185307179586476925286766559;
constexpr double ul_half_root = 0.70710678118654752440;

inline int ul_snr_index(const UlPuschPlan& plan, double snr) {
    const double place = (10 * std::log10(std::max(snr, 1e-3)) - plan.delay->first_snr_db) / plan.delay->snr_step_db;
    return static_cast<int>(std::clamp(std::nearbyint(place), 0.0, plan.delay->n_snr - 1.0));
}

inline double ul_explained(const UlPuschPlan& plan, int width, int at) {
    return plan.explained[width * plan.delay->n_snr + at];
}

// How the symbols' channels follow from those of the two reference symbols.
struct UlOverTime {
    float mix[8];
    int filters[2];
    double weights[2][ulchest_max_symbols][2];
    double error[ulchest_max_symbols];
    double cfo_hz;
};

// Each slot by itself.
inline void ul_hopping(const UlPuschPlan& plan, const UlAllocation& where, int width, double snr, double signal,
                       double cfo_hz, UlOverTime& out) {
    const int at = ul_snr_index(plan, snr);
    const float unit[8] = {1, 0, 0, 0, 0, 0, 1, 0};
    std::copy(unit, unit + 8, out.mix);
    out.filters[0] = out.filters[1] = at;
    for (int l = 0; l < where.n_symb; ++l) {
        const int slot = 2 * l >= where.n_symb;
        const double angle = ul_two_pi * cfo_hz * plan.since_own[l];
        out.weights[slot][l][0] = std::cos(angle);
        out.weights[slot][l][1] = std::sin(angle);
        out.weights[1 - slot][l][0] = out.weights[1 - slot][l][1] = 0;
        out.error[l] = signal * (1 - ul_explained(plan, width, at));
    }
    out.cfo_hz = cfo_hz;
}

// Sum and difference of the two slots, after the phase between them is taken out.
inline void ul_in_place(const UlPuschPlan& plan, const UlAllocation& where, const float* pilots, const UlDelay& delay,
                        double snr, double signal, UlOverTime& out) {
    const int n = where.n_rx * where.m;
    const float* second = pilots + 2 * static_cast<ptrdiff_t>(n);
    double re = 0, im = 0;
    for (int k = 0; k < n; k += ul_rb) {
        float a = 0, b = 0;
        for (int i = 2 * k; i < 2 * (k + ul_rb); i += 2) {
            a += pilots[i] * second[i] + pilots[i + 1] * second[i + 1];
            b += pilots[i] * second[i + 1] - pilots[i + 1] * second[i];
        }
        re += a, im += b;
    }
    const double phase = std::atan2(im, re), together = std::hypot(re, im) / n;
    // Less than a standard deviation below one passes for one.
    const double lack = 1 - (together + delay.noise / std::sqrt(n)) / signal;
    const double least = std::clamp(lack, plan.min_fading, plan.max_fading);
    const int step = std::clamp(static_cast<int>(std::nearbyint(-plan.fading_steps * std::log10(least))), 0,
                                plan.n_fading - 1);
    const double fading = plan.fading[step];
    out.filters[0] = ul_snr_index(plan, snr * (2 - fading));
    out.filters[1] = ul_snr_index(plan, snr * fading);
    const double first = ul_explained(plan, delay.width, out.filters[0]);
    const double other = ul_explained(plan, delay.width, out.filters[1]);
    const int n_symb = where.n_symb;
    const double* weights = plan.over_time + 2 * n_symb * step;
    const double* power = plan.over_power + 2 * n_symb * step;
    for (int l = 0; l < n_symb; ++l) {
        const double away = plan.ahead[l] - 0.5, c = std::cos(phase * plan.ahead[l]), s = std::sin(phase * plan.ahead[l]);
        const double left = std::max(1 - first * power[l] - other * power[n_symb + l], 0.0);
        // The last term is what the error of the phase adds.
        out.error[l] = signal * (left + away * away * ((1 + 0.5 / snr) / (snr * n)));
        for (int i = 0; i < 2; ++i) {
            out.weights[i][l][0] = weights[i * n_symb + l] * c;
            out.weights[i][l][1] = weights[i * n_symb + l] * s;
        }
    }
    const double c = std::cos(phase) * ul_half_root, s = -std::sin(phase) * ul_half_root;
    const double mix[8] = {ul_half_root, 0, c, s, ul_half_root, 0, -c, -s};
    std::copy(mix, mix + 8, out.mix);
    out.cfo_hz = phase / (ul_two_pi * plan.apart);
}

// Share of the pilots' power that adds up within blocks of subcarriers, once the delay is out.
inline double ul_coherence(const UlAllocation& where, const float* pilots, double turn) {
    const int length = where.m / ul_rb % 2 ? ul_rb : 2 * ul_rb, n = 2 * where.n_rx * where.m;
    float re[2 * ul_rb], im[2 * ul_rb];
    for (int i = 0; i < length; ++i) {
        re[i] = static_cast<float>(std::cos(turn * i));
        im[i] = static_cast<float>(std::sin(turn * i));
    }
    double coherent = 0, total = 0;
    for (int k = 0; k < n; k += length, pilots += 2 * length) {
        float a = 0, b = 0, power = 0;
        for (int i = 0; i < length; ++i) {
            const float x = pilots[2 * i], y = pilots[2 * i + 1];
            a += x * re[i] - y * im[i];
            b += x * im[i] + y * re[i];
            power += x * x + y * y;
        }
        coherent += a * a + b * b;
        total += power;
    }
    return total > 0 ? coherent / (length * total) : 0.0;
}

// Memory that calls of a thread use again.
struct UlPuschScratch {
    std::vector<float> pilots, h, noise;

    void fit(const UlAllocation& where, int n_data) {
        const size_t row = static_cast<size_t>(where.n_rx) * where.m;
        if (pilots.size() < 4 * row) pilots.resize(4 * row);
        if (h.size() < 2 * row * where.n_symb) h.resize(2 * row * where.n_symb);
        if (noise.size() < static_cast<size_t>(n_data) * where.m) noise.resize(static_cast<size_t>(n_data) * where.m);
    }
};

bool ul_pusch(const UlPuschPlan& plan, const UlAllocation& where, const float* grid, const float* r,
              const UlPuschBits& bits, double cfo_hz, const UlPuschFound& found) {
    static thread_local UlPuschScratch scratch;
    scratch.fit(where, bits.n_data);
    const int m = where.m, n = where.n_rx * m;
    float* pilots = scratch.pilots.data();
    const double received = ul_pilots(where, grid, plan.pilot, r, pilots);
    if (!(received > 0 && received < std::numeric_limits<double>::infinity())) return false;
    const float level = static_cast<float>(1 / std::sqrt(received));
    for (int i = 0; i < 4 * n; ++i) pilots[i] *= level;
    float covariance[2 * 4 * ul_rb * ul_rb];
    const int blocks = ul_covariance(pilots, 2 * where.n_rx, m, plan.delay->length, covariance);
    const UlDelay delay = ul_delay(*plan.delay, covariance, blocks, -1);
    const double signal = std::max(delay.total - delay.noise, delay.noise * plan.least_snr);
    const double snr = signal / delay.noise, turn = plan.delay->turn * delay.offset;
    UlOverTime over;
    if (where.first[0] != where.first[1]) {
        ul_hopping(plan, where, delay.width, snr, signal, cfo_hz, over);
    } else {
        ul_in_place(plan, where, pilots, delay, snr, signal, over);
    }
    const size_t square = static_cast<size_t>(plan.window) * plan.window;
    const float* taps[2];
    for (int i = 0; i < 2; ++i) taps[i] = plan.taps + (delay.width * plan.delay->n_snr + over.filters[i]) * square;
    float weights[2 * 2 * ulchest_max_symbols], noise[ulchest_max_symbols];
    const double amplitude = std::sqrt(received);
    for (int i = 0; i < 2; ++i)
        for (int l = 0; l < where.n_symb; ++l)
            for (int part = 0; part < 2; ++part)
                weights[2 * (i * where.n_symb + l) + part] = static_cast<float>(over.weights[i][l][part] * amplitude);
    ul_channel(where, pilots, turn, over.mix, taps, plan.window, weights, scratch.h.data());
    found.level[0] = delay.noise * received;
    for (int l = 0; l < where.n_symb; ++l) {
        // What the error of the timing offset adds: that of a straight line through the pilots' phases.
        const double error = std::min(over.error[l] + delay.noise / (4.0 * n), signal) * received;
        noise[l] = std::max(static_cast<float>(error) + static_cast<float>(found.level[0]), 1e-30f);
    }
    ul_equalise(where, grid, scratch.h.data(), noise, bits.symbols, bits.n_data, found.x, found.variance);
    for (int i = 0; i < bits.n_data; ++i) {
        const float share = std::clamp(found.variance[i], 1e-6f, 1 - 1e-6f);
        found.variance[i] = (1 - share) / share;
        std::fill_n(scratch.noise.data() + static_cast<size_t>(i) * m, m, found.variance[i]);
    }
    const size_t count = static_cast<size_t>(bits.n_data) * m;
    dft_transform(bits.dft, found.x, found.x, bits.n_data, true);
    modem_demodulate(found.x, scratch.noise.data(), true, count, bits.q_m, bits.scrambling, found.llr);
    found.level[1] = 10 * std::log10(snr);
    found.level[2] = delay.offset;
    found.level[3] = over.cfo_hz;
    found.level[4] = signal * received;
    found.level[5] = ul_coherence(where, pilots, turn);
    return true;
}

}  // namespace picocell::PICOCELL_NS
