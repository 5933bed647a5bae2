// From the three streams of a code block to its circular buffer by transposition. TS 36.212 5.1.4.1.
//
// The sub-block interleaver writes rows of 32 and reads columns. Its dummy bits are fewer than a row: they take the
// first element from some columns, whose place then holds the end of the column before.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int match_lead = 64;  // room before the buffer, for dummies of its first column
constexpr int match_room = match_lead + 3 * (turbo_max_k + 4) + 2 * turbo_columns;

// Whether a column holds more than a register, without which the ends below would not be written last.
inline bool transposable(const Circular& c) { return c.rows > turbo_width && !c.n_filler; }

// d: three streams of k + 4 bits, one a byte, with 32 bytes of room on both sides of each. out: [length], with room.
inline void match_columns(const int8_t* const* d, const Circular& c, int8_t* out) {
    using X = Lanes8;
    const int rows = c.rows, dummies = turbo_columns * rows - c.k - 4;
    int single[turbo_columns], pair[turbo_columns];  // where row 0 of v0's column, and of v1's and v2's by turns, is
    for (int column = 0; column < turbo_columns; ++column) {
        const int p = turbo_static.columns[column];
        single[p] = c.before[column * rows] - (p < dummies);
        pair[p] = c.before[(turbo_columns + 2 * column) * rows] - (p < dummies) - (p + 1 < dummies);
    }
    for (int row = 0;;) {
        int32_t place[X::N];
        for (int lane = 0; lane < X::N; ++lane) place[lane] = turbo_columns * (row + lane) - dummies;
        for (int group = 0; group < turbo_columns; group += 16) {
            X::V x[16], y[16];
            for (int i = 0; i < 16; ++i) x[i] = X::gather(d[0] + group, place + i, 16);
            transpose16(x);
            for (int i = 0; i < 16; ++i) X::store_any(out + single[group + i] + row, x[i]);
            for (int i = 0; i < 16; ++i) x[i] = X::gather(d[1] + group, place + i, 16);
            for (int i = 0; i < 16; ++i) y[i] = X::gather(d[2] + group + 1, place + i, 16);
            transpose16(x);
            transpose16(y);
            for (int i = 0; i < 16; ++i) {
                const X::V low = X::zip_low(x[i], y[i]), high = X::zip_high(x[i], y[i]);
                int8_t* to = out + pair[group + i] + 2 * row;
                for (int part = 0; part < X::N / 16; ++part) {
                    X::store_part(to + 32 * part, low, part);
                    X::store_part(to + 32 * part + 16, high, part);
                }
            }
        }
        if (row + X::N >= rows) return;
        row = std::min(row + X::N, rows - X::N);
    }
}

struct MatchScratch {
    static_assert(turbo_width * turbo_max_rows >= turbo_max_k);
    alignas(64) int8_t rows[4 * turbo_max_k], mixed[turbo_width * turbo_max_rows];
    alignas(64) int8_t packed[packed_stride * turbo_width];
    alignas(64) int8_t minus[turbo_max_k + 64];
    alignas(64) uint8_t bytes[2][turbo_max_k / 8 + 64], parity[2][turbo_max_k / 8 + 64];
    alignas(64) int8_t d[3][turbo_columns + turbo_max_k + 4 + 2 * turbo_columns + 64];
};

// Packed bytes of the interleaved block, by windows as the decoder interleaves.
inline void interleave_bits(MatchScratch* t, const uint8_t* bits, int k, uint8_t* bytes) {
    using X = Lanes8;
    const Windows& q = *windows_of(k, choose_windows(k, 1, 0));
    for (int i = 0; i < k; ++i) t->minus[i] = static_cast<int8_t>(-bits[i]);
    int32_t place[X::N];
    for (int lane = 0; lane < X::N; ++lane) place[lane] = lane % q.windows * q.rows;
    to_lanes<false>(t->minus, place, q.rows, t->rows, nullptr);
    for (int r = 0; r < q.rows; ++r) {
        const X::V v = X::load(t->rows + r * X::N);
        const int8_t* from = q.lane_out.data + r * q.wide;
        X::store(t->mixed + q.row_out[r] * X::N, q.windows > 16 ? X::turned(v, from) : X::turned_within(v, from));
    }
    alignas(64) int8_t open[X::N];
    lane_bits(t->mixed, q.rows, t->packed, open);
    block_bytes(t->packed, q.windows, q.rows, bytes);
}

// k bits, one a byte, to the circular buffer.
inline void encode_to_ring(const uint8_t* bits, const Circular& c, uint8_t* ring) {
#if PICOCELL_ISA_LEVEL == 2
    if (packable(c)) {
        PackedScratch packed;
        return packed_encode(packed, bits, c, ring);
    }
#endif
    MatchScratch scratch;
    MatchScratch* const t = &scratch;
    const int k = c.k;
    uint8_t tail[12];
    int8_t* d[3] = {t->d[0] + turbo_columns, t->d[1] + turbo_columns, t->d[2] + turbo_columns};
    pack_bits(bits, k / 8, t->bytes[0]);
    interleave_bits(t, bits, k, t->bytes[1]);
    std::memcpy(d[0], bits, k);
    for (int code = 0; code < 2; ++code) {
        std::memset(t->bytes[code] + k / 8, 0, 8);
        constituent(t->bytes[code], k, t->parity[code], tail + 6 * code);
        unpack_bits(t->parity[code], k / 8, reinterpret_cast<uint8_t*>(d[code + 1]));
    }
    for (int i = 0; i < 12; ++i) d[i % 3][k + i / 3] = static_cast<int8_t>(tail[i]);
    if (transposable(c)) {
        match_columns(d, c, reinterpret_cast<int8_t*>(ring));
    } else {
        for (int i = 0; i < 3; ++i) std::memcpy(t->rows + i * (k + 4), d[i], k + 4);
        for (int i = 0; i < c.length; ++i) ring[i] = static_cast<uint8_t>(t->rows[c.source[i]]);
    }
}

// k bits, one a byte, to e bits of the circular buffer.
inline void encode_and_match(const uint8_t* bits, int k, int n_filler, int n_cb, int rv, size_t e, uint8_t* out) {
    alignas(64) uint8_t room[match_room];
    uint8_t* const whole = room + match_lead;
    const CircularFor circular(k, n_filler);
    encode_to_ring(bits, *circular.table, whole);
    const Ring part = ring(*circular.table, n_cb, rv);
    size_t done = 0, place = part.start;
    while (done < e) {
        const size_t n = std::min(e - done, part.length - place);
        std::memcpy(out + done, whole + place, n);
        done += n;
        place = 0;
    }
}

}  // namespace picocell::PICOCELL_NS
