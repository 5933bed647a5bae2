// Tables of the DFT, the same code for every instruction set.
#include "dft.hpp"

#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

namespace picocell {
namespace {

constexpr int radices[] = {12, 10, 9, 8, 6, 5, 4, 3, 2};
constexpr double two_pi = 6.283185307179586476925286766559;

// Factors of n with the fewest passes; of those with equally many, the flattest, the large radix first.
void factor(int n, std::vector<int>& current, std::vector<int>& best) {
    if (n == 1) {
        if (best.empty() || current.size() < best.size() ||
            (current.size() == best.size() && current.front() < best.front())) {
            best = current;
        }
        return;
    }
    if (current.size() == dft_max_passes) return;
    for (int r : radices) {
        if (n % r || (!current.empty() && r > current.back())) continue;
        current.push_back(r);
        factor(n / r, current, best);
        current.pop_back();
    }
}

size_t align64(size_t bytes) { return (bytes + 63) & ~size_t{63}; }

void fill_twiddle(float* at, int length, int radix) {
    for (int j = 0; j < length / radix; ++j) {
        for (int u = 1; u < radix; ++u, at += 2) {
            const double angle = -two_pi * j * u / length;
            at[0] = static_cast<float>(std::cos(angle));
            at[1] = static_cast<float>(std::sin(angle));
        }
    }
}

void fill_row_of(uint16_t* at, const DftPlan& plan) {
    for (int k = 0; k < plan.n; ++k) {
        int rest = k, stride = plan.n, row = 0;
        for (int p = 0; p < plan.passes; ++p) {
            stride /= plan.radix[p];
            row += rest % plan.radix[p] * stride;
            rest /= plan.radix[p];
        }
        at[k] = static_cast<uint16_t>(row);
    }
}

}  // namespace

bool dft_size_allowed(int n) {
    if (n < 12 || n > dft_max_size || n % 12) return false;
    for (int prime : {2, 3, 5}) {
        while (n % prime == 0) n /= prime;
    }
    return n == 1;
}

DftPlan* dft_plan_create(int n) {
    std::vector<int> current, factors;
    factor(n, current, factors);
    const size_t rows_at = align64(sizeof(DftPlan));
    size_t bytes = align64(rows_at + sizeof(uint16_t) * n);
    size_t twiddle_at[dft_max_passes] = {};
    for (size_t p = 0, length = n; p < factors.size(); length /= factors[p++]) {
        twiddle_at[p] = bytes;
        bytes = align64(bytes + sizeof(float) * 2 * length);
    }
    char* memory = static_cast<char*>(std::aligned_alloc(64, bytes));
    if (!memory) return nullptr;
    DftPlan* plan = new (memory) DftPlan{};
    plan->memory = memory;
    plan->n = n;
    plan->scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(n)));
    plan->passes = static_cast<int>(factors.size());
    for (int p = 0, length = n; p < plan->passes; length /= plan->radix[p++]) {
        plan->radix[p] = factors[p];
        float* at = reinterpret_cast<float*>(memory + twiddle_at[p]);
        fill_twiddle(at, length, factors[p]);
        plan->twiddle[p] = at;
    }
    uint16_t* rows = reinterpret_cast<uint16_t*>(memory + rows_at);
    fill_row_of(rows, *plan);
    plan->row_of = rows;
    return plan;
}

void dft_plan_destroy(DftPlan* plan) {
    if (plan) std::free(plan->memory);
}

}  // namespace picocell
