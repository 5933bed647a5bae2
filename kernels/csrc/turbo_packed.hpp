// One code block from bits to its circular buffer in words of 64 bits, the first bit lowest, for sizes that are cut into
// 64 windows: a row of windows is a word then. Only with AVX-512, which tests and spreads 64 bytes by a word.
#pragma once

namespace picocell::PICOCELL_NS {

#if PICOCELL_ISA_LEVEL == 2

constexpr int packed_windows = 64;
constexpr int packed_pad = 8;                                   // words of zeros before a stream
constexpr int packed_words = turbo_max_k / 64 + 2 * packed_pad;  // and behind it

struct PackedScratch {
    alignas(64) uint64_t input[packed_pad + packed_words], mixed[packed_pad + packed_words];
    alignas(64) uint64_t parity[2][packed_pad + packed_words], sums[packed_words];
    alignas(64) uint64_t stream[3][packed_pad + packed_words];  // behind 28 dummy bits; the last read one bit ahead
    alignas(64) uint64_t rows[2 * packed_windows];
};

inline __m512i packed_load(const void* p) { return _mm512_loadu_si512(p); }
typedef uint64_t PackedWords __attribute__((vector_size(64), aligned(8), may_alias));
inline PackedWords packed_vector(const uint64_t* p) { return *reinterpret_cast<const PackedWords*>(p); }
inline __m512i packed_bit(int i) { return _mm512_set1_epi8(static_cast<char>(1 << i)); }

// Byte b of 64 words to plane b, in their order.
inline void packed_planes(const uint64_t* words, __m512i* plane) {
    alignas(64) static constexpr uint8_t by_byte[64] = {
        0, 8,  16, 24, 32, 40, 48, 56, 1, 9,  17, 25, 33, 41, 49, 57, 2, 10, 18, 26, 34, 42, 50, 58, 3, 11, 19, 27,
        35, 43, 51, 59, 4, 12, 20, 28, 36, 44, 52, 60, 5, 13, 21, 29, 37, 45, 53, 61, 6, 14, 22, 30, 38, 46, 54, 62,
        7, 15, 23, 31, 39, 47, 55, 63};
    const __m512i order = packed_load(by_byte);
    __m512i x[8], y[8];
    for (int i = 0; i < 8; ++i) x[i] = _mm512_maskz_permutexvar_epi8(-1, order, packed_load(words + 8 * i));
    for (int i = 0; i < 8; i += 2) {
        y[i] = _mm512_maskz_unpacklo_epi64(-1, x[i], x[i + 1]);
        y[i + 1] = _mm512_maskz_unpackhi_epi64(-1, x[i], x[i + 1]);
    }
    // y[i + j] has planes j, 2 + j, 4 + j, 6 + j of words 8 i to 8 i + 15, 16 bytes each.
    for (int j = 0; j < 2; ++j) {
        const __m512i a = _mm512_maskz_shuffle_i64x2(-1, y[j], y[2 + j], 0x44);      // planes j, 2 + j
        const __m512i b = _mm512_maskz_shuffle_i64x2(-1, y[j], y[2 + j], 0xee);      // planes 4 + j, 6 + j
        const __m512i c = _mm512_maskz_shuffle_i64x2(-1, y[4 + j], y[6 + j], 0x44);
        const __m512i d = _mm512_maskz_shuffle_i64x2(-1, y[4 + j], y[6 + j], 0xee);
        plane[j] = _mm512_maskz_shuffle_i64x2(-1, a, c, 0x88);
        plane[2 + j] = _mm512_maskz_shuffle_i64x2(-1, a, c, 0xdd);
        plane[4 + j] = _mm512_maskz_shuffle_i64x2(-1, b, d, 0x88);
        plane[6 + j] = _mm512_maskz_shuffle_i64x2(-1, b, d, 0xdd);
    }
}

// Byte b of 64 words of 32 bits to plane b.
inline void packed_quarters(const uint32_t* words, __m512i* plane) {
    alignas(64) static constexpr uint8_t by_byte[64] = {
        0, 4, 8,  12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 1, 5, 9,  13, 17, 21, 25, 29, 33, 37, 41, 45,
        49, 53, 57, 61, 2, 6, 10, 14, 18, 22, 26, 30, 34, 38, 42, 46, 50, 54, 58, 62, 3, 7, 11, 15, 19, 23, 27, 31,
        35, 39, 43, 47, 51, 55, 59, 63};
    const __m512i order = packed_load(by_byte);
    __m512i x[4];
    for (int i = 0; i < 4; ++i) x[i] = _mm512_maskz_permutexvar_epi8(-1, order, packed_load(words + 16 * i));
    const __m512i a = _mm512_maskz_shuffle_i64x2(-1, x[0], x[1], 0x44);
    const __m512i b = _mm512_maskz_shuffle_i64x2(-1, x[0], x[1], 0xee);
    const __m512i c = _mm512_maskz_shuffle_i64x2(-1, x[2], x[3], 0x44);
    const __m512i d = _mm512_maskz_shuffle_i64x2(-1, x[2], x[3], 0xee);
    plane[0] = _mm512_maskz_shuffle_i64x2(-1, a, c, 0x88);
    plane[1] = _mm512_maskz_shuffle_i64x2(-1, a, c, 0xdd);
    plane[2] = _mm512_maskz_shuffle_i64x2(-1, b, d, 0x88);
    plane[3] = _mm512_maskz_shuffle_i64x2(-1, b, d, 0xdd);
}

// Bits of all windows, row by row, permuted; then back to bits one after the other.
inline void packed_interleave(PackedScratch& t, const uint64_t* in, const Windows& q, uint64_t* out) {
    const int length = q.rows;
    constexpr int part = 56;  // what a word from any bit on holds at least, in whole bytes
    const auto* bytes = reinterpret_cast<const uint8_t*>(in);
    for (int first = 0; first < length; first += part) {
        alignas(64) uint64_t some[packed_windows];
        for (int w = 0, at = first; w < packed_windows; ++w, at += length) {
            uint64_t word;
            std::memcpy(&word, bytes + at / 8, 8);
            some[w] = word >> (at % 8);
        }
        __m512i plane[8];
        packed_planes(some, plane);
        const int end = std::min(length, first + part);
        for (int r = first; r < end; ++r) {
            const __m512i from = packed_load(q.lane_out.data + r * packed_windows);
            const __m512i x = _mm512_maskz_permutexvar_epi8(-1, from, plane[(r - first) / 8]);
            t.rows[q.row_out[r]] = _mm512_test_epi8_mask(x, packed_bit((r - first) % 8));
        }
    }
    std::memset(t.rows + length, 0, (2 * packed_windows - length) * sizeof(uint64_t));
    __m512i low[8], high[8];
    packed_planes(t.rows, low);
    packed_planes(t.rows + 64, high);
    uint64_t held = 0;
    unsigned shift = 0;
    const auto put = [&](uint64_t word, unsigned n) {
        held |= word << shift;
        *out = held;
        const bool full = shift + n >= 64;
        held = full ? word >> 1 >> (63 - shift) : held;
        out += full;
        shift = (shift + n) % 64;
    };
    for (int v = 0; v < packed_windows; ++v) {
        put(_mm512_test_epi8_mask(low[v / 8], packed_bit(v % 8)), std::min(length, 64));
        if (length > 64) put(_mm512_test_epi8_mask(high[v / 8], packed_bit(v % 8)), length - 64);
    }
}

// Parity of n words, and the six tail bits x, z, x, z, x, z. As slice_constituent: u + (D + D^2 + D^3 + D^6) / (1 + D^7) u.
// What a word's last seven bits add to later words repeats every seven bits.
inline void packed_constituent(const uint64_t* u, int n, uint64_t* sums, uint64_t* parity, uint8_t* tail) {
    for (int i = 0; i <= n; i += 8) {
        const PackedWords x = packed_vector(u + i), before = packed_vector(u + i - 1);
        PackedWords s = x << 1 ^ x << 2 ^ x << 3 ^ x << 6 ^ before >> 63 ^ before >> 62 ^ before >> 61 ^ before >> 58;
        s ^= s << 7;
        s ^= s << 14;
        s ^= s << 28;
        s ^= s << 56;
        *reinterpret_cast<PackedWords*>(sums + i) = s;
    }
    constexpr uint64_t every7 = 0x8102040810204081u;
    uint64_t periodic = 0, last = 0;
    for (int i = 0; i <= n; ++i) {
        const uint64_t sum = sums[i];
        last = sum ^ periodic;
        parity[i] = u[i] ^ last;
        periodic = (periodic >> 1) ^ (periodic << 62 & uint64_t{1} << 63) ^ (sum >> 57) * every7;
    }
    const auto bit = [&](int i) { return static_cast<uint8_t>(last >> i & 1); };
    uint8_t s2 = bit(0) ^ bit(1), s0 = bit(2) ^ s2, s1 = bit(0) ^ s0;
    for (int i = 0; i < 3; ++i) {
        tail[2 * i] = s1 ^ s2;
        tail[2 * i + 1] = s0 ^ s2;
        s2 = s1, s1 = s0, s0 = 0;
    }
}

// The stream behind `dummies` zeros.
inline void packed_shifted(const uint64_t* in, int n, int dummies, uint64_t* out) {
    for (int i = 0; i < n; i += 8)
        *reinterpret_cast<PackedWords*>(out + i) =
            packed_vector(in + i) << dummies | packed_vector(in + i - 1) >> (64 - dummies);
}

// Columns of the three streams to the circular buffer, a byte a bit, as match_columns.
inline void packed_columns(const PackedScratch& t, const Circular& c, uint8_t* out) {
    const int rows = c.rows, dummies = turbo_columns * rows - c.k - 4;
    int single[turbo_columns], pair[turbo_columns];
    for (int column = 0; column < turbo_columns; ++column) {
        const int p = turbo_static.columns[column];
        single[p] = c.before[column * rows] - (p < dummies);
        pair[p] = c.before[(turbo_columns + 2 * column) * rows] - (p < dummies) - (p + 1 < dummies);
    }
    alignas(64) static constexpr auto zip = [] {
        std::array<uint8_t, 128> index{};
        for (int i = 0; i < 128; ++i) index[i] = static_cast<uint8_t>(i / 2 + i % 2 * 64);
        return index;
    }();
    const __m512i lower = packed_load(zip.data()), upper = packed_load(zip.data() + 64), one = _mm512_set1_epi8(1);
    const uint32_t* stream[3];
    for (int i = 0; i < 3; ++i) stream[i] = reinterpret_cast<const uint32_t*>(t.stream[i] + packed_pad);
    const auto spread = [&](uint8_t* to, __m512i x, __m512i bit) {
        _mm512_storeu_si512(to, _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(x, bit), one));
    };
    for (int row = 0;;) {
        __m512i first[4], second[4], third[4];
        packed_quarters(stream[0] + row, first);
        packed_quarters(stream[1] + row, second);
        packed_quarters(stream[2] + row, third);
        for (int b = 0; b < 4; ++b) {
            const __m512i low = _mm512_maskz_permutex2var_epi8(-1, second[b], lower, third[b]);
            const __m512i high = _mm512_maskz_permutex2var_epi8(-1, second[b], upper, third[b]);
            for (int i = 0; i < 8; ++i) {
                const __m512i bit = packed_bit(i);
                spread(out + single[8 * b + i] + row, first[b], bit);
                spread(out + pair[8 * b + i] + 2 * row, low, bit);
                spread(out + pair[8 * b + i] + 2 * row + 64, high, bit);
            }
        }
        if (row + 64 >= rows) return;
        row = std::min(row + 64, rows - 64);
    }
}

// Whether a block has windows for 64 lanes, and columns of more than a register (as match_columns).
inline bool packable(const Circular& c) { return c.k % packed_windows == 0 && c.rows > turbo_width && !c.n_filler; }

// Bits, one a byte, to the circular buffer, with room.
inline void packed_encode(PackedScratch& t, const uint8_t* bits, const Circular& c, uint8_t* ring) {
    const int k = c.k, n = k / 64;
    const Windows& q = *windows_of(k, packed_windows);
    uint64_t *input = t.input + packed_pad, *mixed = t.mixed + packed_pad;
    uint8_t tail[12];
    uint64_t* parity[2] = {t.parity[0] + packed_pad, t.parity[1] + packed_pad};
    for (uint64_t* before : {t.input, t.mixed, t.parity[0], t.parity[1]})
        _mm512_storeu_si512(before, __m512i{});
    for (int i = 0; i < n; ++i) input[i] = _mm512_test_epi8_mask(packed_load(bits + 64 * i), packed_bit(0));
    _mm512_storeu_si512(input + n, __m512i{});
    packed_interleave(t, input, q, mixed);
    _mm512_storeu_si512(mixed + n, __m512i{});
    packed_constituent(input, n, t.sums, parity[0], tail);
    packed_constituent(mixed, n, t.sums, parity[1], tail + 6);
    uint64_t ends[3] = {};
    for (int i = 0; i < 12; ++i) ends[i % 3] |= uint64_t{tail[i]} << (i / 3);
    input[n] = ends[0], parity[0][n] = ends[1], parity[1][n] = ends[2];
    const int dummies = turbo_columns * c.rows - k - 4;
    packed_shifted(input, n + 1, dummies, t.stream[0] + packed_pad);
    packed_shifted(parity[0], n + 1, dummies, t.stream[1] + packed_pad);
    packed_shifted(parity[1], n + 1, dummies - 1, t.stream[2] + packed_pad);
    packed_columns(t, c, ring);
}

#endif

}  // namespace picocell::PICOCELL_NS
