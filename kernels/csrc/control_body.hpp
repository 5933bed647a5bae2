// Body of the control region's kernel, compiled once per instruction set.
#include "control.hpp"
#include "equalise_body.hpp"
#include "modem_demap.hpp"

namespace picocell::PICOCELL_NS {

constexpr float control_least_noise = 1e-20f;

inline void control_equalise(const ControlPlan& p, const float* y, const float* h, size_t n_rx, float noise,
                             const int32_t* index, size_t n, float* x, float* var) {
    if (p.n_ports == 1) equalise_siso(y, h, n_rx, p.n_grid, index, n, noise, x, var);
    else equalise_sfbc(y, h, n_rx, p.n_ports, p.n_grid, index, n, noise, x, var);
}

void control_cfi(const ControlPlan& p, const float* y, const float* h, size_t n_rx, float noise, ControlCfi& out) {
    float x[control_cfi_bits], var[control_cfi_bits / 2];
    int16_t llr[control_cfi_bits];
    control_equalise(p, y, h, n_rx, noise, p.pcfich, control_cfi_bits / 2, x, var);
    demap_symbols<1>(x, var, true, control_cfi_bits / 2, &p.pcfich_scrambling, llr);
    out.total = 0;
    for (int16_t value : llr) out.total += std::abs(int32_t(value));
    out.agreement = std::numeric_limits<int64_t>::min();
    for (size_t c = 0; c < p.n_cfis; ++c) {
        const uint8_t* word = p.codewords + c * control_cfi_bits;
        int64_t sum = 0;
        for (size_t i = 0; i < control_cfi_bits; ++i) sum += word[i] ? -llr[i] : llr[i];
        if (sum > out.agreement) {
            out.agreement = sum;
            out.best = c;
        }
    }
}

// Mean power of a CCE's symbols, weighted by their quality, and the noise in it.
inline void control_measure(const float* x, const float* var, float& energy, float& noise) {
    float weighted[control_cce], weights[control_cce];
    for (size_t i = 0; i < control_cce; ++i) {
        weights[i] = 1.0f / std::max(var[i], control_least_noise);
        weighted[i] = weights[i] * (x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1]);
    }
    float power[4] = {}, total[4] = {};
    for (size_t i = 0; i < control_cce; i += 4)
        for (size_t j = 0; j < 4; ++j) power[j] += weighted[i + j], total[j] += weights[i + j];
    const float all = (total[0] + total[1]) + (total[2] + total[3]);
    energy = ((power[0] + power[1]) + (power[2] + power[3])) / all;
    noise = static_cast<float>(control_cce) / all;
}

void control_pdcch(const ControlPlan& p, size_t region, const float* y, const float* h, size_t n_rx, float noise,
                   int16_t* llr, float* energy, float* cce_noise, uint8_t* silent) {
    const ControlRegion& r = p.regions[region];
    const size_t n = r.n_cce * control_cce;
    static thread_local std::vector<float> scratch;
    scratch.resize(3 * n);
    float* x = scratch.data();
    float* var = x + 2 * n;
    control_equalise(p, y, h, n_rx, noise, r.index, n, x, var);
    demap_symbols<1>(x, var, true, n, p.scrambling, llr);
    for (size_t cce = 0; cce < r.n_cce; ++cce) {
        control_measure(x + 2 * cce * control_cce, var + cce * control_cce, energy[cce], cce_noise[cce]);
        silent[cce] = energy[cce] < p.silent_power + p.silent_noise * cce_noise[cce];
    }
}

// With four ports the quadruplets of a mapping unit go over ports 0 and 2, or 1 and 3, by turns (TS 36.211 6.9.2).
inline void control_unit_symbols(const ControlPlan& p, const float* y, const float* h, size_t n_rx, float noise,
                                 size_t unit, float* x, float* var) {
    const int32_t* index = p.phich + unit * control_unit;
    if (p.n_ports < 4) return control_equalise(p, y, h, n_rx, noise, index, control_unit, x, var);
    for (size_t i = 0; i < 3; ++i) {
        const size_t odd = (unit + i) % 2;
        equalise_pairs<2>(y, h, odd, odd + 2, n_rx, 4, p.n_grid, index + 4 * i, 2, noise, x + 8 * i, var + 4 * i);
    }
}

void control_phich(const ControlPlan& p, const float* y, const float* h, size_t n_rx, float noise, size_t n,
                   const int32_t* units, const float* replicas, float* metric, float* snr) {
    float x[2 * control_unit], var[control_unit];
    for (size_t i = 0; i < n; ++i) {
        control_unit_symbols(p, y, h, n_rx, noise, static_cast<size_t>(units[i]), x, var);
        const float* replica = replicas + 2 * i * control_unit;
        float sum = 0, total = 0;
        // The repeats are weighted by their quality; within one the sequences stay orthogonal.
        for (size_t repeat = 0; repeat < 3; ++repeat) {
            float amplitude = 0, bad = 0;
            for (size_t j = 4 * repeat; j < 4 * repeat + 4; ++j) {
                amplitude += x[2 * j] * replica[2 * j] + x[2 * j + 1] * replica[2 * j + 1];
                bad += var[j];
            }
            const float weight = 4.0f / std::max(bad, control_least_noise);
            sum += weight * amplitude / static_cast<float>(p.n_sf);
            total += weight;
        }
        metric[i] = -sum / total;
        snr[i] = metric[i] * metric[i] * total * static_cast<float>(2 * p.n_sf);
    }
}

}  // namespace picocell::PICOCELL_NS
