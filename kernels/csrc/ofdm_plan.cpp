// Tables of the FFT and of the OFDM frame, the same code for every instruction set.
#include "ofdm.hpp"

#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

namespace picocell {
namespace {

constexpr int radices[] = {16, 12, 8, 6, 4, 3, 2};
constexpr double two_pi = 6.283185307179586476925286766559;

// Factors of m with the fewest passes; of those with equally many, the flattest, the small radix first.
void factor(int m, int max_radix, std::vector<int>& current, std::vector<int>& best) {
    if (m == 1) {
        int largest = 0, best_largest = 0;
        for (int r : current) largest = r > largest ? r : largest;
        for (int r : best) best_largest = r > best_largest ? r : best_largest;
        if (best.empty() || current.size() < best.size() || (current.size() == best.size() && largest < best_largest)) {
            best = current;
        }
        return;
    }
    if (current.size() == fft_max_passes) return;
    for (int r : radices) {
        if (r > max_radix || m % r) continue;
        if (!current.empty() && r < current.back()) continue;
        current.push_back(r);
        factor(m / r, max_radix, current, best);
        current.pop_back();
    }
}

void put(float* at, double numerator, double denominator, double scale) {
    const double angle = -two_pi * numerator / denominator;
    at[0] = static_cast<float>(scale * std::cos(angle));
    at[1] = static_cast<float>(scale * std::sin(angle));
}

void fill_symbols(OfdmPlan& plan, bool extended_cp) {
    const int n = plan.fft->n;
    plan.n_symb = extended_cp ? 12 : 14;
    int at = 0;
    for (int l = 0; l < plan.n_symb; ++l) {
        const bool first = l % (plan.n_symb / 2) == 0;
        plan.cp[l] = n / 128 * (extended_cp ? 32 : first ? 10 : 9);  // 512, 160 and 144 at 2048
        plan.start[l] = at;
        at += plan.cp[l] + n;
    }
    plan.n_samples = at;
}

// Subcarrier of the grid that bin `bin` carries, or -1: in ascending frequency, with a gap at 0 Hz in the downlink.
int subcarrier(const OfdmPlan& plan, int bin) {
    const int n = plan.fft->n, half = plan.n_sc / 2;
    if (bin >= n - half) return bin - (n - half);
    const int gap = plan.half_shift ? 0 : 1;
    return bin >= gap && bin < half + gap ? bin - gap + half : -1;
}

void fill_rows(OfdmPlan& plan) {
    const int width = plan.fft->width;
    plan.n_edges = 0;
    for (int row = 0; row < plan.fft->n / width; ++row) {
        const int first = subcarrier(plan, row * width);
        bool empty = true, run = first >= 0;
        for (int l = 0; l < width; ++l) {
            const int at = subcarrier(plan, row * width + l);
            empty = empty && at < 0;
            run = run && at == first + l;
        }
        if (empty || run) {
            plan.row_grid[row] = empty ? ofdm_row_empty : first;
            continue;
        }
        for (int l = 0; l < width; ++l) {
            plan.edge_subcarrier[plan.n_edges][l] = static_cast<int16_t>(subcarrier(plan, row * width + l));
        }
        plan.row_grid[row] = ofdm_row_edge - plan.n_edges++;
    }
}

size_t align64(size_t bytes) { return (bytes + 63) & ~size_t{63}; }

void fill_lane_twiddle(float* at, int width) {
    const int a = width / 4;
    for (int c = 1; c < a; ++c) {
        for (int l = 0; l < width; ++l) {
            float pair[2];
            put(pair, (l % 4) * c, width, 1.0);
            at[(c - 1) * 2 * width + l] = pair[0];
            at[(c - 1) * 2 * width + width + l] = pair[1];
        }
    }
}

void fill_twiddle(float* at, const FftPlan& plan, double scale) {
    for (int k = 0; k < plan.rows; ++k) {
        for (int l = 0; l < plan.width; ++l) {
            float pair[2];
            put(pair, static_cast<double>(l) * k, plan.n, scale);
            at[k * 2 * plan.width + l] = pair[0];
            at[k * 2 * plan.width + plan.width + l] = pair[1];
        }
    }
}

void fill_row_of(uint16_t* at, const FftPlan& plan) {
    for (int k = 0; k < plan.rows; ++k) {
        int rest = k, stride = plan.rows, row = 0;
        for (int p = 0; p < plan.passes; ++p) {
            stride /= plan.radix[p];
            row += rest % plan.radix[p] * stride;
            rest /= plan.radix[p];
        }
        at[k] = static_cast<uint16_t>(row);
    }
}

void fill_pass(float* at, int length, int radix) {
    for (int j = 0; j < length / radix; ++j) {
        for (int u = 1; u < radix; ++u) put(at + 2 * (j * (radix - 1) + u - 1), static_cast<double>(j) * u, length, 1.0);
    }
}

}  // namespace

bool fft_size_allowed(int n) {
    if (n < 64 || n > fft_max_size || n % 64) return false;
    while (n % 2 == 0) n /= 2;
    while (n % 3 == 0) n /= 3;
    return n == 1;
}

FftPlan* fft_plan_create(int n, int width, int max_radix, double scale) {
    const int rows = n / width;
    std::vector<int> current, factors;
    factor(rows, max_radix, current, factors);
    size_t bytes = align64(sizeof(FftPlan));
    const size_t twiddle_at = bytes;
    bytes = align64(bytes + sizeof(float) * 2 * n);
    const size_t lane_at = bytes;
    bytes = align64(bytes + sizeof(float) * 2 * width * (width / 4));
    const size_t row_at = bytes;
    bytes = align64(bytes + sizeof(uint16_t) * rows);
    size_t pass_at[fft_max_passes] = {};
    for (size_t p = 0, length = rows; p < factors.size(); ++p) {
        pass_at[p] = bytes;
        bytes = align64(bytes + sizeof(float) * 2 * length);
        length /= factors[p];
    }
    char* memory = static_cast<char*>(std::aligned_alloc(64, bytes));
    if (!memory) return nullptr;
    FftPlan* plan = new (memory) FftPlan{};
    plan->memory = memory;
    plan->n = n;
    plan->width = width;
    plan->rows = rows;
    plan->passes = static_cast<int>(factors.size());
    for (int p = 0, length = rows; p < plan->passes; ++p) {
        plan->radix[p] = factors[p];
        float* at = reinterpret_cast<float*>(memory + pass_at[p]);
        fill_pass(at, length, factors[p]);
        plan->pass_twiddle[p] = at;
        length /= factors[p];
    }
    float* twiddle = reinterpret_cast<float*>(memory + twiddle_at);
    float* lanes = reinterpret_cast<float*>(memory + lane_at);
    uint16_t* row_of = reinterpret_cast<uint16_t*>(memory + row_at);
    fill_twiddle(twiddle, *plan, scale);
    fill_lane_twiddle(lanes, width);
    fill_row_of(row_of, *plan);
    plan->twiddle = twiddle;
    plan->lane_twiddle = lanes;
    plan->row_of = row_of;
    return plan;
}

void fft_plan_destroy(FftPlan* plan) {
    if (plan) std::free(plan->memory);
}

OfdmPlan* ofdm_plan_create(const OfdmOps& ops, int n_prb, int n, bool extended_cp, bool half_shift) {
    OfdmPlan* plan = new (std::nothrow) OfdmPlan{};
    if (!plan) return nullptr;
    plan->fft = fft_plan_create(n, ops.fft_width(n), ops.max_radix, 1.0 / std::sqrt(static_cast<double>(n)));
    if (!plan->fft) {
        delete plan;
        return nullptr;
    }
    plan->n_sc = 12 * n_prb;
    plan->half_shift = half_shift;
    fill_symbols(*plan, extended_cp);
    fill_rows(*plan);
    return plan;
}

void ofdm_plan_destroy(OfdmPlan* plan) {
    if (!plan) return;
    fft_plan_destroy(plan->fft);
    delete plan;
}

}  // namespace picocell
