// Max-log-MAP decoding of one constituent code, int16, one trellis position of W windows a register.
//
// All sums are plain: the code bounds the differences between state metrics. Two states meet after three steps, so
// metrics differ by at most 3 (clip_apriori + clip_channel) = 4602, and grow by at most 1534 a step; with
// state 0 subtracted every fourth step a metric stays within 10738 and a path sum within 23010.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int clip_channel = 511;   // systematic and parity LLRs
constexpr int clip_apriori = 1023;  // systematic plus extrinsic
constexpr int impossible = -5000;   // below any path that could still win

#if PICOCELL_ISA_LEVEL >= 2
// Intrinsics, because GCC 12 takes no __builtin_shuffle of a type that depends on a template's argument.
template <int W>
struct Register;
template <>
struct Register<8> {
    static __m128i permuted(__m128i v, __m128i from) { return _mm_permutexvar_epi16(from, v); }
    using I = __m128i;
};
template <>
struct Register<16> {
    static __m256i permuted(__m256i v, __m256i from) { return _mm256_permutexvar_epi16(from, v); }
    using I = __m256i;
};
template <>
struct Register<32> {
    static __m512i permuted(__m512i v, __m512i from) { return _mm512_permutexvar_epi16(from, v); }
    using I = __m512i;
};
#endif

template <int W>
struct Lanes {
    typedef int16_t V __attribute__((vector_size(2 * W)));

    static V load(const int16_t* p) {
        V v;
        std::memcpy(&v, p, sizeof v);
        return v;
    }
    static void store(int16_t* p, V v) { std::memcpy(p, &v, sizeof v); }
    static V all(int16_t x) { return V{} + x; }
    static V max(V a, V b) { return a > b ? a : b; }
    static V min(V a, V b) { return a < b ? a : b; }
    static V clip(V a, int16_t limit) { return min(max(a, all(static_cast<int16_t>(-limit))), all(limit)); }

    // out[w] = v[from[w]]
    static void store_permuted(int16_t* out, V v, const int16_t* from) {
#if PICOCELL_ISA_LEVEL >= 2
        using R = Register<W>;
        typename R::I lane, index;
        std::memcpy(&lane, &v, sizeof v);
        std::memcpy(&index, from, sizeof v);
        lane = R::permuted(lane, index);
        std::memcpy(out, &lane, sizeof v);
#else
        alignas(64) int16_t lane[W];
        store(lane, v);
        for (int w = 0; w < W; ++w) out[w] = lane[from[w]];
#endif
    }
};

// Metrics of one constituent code that its next decoding starts its windows from, with a register's room each side.
struct Border {
    alignas(64) int16_t forward[10 * max_lanes];
    alignas(64) int16_t backward[10 * max_lanes];
    int16_t end[8];  // backward metrics behind the last bit, from the tail
};

template <int W>
struct Siso {
    using X = Lanes<W>;
    using V = typename X::V;

    const int16_t* apriori;   // systematic + extrinsic of the other code, [rows][W]
    const int16_t* parity;    // [rows][W]
    const int16_t* channel;   // systematic, [rows][W]
    int16_t* apriori_out;     // for the other code, in its order
    int16_t* total_out;       // a posteriori, in natural order
    const uint16_t* row_out;  // this code's row -> the other's row
    const int16_t* lane_out;  // per row of this code: its lane that each lane of the other takes
    bool total_permuted;      // this code is the interleaved one: total_out goes through row_out and lane_out too
    Border* border;
    int16_t* alpha;           // [rows][8][W]
    int rows, training;

    static void forward_step(V* a, V s, V p) {
        const V sp = s + p;
        const V n0 = X::max(a[0] + sp, a[1]), n4 = X::max(a[0], a[1] + sp);
        const V n5 = X::max(a[2] + s, a[3] + p), n1 = X::max(a[2] + p, a[3] + s);
        const V n2 = X::max(a[4] + s, a[5] + p), n6 = X::max(a[4] + p, a[5] + s);
        const V n7 = X::max(a[6] + sp, a[7]), n3 = X::max(a[6], a[7] + sp);
        a[0] = n0, a[1] = n1, a[2] = n2, a[3] = n3, a[4] = n4, a[5] = n5, a[6] = n6, a[7] = n7;
    }

    static void backward_step(V* b, V s, V p) {
        const V sp = s + p;
        const V n0 = X::max(b[0] + sp, b[4]), n1 = X::max(b[4] + sp, b[0]);
        const V n2 = X::max(b[5] + s, b[1] + p), n3 = X::max(b[1] + s, b[5] + p);
        const V n4 = X::max(b[2] + s, b[6] + p), n5 = X::max(b[6] + s, b[2] + p);
        const V n6 = X::max(b[7] + sp, b[3]), n7 = X::max(b[3] + sp, b[7]);
        b[0] = n0, b[1] = n1, b[2] = n2, b[3] = n3, b[4] = n4, b[5] = n5, b[6] = n6, b[7] = n7;
    }

    static void normalise(V* m) {
        for (int i = 1; i < 8; ++i) m[i] -= m[0];
        m[0] = V{};
    }

    static V max4(V a, V b, V c, V d) { return X::max(X::max(a, b), X::max(c, d)); }

    // ln P(0) / P(1) of the bit from all but its own LLR; a before the step, b behind it.
    static V extrinsic(const V* a, const V* b, V p) {
        const V zero0 = max4(a[0] + b[0], a[1] + b[4], a[6] + b[7], a[7] + b[3]);  // bit 0, parity 0
        const V zero1 = max4(a[2] + b[5], a[3] + b[1], a[4] + b[2], a[5] + b[6]);
        const V one1 = max4(a[0] + b[4], a[1] + b[0], a[6] + b[3], a[7] + b[7]);
        const V one0 = max4(a[2] + b[1], a[3] + b[5], a[4] + b[6], a[5] + b[2]);
        return X::max(zero0 + p, zero1) - X::max(one0 + p, one1);
    }

    static void set_lane(V* m, int lane, const int16_t* value) {
        for (int i = 0; i < 8; ++i) m[i][lane] = value[i];
    }

    // Runs over the `training` positions before each window, from the metrics that the last decoding had there.
    void train_forward(V* a) const {
        static const int16_t start[8] = {0,          impossible, impossible, impossible,
                                         impossible, impossible, impossible, impossible};
        int window = (training + rows - 1) / rows;  // how many windows back
        int row = window * rows - training;
        for (int i = 0; i < 8; ++i) a[i] = X::load(border->forward + max_lanes + i * W - window);
        for (int t = training;; --t) {
            if (row == 0 && window < W) set_lane(a, window, start);
            if (t == 0) break;
            const ptrdiff_t at = ptrdiff_t{row} * W - window;
            forward_step(a, X::load(apriori + at), X::load(parity + at));
            if ((t & 3) == 1) normalise(a);
            if (++row == rows) row = 0, --window;
        }
    }

    void train_backward(V* b) const {
        int window = training / rows;  // windows beyond the next one's start
        int row = training - window * rows;
        for (int i = 0; i < 8; ++i) b[i] = X::load(border->backward + max_lanes + i * W + window + 1);
        for (int t = training;; --t) {
            if (row == 0 && window < W) set_lane(b, W - 1 - window, border->end);
            if (t == 0) break;
            if (--row < 0) row = rows - 1, --window;
            const ptrdiff_t at = ptrdiff_t{row} * W + window + 1;
            backward_step(b, X::load(apriori + at), X::load(parity + at));
            if ((t & 3) == 1) normalise(b);
        }
    }

    void forward() const {
        V a[8];
        train_forward(a);
        const int keep = (rows - training % rows) % rows;
        for (int row = 0; row < rows; ++row) {
            if ((row & 3) == 0) normalise(a);
            for (int i = 0; i < 8; ++i) X::store(alpha + (ptrdiff_t{row} * 8 + i) * W, a[i]);
            forward_step(a, X::load(apriori + ptrdiff_t{row} * W), X::load(parity + ptrdiff_t{row} * W));
        }
        std::memcpy(border->forward + max_lanes, alpha + ptrdiff_t{keep} * 8 * W, sizeof a);
    }

    void emit(int row, V s, V e) const {
        const ptrdiff_t at = ptrdiff_t{row} * W, to = ptrdiff_t{row_out[row]} * W;
        const V mine = X::load(channel + at);
        const V damped = e - ((e + 2) >> 2);  // 0.75 e, rounded: floor would favour bit 0
        X::store_permuted(apriori_out + to, X::clip(mine + damped, clip_apriori), lane_out + at);
        if (total_permuted)
            X::store_permuted(total_out + to, s + e, lane_out + at);
        else
            X::store(total_out + at, s + e);
    }

    void backward() const {
        V b[8];
        train_backward(b);
        const int keep = training % rows;
        for (int row = rows - 1; row >= 0; --row) {
            if (((rows - 1 - row) & 3) == 0) normalise(b);
            const V s = X::load(apriori + ptrdiff_t{row} * W), p = X::load(parity + ptrdiff_t{row} * W);
            V a[8];
            for (int i = 0; i < 8; ++i) a[i] = X::load(alpha + (ptrdiff_t{row} * 8 + i) * W);
            emit(row, s, extrinsic(a, b, p));
            backward_step(b, s, p);
            if (row == keep) {
                normalise(b);
                std::memcpy(border->backward + max_lanes, b, sizeof b);
            }
        }
    }

    void run() const {
        forward();
        backward();
    }
};

}  // namespace picocell::PICOCELL_NS
