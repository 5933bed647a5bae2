// Body of the OFDM kernel, compiled once per instruction set.
#include "fft_body.hpp"
#include "ofdm.hpp"

namespace picocell::PICOCELL_NS {

constexpr double two_pi = 6.283185307179586476925286766559;

inline void phasor(double cycles, double out[2]) {
    const double angle = two_pi * (cycles - std::floor(cycles));
    out[0] = std::cos(angle);
    out[1] = std::sin(angle);
}

// exp(2 pi j (step i + start)), i = 0..count-1: a product of two tables, whose error does not build up.
inline void phasors(double step, double start, int count, float* out) {
    double fine[16][2];
    for (int i = 0; i < 16; ++i) phasor(step * i, fine[i]);
    for (int first = 0; first < count; first += 16) {
        double coarse[2];
        phasor(step * first + start, coarse);
        for (int i = 0; i < 16 && first + i < count; ++i) {
            out[2 * (first + i)] = static_cast<float>(fine[i][0] * coarse[0] - fine[i][1] * coarse[1]);
            out[2 * (first + i) + 1] = static_cast<float>(fine[i][0] * coarse[1] + fine[i][1] * coarse[0]);
        }
    }
}

// A phasor at every sample as row phasor (one a row) times lane phasor (the same for every row).
template <int W>
struct Rotation {
    using V = typename Lanes<W>::V;
    const float* rows;
    V lane_re, lane_im;

    PICOCELL_INLINE void apply(int row, V& re, V& im) const {
        V c = lane_re, s = lane_im;
        multiply(c, s, rows[2 * row], rows[2 * row + 1]);
        multiply(re, im, c, s);
    }
};

template <int W, bool Inverse>
struct RowSource {
    const float* const* rows;
    PICOCELL_INLINE void load(int row, typename Lanes<W>::V& re, typename Lanes<W>::V& im) const {
        Lanes<W>::load_complex(rows[row], Inverse ? im : re, Inverse ? re : im);
    }
};

template <int W>
struct RotatedSource {
    const float* const* rows;
    Rotation<W> rotation;
    PICOCELL_INLINE void load(int row, typename Lanes<W>::V& re, typename Lanes<W>::V& im) const {
        Lanes<W>::load_complex(rows[row], re, im);
        rotation.apply(row, re, im);
    }
};

template <int W, bool Inverse>
struct Contiguous {
    const float* in;
    float* out;
    PICOCELL_INLINE void load(int row, typename Lanes<W>::V& re, typename Lanes<W>::V& im) const {
        Lanes<W>::load_complex(in + row * ptrdiff_t{2 * W}, Inverse ? im : re, Inverse ? re : im);
    }
    PICOCELL_INLINE void store(int bin, typename Lanes<W>::V re, typename Lanes<W>::V im) const {
        Lanes<W>::store_complex(out + bin * ptrdiff_t{2}, Inverse ? im : re, Inverse ? re : im);
    }
};

template <int W>
struct RotatedSink {
    float* out;
    Rotation<W> rotation;
    PICOCELL_INLINE void store(int bin, typename Lanes<W>::V im, typename Lanes<W>::V re) const {
        rotation.apply(bin / W, re, im);
        Lanes<W>::store_complex(out + bin * ptrdiff_t{2}, re, im);
    }
};

template <int W>
struct RowSink {
    float* const* rows;
    PICOCELL_INLINE void store(int bin, typename Lanes<W>::V re, typename Lanes<W>::V im) const {
        if (float* p = rows[bin / W]) Lanes<W>::store_complex(p, re, im);
    }
};

template <int W>
void fft_many(const FftPlan& plan, const float* in, float* out, size_t count, bool inverse) {
    alignas(64) float work[2 * fft_max_size];
    for (size_t i = 0; i < count; ++i, in += 2 * plan.n, out += 2 * plan.n) {
        if (inverse) {
            const Contiguous<W, true> rows{in, out};
            fft_transform<W>(plan, work, rows, rows);
        } else {
            const Contiguous<W, false> rows{in, out};
            fft_transform<W>(plan, work, rows, rows);
        }
    }
}

template <int W>
Rotation<W> make_rotation(const float* rows, const float* lanes) {
    Rotation<W> rotation{rows, {}, {}};
    Lanes<W>::load_complex(lanes, rotation.lane_re, rotation.lane_im);
    return rotation;
}

// Where each row of bins is, in a grid whose current symbol is at `grid`; edges and empty rows are in scratch.
template <int W>
struct GridRows {
    using Edge = float[ofdm_max_edges][2 * W];
    const OfdmPlan& plan;
    float* rows[fft_max_size / W];
    alignas(64) Edge edges;

    explicit GridRows(const OfdmPlan& p) : plan(p) {}

    void point(float* grid, float* empty) {
        for (int row = 0; row < plan.fft->n / W; ++row) {
            const int32_t at = plan.row_grid[row];
            rows[row] = at >= 0 ? grid + 2 * at : at == ofdm_row_empty ? empty : edges[ofdm_row_edge - at];
        }
    }
    void read_edges(const float* grid) {
        for (int e = 0; e < plan.n_edges; ++e) {
            for (int l = 0; l < W; ++l) {
                const int at = plan.edge_subcarrier[e][l];
                edges[e][2 * l] = at < 0 ? 0.0f : grid[2 * at];
                edges[e][2 * l + 1] = at < 0 ? 0.0f : grid[2 * at + 1];
            }
        }
    }
    void write_edges(float* grid) const {
        for (int e = 0; e < plan.n_edges; ++e) {
            for (int l = 0; l < W; ++l) {
                const int at = plan.edge_subcarrier[e][l];
                if (at >= 0) std::memcpy(grid + 2 * at, edges[e] + 2 * l, 2 * sizeof(float));
            }
        }
    }
};

template <int W>
void ofdm_modulate(const OfdmPlan& plan, const float* grid, float* samples) {
    const FftPlan& fft = *plan.fft;
    alignas(64) float work[2 * fft_max_size];
    alignas(64) float turn[2 * fft_max_size / W], lanes[2 * W];
    alignas(64) float zeros[2 * W] = {};
    GridRows<W> rows(plan);
    if (plan.half_shift) {
        phasors(0.5 * W / fft.n, 0.0, fft.n / W, turn);
        phasors(0.5 / fft.n, 0.0, W, lanes);
    }
    for (int l = 0; l < plan.n_symb; ++l, grid += 2 * plan.n_sc) {
        rows.point(const_cast<float*>(grid), zeros);
        rows.read_edges(grid);
        const RowSource<W, true> source{rows.rows};
        float* prefix = samples + 2 * plan.start[l];
        float* out = prefix + 2 * plan.cp[l];
        const float* tail = prefix + 2 * fft.n;
        if (plan.half_shift) {  // half a cycle in N samples: the prefix is the negated end of the symbol
            fft_transform<W>(fft, work, source, RotatedSink<W>{out, make_rotation<W>(turn, lanes)});
            for (int i = 0; i < 2 * plan.cp[l]; ++i) prefix[i] = -tail[i];
        } else {
            fft_transform<W>(fft, work, source, Contiguous<W, true>{nullptr, out});
            std::memcpy(prefix, tail, 2 * sizeof(float) * plan.cp[l]);
        }
    }
}

// Rows of the FFT's input. A window that starts `advance` samples early is undone by reading the samples that it
// misses at the end from the prefix, N samples earlier: the FFT then sees the symbol unshifted.
template <int W>
struct WindowRows {
    const float* rows[fft_max_size / W];
    alignas(64) float edge[2 * W];

    void point(const float* start, int n, int advance) {
        const int whole = (n - advance) / W;
        for (int m = 0; m < whole; ++m) rows[m] = start + 2 * W * m;
        for (int m = whole; m < n / W; ++m) rows[m] = start + 2 * (W * m - n);
        if (advance % W) rows[whole] = edge;
    }
    // The row where the samples from the prefix begin; those are turned by (wrap_re, wrap_im).
    void read_edge(const float* start, int n, int advance, float wrap_re, float wrap_im) {
        const int first = (n - advance) / W * W;
        for (int l = 0; l < W && advance % W; ++l) {
            const bool wrapped = first + l >= n - advance;
            const float* at = start + 2 * (first + l - (wrapped ? n : 0));
            const float c = wrapped ? wrap_re : 1.0f, s = wrapped ? wrap_im : 0.0f;
            edge[2 * l] = at[0] * c - at[1] * s;
            edge[2 * l + 1] = at[0] * s + at[1] * c;
        }
    }
};

template <int W>
void ofdm_demodulate(const OfdmPlan& plan, const float* samples, double cfo, double phase, int advance, float* grid) {
    const FftPlan& fft = *plan.fft;
    const int n = fft.n;
    const double frequency = cfo + (plan.half_shift ? 0.5 / n : 0.0);
    const bool rotate = frequency != 0.0 || phase != 0.0;
    alignas(64) float work[2 * fft_max_size];
    alignas(64) float turn[2 * fft_max_size / W], lanes[2 * W];
    float wrap[2] = {1.0f, 0.0f};
    GridRows<W> bins(plan);
    WindowRows<W> window;
    if (rotate) {
        phasors(-frequency * W, 0.0, n / W, turn);
        if (advance) phasors(0.0, frequency * n, 1, wrap);
        for (int m = (n - advance + W - 1) / W; m < n / W; ++m) {
            multiply<float, float>(turn[2 * m], turn[2 * m + 1], wrap[0], wrap[1]);
        }
    }
    for (int l = 0; l < plan.n_symb; ++l, grid += 2 * plan.n_sc) {
        const int first = plan.start[l] + plan.cp[l];
        const float* start = samples + 2 * first;
        bins.point(grid, nullptr);
        window.point(start, n, advance);
        window.read_edge(start, n, advance, wrap[0], wrap[1]);
        const RowSink<W> sink{bins.rows};
        if (rotate) {
            phasors(-frequency, -(phase + cfo * first), W, lanes);
            fft_transform<W>(fft, work, RotatedSource<W>{window.rows, make_rotation<W>(turn, lanes)}, sink);
        } else {
            fft_transform<W>(fft, work, RowSource<W, false>{window.rows}, sink);
        }
        bins.write_edges(grid);
    }
}

template <int W>
void mix_samples(const float* in, double frequency, double phase, size_t n, float* out) {
    constexpr int block = 64;  // rows
    alignas(64) float turn[2 * block], lanes[2 * W], padded[2 * W];
    phasors(frequency * W, 0.0, block, turn);
    for (size_t start = 0; start < n; start += block * W) {
        phasors(frequency, phase + frequency * static_cast<double>(start), W, lanes);
        const Rotation<W> rotation = make_rotation<W>(turn, lanes);
        const size_t count = std::min(n - start, size_t{block * W});
        for (size_t i = 0; i < count; i += W) {
            const size_t at = 2 * (start + i), bytes = 2 * sizeof(float) * std::min(count - i, size_t{W});
            const bool part = count - i < W;
            if (part) std::memcpy(padded, in + at, bytes);
            typename Lanes<W>::V re, im;
            Lanes<W>::load_complex(part ? padded : in + at, re, im);
            rotation.apply(static_cast<int>(i / W), re, im);
            Lanes<W>::store_complex(part ? padded : out + at, re, im);
            if (part) std::memcpy(out + at, padded, bytes);
        }
    }
}

constexpr int widest = PICOCELL_VECTOR_BYTES / sizeof(float);

// Rows come in multiples of the width, so N must be a multiple of its square.
int fft_width(int n) { return widest == 16 && n % 256 ? 8 : widest; }

template <class Function>
PICOCELL_INLINE void with_width(int width, Function function) {
    if constexpr (widest == 16) {
        if (width == 8) return function(std::integral_constant<int, 8>{});
    }
    function(std::integral_constant<int, widest>{});
}

void fft_op(const FftPlan* plan, const float* in, float* out, size_t count, bool inverse) {
    with_width(plan->width, [=](auto w) { fft_many<decltype(w)::value>(*plan, in, out, count, inverse); });
}

void modulate_op(const OfdmPlan* plan, const float* grid, float* samples) {
    with_width(plan->fft->width, [=](auto w) { ofdm_modulate<decltype(w)::value>(*plan, grid, samples); });
}

void demodulate_op(const OfdmPlan* plan, const float* samples, double cfo, double phase, int advance, float* grid) {
    with_width(plan->fft->width,
               [=](auto w) { ofdm_demodulate<decltype(w)::value>(*plan, samples, cfo, phase, advance, grid); });
}

void mix_op(const float* in, double frequency, double phase, size_t n, float* out) {
    mix_samples<widest>(in, frequency, phase, n, out);
}

const OfdmOps ofdm_table{fft_width, PICOCELL_ISA_LEVEL == 2 ? 16 : 8, fft_op, modulate_op, demodulate_op, mix_op};

}  // namespace picocell::PICOCELL_NS
