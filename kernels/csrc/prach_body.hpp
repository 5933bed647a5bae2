// Body of the preamble detection kernel, compiled once per instruction set.
#include "prach.hpp"

namespace picocell::PICOCELL_NS {

constexpr int prach_lanes = 16;

// Sums of x and x^2 clipped at a level; n is a multiple of the lanes.
inline void prach_clipped(const float* x, size_t n, float level, double& sum, double& square) {
    float part[prach_lanes] = {}, squares[prach_lanes] = {};
    for (size_t i = 0; i < n; i += prach_lanes) {
        for (int j = 0; j < prach_lanes; ++j) {
            const float value = x[i + j] < level ? x[i + j] : level;
            part[j] += value;
            squares[j] += value * value;
        }
    }
    sum = square = 0;
    for (int j = 0; j < prach_lanes; ++j) sum += part[j], square += squares[j];
}

// Linear between the points (x, y), x ascending, constant outside.
inline double prach_interpolate(double at, const double* x, const double* y, int n) {
    if (!(at > x[0])) return y[0];
    for (int i = 1; i < n; ++i) {
        if (at <= x[i]) return y[i - 1] + (y[i] - y[i - 1]) * (at - x[i - 1]) / (x[i] - x[i - 1]);
    }
    return y[n - 1];
}

void prach_noise(const PrachNoise& how, const float* profile, size_t rows, size_t n, float* noise, double* shape) {
    float few[prach_max_points / 4];
    for (size_t r = 0; r < rows; ++r, profile += n) {
        const size_t count = n / 4, half = count / 2;
        for (size_t i = 0; i < count; ++i) few[i] = profile[4 * i];
        std::nth_element(few, few + half, few + count);
        const float median = 0.5f * (few[half] + *std::max_element(few, few + half));
        float level = median * how.start;
        double sum = 0, square = 0;
        for (int i = 0; i < 3; ++i) {
            prach_clipped(profile, n, how.clip * level, sum, square);
            level = float(sum / double(n)) / how.gain;
        }
        const double mean = std::max(sum / double(n), 1e-30);
        double spread = square / (double(n) * mean * mean);
        if (!(spread > how.tolerance * how.spreads[0])) spread = how.spreads[0];
        shape[r] = how.branches;
        if (spread > how.spreads[0]) {  // in steps, so that thresholds are looked up
            shape[r] = std::floor(prach_interpolate(spread, how.spreads, how.shapes, how.n_shapes) * 20) / 20;
        }
        const double bias = prach_interpolate(spread, how.spreads, how.measured, how.n_shapes);
        noise[r] = float(level / (bias * how.branches));
    }
}

void prach_peaks(const float* profile, size_t n, const int32_t* row, const int32_t* first, size_t count, size_t width,
                 float* peak, int32_t* at) {
    for (size_t i = 0; i < count; ++i) {
        const float* x = profile + size_t(row[i]) * n;
        const size_t start = size_t(first[i]), until = std::min(start + width, n);
        float largest = -1;
        for (size_t k = start; k < until; ++k) largest = x[k] > largest ? x[k] : largest;
        for (size_t k = 0; k + n < start + width; ++k) largest = x[k] > largest ? x[k] : largest;
        size_t k = 0;
        while (k + 1 < width && !(x[start + k < n ? start + k : start + k - n] >= largest)) ++k;
        peak[i] = largest;
        at[i] = int32_t(k);
    }
}

const PrachOps prach_table{prach_noise, prach_peaks};

}  // namespace picocell::PICOCELL_NS
