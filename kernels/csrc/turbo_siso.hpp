// Max-log-MAP decoding of one constituent code, int8: a register holds one trellis position of all windows.
//
// Sums are plain (they are twice as fast as saturating ones) because the code bounds the state metrics: with
// systematic + extrinsic within 25 and parity within 13, two states that differ by d never differ by more than
// reach[d] in metric. Three sums can leave int8 nevertheless; they saturate.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int clip_apriori = 25;  // systematic plus extrinsic
constexpr int clip_parity = 13;
constexpr int8_t forward_reach[8] = {0, 76, 51, 63, 38, 64, 63, 63};
constexpr int8_t backward_reach[8] = {0, 38, 63, 51, 76, 64, 51, 51};
constexpr int turbo_max_rows = 384;  // of a window
constexpr int turbo_part = 96;       // rows whose forward metrics are kept
constexpr int max_parts = turbo_max_rows / turbo_part;
constexpr int turbo_edge = 64;  // room before and behind rows, for loads shifted by windows

// Metrics that the next decoding of the same code starts its windows from, a register's room on both sides of each.
struct Border {
    alignas(64) int8_t forward[9 * turbo_width];
    alignas(64) int8_t backward[max_parts][9 * turbo_width];
    alignas(64) int8_t end[7 * turbo_width];  // backward metrics behind the last bit, from the tail
};

// Share of the extrinsics that is passed on: 0.625 in the first iteration, 0.75, 0.875 in the last two.
enum class Damping { early, usual, late };

// Results of a decoding: a priori LLRs for the other code, totals for decisions.
enum class Wanted { extrinsic, both, total };

struct Siso {
    using X = Lanes8;
    using V = X::V;
    static constexpr int N = turbo_width;

    const int8_t* apriori;    // systematic + extrinsic of the other code, [rows][N]
    const int8_t* parity;     // [rows][N]
    const int8_t* channel;    // systematic + 128, [rows][N]
    int8_t* apriori_out;      // for the other code, in its order
    int8_t* total_out;        // a posteriori, in natural order
    const uint16_t* row_out;  // this code's row -> the other's row
    const int8_t* lane_out;   // per row of this code: its lane that each lane of the other takes
    const int8_t* lane_mask;  // [windows][N]: -1 in the lanes of that window
    Border* border;
    int8_t* metrics;          // [a part's rows][7][N]
    int rows, windows, part, training;

    // State 0 is always 0 and not kept: m[i] is the metric of state i + 1.
    static void forward_step(V* m, V s, V p) {
        const V zero{}, sp = s + p, d = s - p;
        const V n0 = X::max(sp, m[0]), n4 = X::max(zero, m[0] + sp);
        const V n5 = X::max(m[1] + d, m[2]), n1 = X::max(m[1], m[2] + d);
        const V n2 = X::max(m[3] + d, m[4]), n6 = X::max(m[3], m[4] + d);
        const V n7 = X::max(m[5] + sp, m[6]), n3 = X::max(m[5], m[6] + sp);
        const V q = p - n0;
        m[0] = n1 + q, m[1] = n2 + q, m[2] = n3 - n0, m[3] = n4 - n0, m[4] = n5 + q, m[5] = n6 + q, m[6] = n7 - n0;
    }

    static void backward_step(V* m, V s, V p) {
        const V zero{}, sp = s + p, d = s - p;
        const V n0 = X::max(sp, m[3]), n1 = X::max(m[3] + sp, zero);
        const V n2 = X::max(m[4] + d, m[0]), n3 = X::max(m[0] + d, m[4]);
        const V n4 = X::max(m[1] + d, m[5]), n5 = X::max(m[5] + d, m[1]);
        const V n6 = X::max(m[6] + sp, m[2]), n7 = X::max(m[2] + sp, m[6]);
        const V q = p - n0;
        m[0] = n1 - n0, m[1] = n2 + q, m[2] = n3 + q, m[3] = n4 + q, m[4] = n5 + q, m[5] = n6 - n0, m[6] = n7 - n0;
    }

    static V max4(V a, V b, V c, V d) { return X::max(X::max(a, b), X::max(c, d)); }

    // ln P(0) / P(1) of the bit from all but its own LLR; a before the step, b behind it.
    static V extrinsic(const V* a, const V* b, V p) {
        const V zero0 = max4(V{}, X::adds(a[0], b[3]), a[5] + b[6], a[6] + b[2]);
        const V zero1 = max4(a[1] + b[4], a[2] + b[0], a[3] + b[1], a[4] + b[5]);
        const V one1 = max4(b[3], a[0], a[5] + b[2], a[6] + b[6]);
        const V one0 = max4(a[1] + b[0], a[2] + b[4], a[3] + b[5], a[4] + b[1]);
        return X::max(X::adds(zero0, p), zero1) - X::max(X::adds(one0, p), one1);
    }

    static V row_of(const int8_t* rows_of, int row) { return X::load(rows_of + ptrdiff_t{row} * N); }
    static void copy(V* to, const V* from) {
        for (int i = 0; i < 7; ++i) to[i] = from[i];
    }
    static void load_states(V* m, const int8_t* from) {
        for (int i = 0; i < 7; ++i) m[i] = X::load(from + i * N);
    }
    static void load_shifted(V* m, const int8_t* from) {
        for (int i = 0; i < 7; ++i) m[i] = X::load_any(from + i * N);
    }
    static void store_states(int8_t* to, const V* m) {
        for (int i = 0; i < 7; ++i) X::store(to + i * N, m[i]);
    }

    // Every window that begins `window` windows after the block's start begins in state 0.
    void start(V* m, int window) const {
        const V mask = X::load(lane_mask + window * N);
        for (int i = 0; i < 7; ++i) m[i] = (m[i] & ~mask) | (mask & X::all(-forward_reach[i + 1]));
    }

    void finish(V* m, int window) const {
        const V mask = X::load(lane_mask + (windows - 1 - window) * N);
        for (int i = 0; i < 7; ++i) m[i] = (m[i] & ~mask) | (mask & X::load(border->end + i * N));
    }

    // Runs over the positions before each window, from the metrics that the last decoding had there.
    void train_forward(V* m) const {
        const int steps = windows > 1 ? training : 0;
        int window = (steps + rows - 1) / rows;  // how many windows back
        int row = window * rows - steps;
        load_shifted(m, border->forward + N - window);
        for (int left = steps;;) {
            if (row == 0 && window < windows) start(m, window);
            if (!left) break;
            const int n = std::min(left, rows - row);
            const int8_t *s = apriori + ptrdiff_t{row} * N - window, *p = parity + ptrdiff_t{row} * N - window;
            V a[7];  // a copy: what is reached through a pointer would be stored in each step
            copy(a, m);
            for (int i = 0; i < n; ++i, s += N, p += N) forward_step(a, X::load_any(s), X::load_any(p));
            copy(m, a);
            left -= n;
            row = 0;
            --window;
        }
    }

    // The same from behind, for the part that ends before row `end`.
    void train_backward(V* m, int slot, int end) const {
        if (windows == 1 && end == rows) return load_states(m, border->end);
        int window = (end + training) / rows, row = (end + training) % rows;
        load_shifted(m, border->backward[slot] + N + window);
        for (int left = training;;) {
            if (row == 0) {
                if (window > 0 && window <= windows) finish(m, window - 1);
                row = rows, --window;
            }
            if (!left) break;
            const int n = std::min(left, row);
            const int8_t* s = apriori + ptrdiff_t{row} * N + window;
            const int8_t* p = parity + ptrdiff_t{row} * N + window;
            V b[7];
            copy(b, m);
            for (int i = 0; i < n; ++i) {
                s -= N, p -= N;
                backward_step(b, X::load_any(s), X::load_any(p));
            }
            copy(m, b);
            left -= n;
            row -= n;
        }
    }

    // Keeps the metrics before each row of a part.
    void upwards(V* m, int begin, int end) const {
        const int8_t *const s = apriori, *const p = parity;  // copies: a store might change the members
        int8_t* to = metrics;
        V a[7];
        copy(a, m);
        for (int row = begin; row < end; ++row, to += 7 * N) {
            store_states(to, a);
            forward_step(a, row_of(s, row), row_of(p, row));
        }
        copy(m, a);
    }

    // A share of e, + 128: means of unsigned numbers. 127 and 128 by turns, so that neither bit is favoured.
    template <Damping How>
    static V damped(V e) {
        const V u = e ^ X::all(-128), half = X::avg(u, X::all(127)), most = X::avg(u, half);
        if (How == Damping::early) return X::avg(half, X::avg(u, X::avg(u, X::all(-128))));
        return How == Damping::late ? X::avg(u, most) : most;
    }

    template <Damping How, bool Wide, Wanted What, bool Permuted>
    void emit(int row, V s, V e) const {
        const ptrdiff_t at = ptrdiff_t{row} * N, to = ptrdiff_t{row_out[row]} * N;
        const auto turn = [&](V v) {
            return Wide ? X::turned(v, lane_out + at) : X::turned_within(v, lane_out + 16 * row);
        };
        if (What != Wanted::total) {
            const V sum = X::load(channel + at) + damped<How>(e);
            X::store(apriori_out + to, turn(X::max(X::min(sum, X::all(clip_apriori)), X::all(-clip_apriori))));
        }
        if (What == Wanted::extrinsic) return;
        if (Permuted)
            X::store(total_out + to, turn(s + e));
        else
            X::store(total_out + at, s + e);
    }

    template <Damping How, bool Wide, Wanted What, bool Permuted>
    void downwards(V* m, const int8_t* kept, int begin, int end) const {
        const int8_t *const s_of = apriori, *const p_of = parity;
        V a[7], b[7];
        copy(b, m);
        for (int row = end; row > begin;) {
            --row, kept -= 7 * N;
            const V s = row_of(s_of, row), p = row_of(p_of, row);
            load_states(a, kept);
            emit<How, Wide, What, Permuted>(row, s, extrinsic(a, b, p));
            backward_step(b, s, p);
        }
        copy(m, b);
    }

    // The position at which the next decoding starts to run up to the end of part i.
    int border_of(int i) const { return (std::min(rows, (i + 1) * part) + training) % rows; }

    template <Damping How, bool Wide, Wanted What, bool Permuted>
    void run_part(V* a, int i, int parts) const {
        const int begin = i * part, end = std::min(rows, begin + part), keep = (rows - training % rows) % rows;
        V b[7];
        upwards(a, begin, end);
        if (keep >= begin && keep < end)
            std::memcpy(border->forward + N, metrics + ptrdiff_t{keep - begin} * 7 * N, 7 * N);
        train_backward(b, i, end);
        for (int top = end;;) {
            int cut = begin, slot = -1;
            for (int j = 0; j < parts; ++j) {
                const int x = border_of(j);
                if (x >= begin && x < top && (slot < 0 || x > cut)) cut = x, slot = j;
            }
            downwards<How, Wide, What, Permuted>(b, metrics + ptrdiff_t{top - begin} * 7 * N, cut, top);
            if (slot < 0) break;
            store_states(border->backward[slot] + N, b);
            top = cut;
        }
    }

    template <Damping How, bool Wide, Wanted What, bool Permuted>
    __attribute__((noinline)) void run_as() const {
        V a[7];
        train_forward(a);
        const int parts = (rows + part - 1) / part;
        for (int i = 0; i < parts; ++i) run_part<How, Wide, What, Permuted>(a, i, parts);
    }

    template <Damping How, bool Wide>
    void run_wide(Wanted what, bool permuted) const {
        if (what == Wanted::extrinsic)
            run_as<How, Wide, Wanted::extrinsic, false>();
        else if (what == Wanted::total)
            run_as<Damping::late, Wide, Wanted::total, true>();
        else if (permuted)
            run_as<How, Wide, Wanted::both, true>();
        else
            run_as<How, Wide, Wanted::both, false>();
    }

    template <Damping How>
    void run_damped(Wanted what, bool permuted) const {
        if (windows > 16)
            run_wide<How, true>(what, permuted);
        else
            run_wide<How, false>(what, permuted);
    }

    // permuted: this is the interleaved code, as it always is where only the totals are wanted.
    void run(Damping how, Wanted what, bool permuted) const {
        if (how == Damping::early) return run_damped<Damping::early>(what, permuted);
        if (how == Damping::late) return run_damped<Damping::late>(what, permuted);
        run_damped<Damping::usual>(what, permuted);
    }
};

}  // namespace picocell::PICOCELL_NS
