// A code block's circular buffer to the three streams that the decoder takes, in its scale. The sub-block interleaver
// (TS 36.212 5.1.4.1.1) writes rows of 32 and reads columns, so its inverse is a transposition: of R rows for the
// systematic bits, of 2 R rows for the two parities, which take turns. NULLs stand at the start of the first row only; a
// column without its NULL is taken to start one place earlier, and what is read there lands before the stream.
#pragma once

namespace picocell::PICOCELL_NS {

// A circular buffer in the decoder's scale, with room before and behind it that is read, not used.
struct SchRing {
    alignas(64) int8_t llr[sch_front + 3 * (turbo_max_k + 4) + sch_front];
};

// LLRs to places `at` and up. Systematic ones, which come first, have a limit of their own.
inline void sch_scale(const int16_t* in, size_t n, size_t at, size_t n_systematic, const Scale& s, int8_t* ring) {
    const size_t first = at < n_systematic ? std::min(n, n_systematic - at) : 0;
    scale_stream(in, ring + at, static_cast<int>(first), s, clip_apriori);
    scale_stream(in + first, ring + at + first, static_cast<int>(n - first), s, clip_parity);
}

// Where rows begin: of the systematic bits, and of both parities. They are the same for all blocks of a size.
struct SchColumns {
    int k;
    int32_t systematic[turbo_columns], parity[turbo_columns];

    void set(const Circular& c) {
        const int rows = c.rows, nulls = turbo_columns * rows - c.k - 4;
        const uint16_t *first = c.before.data, *pairs = first + turbo_columns * rows;
        for (int i = 0; i < turbo_columns; ++i) {
            const int p = turbo_static.columns[i];
            systematic[p] = first[i * rows] - (p < nulls);
            parity[p] = pairs[2 * i * rows] - (p < nulls) - (p + 1 < nulls);
        }
        k = c.k;
    }
};

constexpr int sch_width = std::min(turbo_width, turbo_columns);  // columns side by side in a register
constexpr int sch_step = turbo_width == 64 ? 32 : 16;           // rows that 16 registers hold

// 16 rows, or 32 with AVX-512, of column i, and of column i + 16 where a register is wide enough.
inline Lanes8::V sch_pick(const int8_t* ring, const int32_t* column, int i) {
#if PICOCELL_ISA_LEVEL == 2
    const auto part = [&](int place) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ring + place)); };
    const __m512i low = _mm512_castsi256_si512(part(column[i]));
    return (Lanes8::V)_mm512_maskz_inserti64x4(-1, low, part(column[i + 16]), 1);
#else
    return Lanes8::gather(ring, column + i, 16);
#endif
}

// Row i, and row i + 16 with AVX-512.
template <class To>
inline void sch_put(Lanes8::V x, int row, const To& to) {
#if PICOCELL_ISA_LEVEL == 2
    typedef int64_t Eight __attribute__((vector_size(64)));
    const Eight v = (Eight)x;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to(row)), (__m256i)__builtin_shufflevector(v, v, 0, 1, 4, 5));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to(row + 16)), (__m256i)__builtin_shufflevector(v, v, 2, 3, 6, 7));
#else
    Lanes8::store_any(to(row), x);
#endif
}

// Rows from columns that begin at ring + column[i]; `to` says where a row goes. Where there are fewer rows than sch_step,
// up to that many are read and written.
template <class To>
inline void sch_rows(const int8_t* ring, const int32_t* column, int rows, const To& to) {
    for (int row = 0;;) {
        for (int group = 0; group < turbo_columns; group += sch_width) {
            Lanes8::V x[16];
#pragma GCC unroll 16
            for (int i = 0; i < 16; ++i) x[i] = sch_pick(ring + row, column + group, i);
            transpose16(x);
#pragma GCC unroll 16
            for (int i = 0; i < 16; ++i) sch_put(x[i], row + i, [&](int at) { return to(at) + group; });
        }
        if (row + sch_step >= rows) return;
        row = std::min(row + sch_step, rows - sch_step);
    }
}

// A circular buffer without filler bits to streams of K + 4, from d[i] on, with room for 1024 behind.
inline void sch_streams(const SchColumns& columns, int rows, const int8_t* ring, int8_t* const* d) {
    const int nulls = turbo_columns * rows - columns.k - 4;
    // The first rows begin with NULLs, for which the streams have no room.
    alignas(64) int8_t top[3][turbo_columns];
    int8_t *const first = d[0] - nulls, *const start[2] = {d[1] - nulls, d[2] + 1 - nulls};
    sch_rows(ring, columns.systematic, rows, [&](int row) { return row ? first + turbo_columns * row : top[0]; });
    sch_rows(ring, columns.parity, 2 * rows,
             [&](int row) { return row > 1 ? start[row % 2] + row / 2 * turbo_columns : top[1 + row]; });
    for (int i = 0; i < 3; ++i) {
        const int skipped = nulls - (i == 2);
        std::memcpy(d[i], top[i] + skipped, turbo_columns - skipped);
    }
}

}  // namespace picocell::PICOCELL_NS
