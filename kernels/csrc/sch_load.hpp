// A code block's circular buffer to the three streams that the decoder takes. The sub-block interleaver (TS 36.212
// 5.1.4.1.1) writes rows of 32 and reads columns, so its inverse is a transposition: of R rows for the systematic bits,
// of 2 R rows for the two parities, which take turns. NULLs stand at the start of the first row only; a column without
// its NULL is taken to start one place earlier, and what is read there lands before the start of the stream.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int sch_stream = sch_front + turbo_max_k + 12 * turbo_columns;  // LLRs, with room before and behind


struct SchStreams {
    alignas(64) int16_t d[3][sch_stream];
};

// Vectors of T, and pairs of them interleaved within each 128 bits.
template <class T>
struct SchZip {
    typedef T V __attribute__((vector_size(PICOCELL_VECTOR_BYTES), may_alias));
    static constexpr size_t n = PICOCELL_VECTOR_BYTES / sizeof(T), lane = 16 / sizeof(T);
    using Index = std::make_index_sequence<n>;

    template <size_t From, class X, size_t... I>
    static inline X zip(X a, X b, std::index_sequence<I...>) {
        return reinterpret_cast<X>(
            __builtin_shufflevector(reinterpret_cast<V>(a), reinterpret_cast<V>(b),
                                    (int)(I % 2 * n + I / lane * lane + I % lane / 2 + From)...));
    }
    template <class X>
    static inline void both(X a, X b, X& low, X& high) {
        low = zip<0>(a, b, Index{});
        high = zip<lane / 2>(a, b, Index{});
    }
};

typedef int16_t SchEight __attribute__((vector_size(16), aligned(2), may_alias));
using SchV = SchZip<int16_t>::V;

template <class X, size_t... I>
inline auto sch_join(X a, X b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, (int)I...);
}

// Eight rows of columns 0, 8, 16, ...: one in each 128 bits.
template <int n = PICOCELL_VECTOR_BYTES / 16>
inline auto sch_columns(const int16_t* const* column, ptrdiff_t row) {
    const auto eight = [&](int i) { return *reinterpret_cast<const SchEight*>(column[8 * i] + row); };
    using Two = std::make_index_sequence<16>;
    if constexpr (n == 4)
        return sch_join(sch_join(eight(0), eight(1), Two{}), sch_join(eight(2), eight(3), Two{}),
                        SchZip<int16_t>::Index{});
    else if constexpr (n == 2)
        return sch_join(eight(0), eight(1), Two{});
    else
        return eight(0);
}

// Eight rows of as many columns as a vector has: x[i] becomes row i.
inline void sch_transpose(const int16_t* const* column, ptrdiff_t row, SchV* x) {
    SchV a[8], b[8], c[8];
    for (int j = 0; j < 8; ++j) a[j] = reinterpret_cast<SchV>(sch_columns(column + j, row));
    for (int j = 0; j < 8; j += 2) SchZip<int16_t>::both(a[j], a[j + 1], b[j], b[j + 1]);
    for (int j = 0; j < 8; j += 4)
        for (int i = 0; i < 2; ++i) SchZip<int32_t>::both(b[j + i], b[j + 2 + i], c[j + 2 * i], c[j + 2 * i + 1]);
    for (int i = 0; i < 4; ++i) SchZip<int64_t>::both(c[i], c[i + 4], x[2 * i], x[2 * i + 1]);
}

// Rows 0 to `rows` - 1 and up to seven more; `to` says where a row goes.
template <class To>
inline void sch_rows(const int16_t* const* column, int rows, const To& to) {
    constexpr int width = PICOCELL_VECTOR_BYTES / 2;
    for (int row = 0; row < rows; row += 8)
        for (int from = 0; from < turbo_columns; from += width) {
            SchV x[8];
            sch_transpose(column + from, row, x);
            for (int i = 0; i < 8; ++i) std::memcpy(to(row + i) + from, &x[i], sizeof x[i]);
        }
}

// A circular buffer without filler bits to d[0..2] + sch_front, K + 4 LLRs each. Two LLRs before it and sixteen behind
// it are read: sch_front are there.
inline void sch_streams(const Circular& c, const int16_t* sum, SchStreams& out) {
    const int32_t* order = turbo_static.columns;
    const int rows = c.rows, nulls = turbo_columns * rows - c.k - 4;
    const uint16_t *first = c.before.data, *pairs = first + turbo_columns * rows;
    const int16_t *systematic[turbo_columns], *parity[turbo_columns];
    for (int i = 0; i < turbo_columns; ++i) {
        const int p = order[i];
        systematic[p] = sum + first[i * rows] - (p < nulls);
        parity[p] = sum + pairs[2 * i * rows] - (p < nulls) - (p + 1 < nulls);
    }
    int16_t* d[3];
    for (int i = 0; i < 3; ++i) d[i] = out.d[i] + sch_front - nulls + (i == 2);
    sch_rows(systematic, rows, [&](int row) { return d[0] + turbo_columns * row; });
    sch_rows(parity, 2 * rows, [&](int row) { return d[1 + row % 2] + turbo_columns * (row / 2); });
}

}  // namespace picocell::PICOCELL_NS
