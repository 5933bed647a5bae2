// Joint decision of all candidates of a subframe, in rounds: each is estimated with all found before taken out.
#pragma once
#include "pucch.hpp"

namespace picocell::PICOCELL_NS {

using PucchComplex = std::complex<double>;

// (n, ...) arrays of one call.
struct PucchJointState {
    size_t n, view_size;
    std::vector<float> received, residual, own, energy, total, time, frequency;
    std::vector<double> delay, turn;
    std::vector<int64_t> ack, payload;
    std::vector<PucchComplex> overlap;  // (2, n, n)
    std::vector<PucchComplex> gain;     // (2, n, n_rx)
    std::vector<uint8_t> accepted, fresh;
    PucchFound found;

    PucchJointState(const PucchSearch& search, size_t n, size_t n_blocks, int n_rx)
        : n(n), view_size(size_t(4) * n_rx * search.n_symb * pucch_n_sc), received(n_blocks * view_size),
          own(view_size), energy(2 * n), total(n), time(4 * n * search.n_symb), frequency(4 * n * pucch_n_sc),
          delay(n), turn(n), ack(n), payload(n), accepted(n), fresh(n) {
        found = {energy.data(), total.data(), time.data(),  frequency.data(),
                 delay.data(),  turn.data(),  ack.data(), payload.data()};
    }
};

// The pairs of resource blocks without base sequence and cell-specific shift; returns their order (b, s, rx, l, k).
inline void pucch_take(const PucchSearch& search, const PucchJoint& joint, const float* grid, const float* carriers,
                       int n_rx, int n_sc, float* out) {
    for (size_t b = 0; b < joint.n_blocks; ++b)
        for (int s = 0; s < 2; ++s)
            for (int r = 0; r < n_rx; ++r)
                for (int l = 0; l < search.n_symb; ++l, out += 2 * pucch_n_sc) {
                    if (joint.shortened[b] && s == 1 && l == search.n_symb - 1) {
                        std::fill(out, out + 2 * pucch_n_sc, 0.0f);
                        continue;
                    }
                    const size_t symbol = size_t(s) * search.n_symb + l;
                    const float* y = grid + 2 * ((size_t(r) * 2 * search.n_symb + symbol) * n_sc +
                                                 size_t(pucch_n_sc) * joint.prbs[2 * b + s]);
                    const float* c = carriers + 2 * pucch_n_sc * symbol;
                    for (int k = 0; k < 2 * pucch_n_sc; k += 2) {
                        out[k] = y[k] * c[k] + y[k + 1] * c[k + 1];
                        out[k + 1] = y[k + 1] * c[k] - y[k] * c[k + 1];
                    }
                }
}

// Largest share of candidate j's energy that is seen as candidate i's.
inline float pucch_leakage(const PucchJoint& joint, const int32_t* shift, size_t i, size_t j, int s) {
    if (i == j || joint.block[i] != joint.block[j]) return 0;
    const int32_t own = joint.cover[2 * i + s], other = joint.cover[2 * j + s];
    const int distance = (shift[2 * i + s] - shift[2 * j + s] + pucch_n_sc) % pucch_n_sc;
    // formats 2 have no orthogonal sequence: they are seen through any
    const bool apart = own >= 0 && other >= 0 && own != other;
    return joint.worst_leakage[distance] * (apart ? joint.other_cover : 1.0f);
}

inline PucchComplex pucch_inner(const float* a, const float* b, int n) {
    double re = 0, im = 0;
    for (int i = 0; i < 2 * n; i += 2) {
        re += a[i] * b[i] + a[i + 1] * b[i + 1];
        im += a[i] * b[i + 1] - a[i + 1] * b[i];
    }
    return {re, im};
}

inline void pucch_overlap(const PucchSearch& search, const PucchJoint& joint, PucchJointState& state) {
    const size_t n = state.n, n_symb = search.n_symb;
    state.overlap.assign(2 * n * n, 0.0);
    for (int s = 0; s < 2; ++s)
        for (size_t i = 0; i < n; ++i)
            for (size_t j = 0; j < n; ++j) {
                if (joint.block[i] != joint.block[j]) continue;
                const float *time = state.time.data(), *frequency = state.frequency.data();
                state.overlap[(s * n + i) * n + j] =
                    pucch_inner(time + (2 * i + s) * 2 * n_symb, time + (2 * j + s) * 2 * n_symb, int(n_symb)) *
                    pucch_inner(frequency + (2 * i + s) * 2 * pucch_n_sc, frequency + (2 * j + s) * 2 * pucch_n_sc,
                                pucch_n_sc);
            }
}

// Solves a x = b in place of b, a Hermitian and positive definite (m, m), b (m, n_rhs): Cholesky.
inline void pucch_solve(std::vector<PucchComplex>& a, std::vector<PucchComplex>& b, size_t m, size_t n_rhs) {
    for (size_t j = 0; j < m; ++j) {
        double pivot = a[j * m + j].real();
        for (size_t k = 0; k < j; ++k) pivot -= std::norm(a[j * m + k]);
        const double root = std::sqrt(std::max(pivot, 1e-30));
        a[j * m + j] = root;
        for (size_t i = j + 1; i < m; ++i) {
            PucchComplex sum = a[i * m + j];
            for (size_t k = 0; k < j; ++k) sum -= a[i * m + k] * std::conj(a[j * m + k]);
            a[i * m + j] = sum / root;
        }
    }
    for (size_t r = 0; r < n_rhs; ++r) {
        for (size_t i = 0; i < m; ++i) {
            PucchComplex sum = b[i * n_rhs + r];
            for (size_t k = 0; k < i; ++k) sum -= a[i * m + k] * b[k * n_rhs + r];
            b[i * n_rhs + r] = sum / a[i * m + i].real();
        }
        for (size_t i = m; i-- > 0;) {
            PucchComplex sum = b[i * n_rhs + r];
            for (size_t k = i + 1; k < m; ++k) sum -= std::conj(a[k * m + i]) * b[k * n_rhs + r];
            b[i * n_rhs + r] = sum / a[i * m + i].real();
        }
    }
}

// Adds factor times a candidate's signal, of the gains found, to a pair of resource blocks.
inline void pucch_add_signal(const PucchSearch& search, const PucchJointState& state, size_t i, int n_rx, float factor,
                             float* out) {
    const int n_symb = search.n_symb;
    for (int s = 0; s < 2; ++s) {
        const float* time = state.time.data() + (2 * i + s) * 2 * n_symb;
        const float* frequency = state.frequency.data() + (2 * i + s) * 2 * pucch_n_sc;
        for (int r = 0; r < n_rx; ++r) {
            const PucchComplex gain = state.gain[(s * state.n + i) * n_rx + r];
            const float g = factor * float(gain.real()), h = factor * float(gain.imag());
            for (int l = 0; l < n_symb; ++l, out += 2 * pucch_n_sc) {
                const float a = g * time[2 * l] - h * time[2 * l + 1], b = g * time[2 * l + 1] + h * time[2 * l];
                for (int k = 0; k < 2 * pucch_n_sc; k += 2) {
                    out[k] += a * frequency[k] - b * frequency[k + 1];
                    out[k + 1] += a * frequency[k + 1] + b * frequency[k];
                }
            }
        }
    }
}

// Gains of the accepted candidates that together fit the blocks best, and what is left of the blocks.
inline void pucch_take_out(const PucchSearch& search, const PucchJoint& joint, PucchJointState& state, int n_rx) {
    const size_t n = state.n;
    state.gain.assign(2 * n * n_rx, 0.0);
    state.residual = state.received;
    std::vector<size_t> chosen;
    std::vector<PucchComplex> a, b;
    for (size_t block = 0; block < joint.n_blocks; ++block) {
        chosen.clear();
        for (size_t i = 0; i < n; ++i)
            if (state.accepted[i] && size_t(joint.block[i]) == block) chosen.push_back(i);
        const size_t m = chosen.size();
        for (int s = 0; s < 2 && m; ++s) {
            a.assign(m * m, 0.0);
            b.assign(m * n_rx, 0.0);
            for (size_t p = 0; p < m; ++p) {
                const size_t i = chosen[p];
                for (size_t q = 0; q < m; ++q) a[p * m + q] = state.overlap[(s * n + i) * n + chosen[q]];
                a[p * m + p] += double(joint.loading) * pucch_n_sc * search.n_symb;
                const float* time = state.time.data() + (2 * i + s) * 2 * search.n_symb;
                const float* frequency = state.frequency.data() + (2 * i + s) * 2 * pucch_n_sc;
                const float* y = state.received.data() + block * state.view_size + s * state.view_size / 2;
                for (int r = 0; r < n_rx; ++r)
                    for (int l = 0; l < search.n_symb; ++l, y += 2 * pucch_n_sc) {
                        const PucchComplex factor(time[2 * l], time[2 * l + 1]);
                        b[p * n_rx + r] += std::conj(factor) * pucch_inner(frequency, y, pucch_n_sc);
                    }
            }
            pucch_solve(a, b, m, n_rx);
            for (size_t p = 0; p < m; ++p)
                std::copy_n(b.data() + p * n_rx, n_rx, state.gain.data() + (s * n + chosen[p]) * n_rx);
        }
        for (size_t i : chosen)
            pucch_add_signal(search, state, i, n_rx, -1, state.residual.data() + block * state.view_size);
    }
}

inline void pucch_estimate_all(const PucchSearch& search, const PucchCandidates& candidates, const PucchJoint& joint,
                               PucchJointState& state, int n_rx) {
    const std::vector<float>& left = state.residual.empty() ? state.received : state.residual;
    for (size_t i = 0; i < state.n; ++i) {
        const float* view = left.data() + joint.block[i] * state.view_size;
        if (state.accepted[i]) {
            // The signal of the round before: its parameters are read before the estimate writes new ones.
            std::copy_n(view, state.view_size, state.own.data());
            pucch_add_signal(search, state, i, n_rx, 1, state.own.data());
            view = state.own.data();
        }
        pucch_estimate_one(search, candidates, i, view, n_rx, state.found);
    }
}

// Which candidates stronger ones do not explain; false if there are none.
inline bool pucch_choose(const PucchSearch& search, const PucchCandidates& candidates, const PucchJoint& joint,
                         PucchJointState& state) {
    const size_t n = state.n;
    pucch_overlap(search, joint, state);
    bool any = false;
    for (size_t i = 0; i < n; ++i) {
        if (!state.fresh[i]) continue;
        const float *energy = state.energy.data(), *n_symbols = candidates.n_symbols;
        const float own = energy[2 * i] + energy[2 * i + 1], rank = own * (1 + 1e-5f * float(n - i));
        double most = 0;
        for (size_t j = 0; j < n; ++j) {
            const float other = energy[2 * j] + energy[2 * j + 1];
            if (state.accepted[j] || !(other * (1 + 1e-5f * float(n - j)) > rank)) continue;
            double seen = 0;
            for (int s = 0; s < 2; ++s) {
                const double size = double(pucch_n_sc * n_symbols[2 * i + s]) * (pucch_n_sc * n_symbols[2 * j + s]);
                seen += std::norm(state.overlap[(s * n + i) * n + j]) / size * energy[2 * j + s];
            }
            most = std::max(most, seen);
        }
        state.fresh[i] = own > joint.doubt * most;
        any |= bool(state.fresh[i]);
    }
    return any;
}

inline void pucch_detect(const PucchSearch& search, const PucchCandidates& candidates, const PucchJoint& joint,
                         const float* grid, const float* carriers, int n_rx, int n_sc, const PucchSignals& out) {
    const size_t n = candidates.n;
    const int branches = 2 * n_rx;
    PucchJointState state(search, n, joint.n_blocks, n_rx);
    pucch_take(search, joint, grid, carriers, n_rx, n_sc, state.received.data());
    for (int round = 0; round < joint.max_rounds; ++round) {
        pucch_estimate_all(search, candidates, joint, state, n_rx);
        bool any = false;
        for (size_t i = 0; i < n; ++i) {
            int others = 0;
            float leaks = 0;
            for (size_t j = 0; j < n; ++j) {
                if (!state.accepted[j] || joint.block[j] != joint.block[i]) continue;
                others += j != i;
                float seen = 0;
                for (int s = 0; s < 2; ++s)
                    seen += pucch_leakage(joint, candidates.shift, i, j, s) * state.energy[2 * j + s];
                leaks = std::max(leaks, seen);
            }
            const int limit_row = joint.limit_of[i] * joint.n_limits + std::min(others, joint.n_limits - 1);
            const float energy = state.energy[2 * i] + state.energy[2 * i + 1];
            const int terms = std::max(joint.n_terms[joint.block[i]] - branches * (1 + others), branches);
            const float noise = std::max(state.total[i] - energy, 1e-7f * state.total[i] + 1e-30f) / float(terms);
            const float metric = energy / noise, floor = joint.mismatch * leaks;
            out.metric[i] = metric;
            out.energy[i] = energy;
            out.noise[i] = noise;
            out.limit[i] = std::max(joint.limits[limit_row], double(floor) / noise);
            state.fresh[i] = !state.accepted[i] && metric > joint.weak[limit_row] && energy > floor;
            any |= bool(state.fresh[i]);
        }
        if (!any || !pucch_choose(search, candidates, joint, state)) break;
        for (size_t i = 0; i < n; ++i) state.accepted[i] |= state.fresh[i];
        pucch_take_out(search, joint, state, n_rx);
    }
    std::copy_n(state.delay.data(), n, out.delay);
    std::copy_n(state.turn.data(), n, out.turn);
    std::copy_n(state.ack.data(), n, out.ack);
    std::copy_n(state.payload.data(), n, out.payload);
}

}  // namespace picocell::PICOCELL_NS
