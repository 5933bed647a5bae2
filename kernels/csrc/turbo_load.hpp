// From LLRs of code blocks to rows of lanes, and from rows of totals to bytes.
#pragma once

namespace picocell::PICOCELL_NS {

// Transposes each 16 bytes of 16 registers: out[i][j] = in[j][i].
inline void transpose16(Lanes8::V* x) {
    Lanes8::V y[16];
    for (int stage = 0; stage < 4; ++stage) {
        for (int i = 0; i < 8; ++i) {
            y[2 * i] = Lanes8::zip_low(x[i], x[i + 8]);
            y[2 * i + 1] = Lanes8::zip_high(x[i], x[i + 8]);
        }
        for (int i = 0; i < 16; ++i) x[i] = y[i];
    }
}

// out[row][lane] = from[place[lane] + row] for all lanes and at least 16 rows; what is stored to `flipped` has its
// top bit turned over.
template <bool Flip>
void to_lanes(const int8_t* from, const int32_t* place, int rows, int8_t* out, int8_t* flipped) {
    using X = Lanes8;
    for (int row = 0;;) {
        X::V x[16];
        for (int i = 0; i < 16; ++i) x[i] = X::gather(from + row, place + i, 16);
        transpose16(x);
        for (int i = 0; i < 16; ++i) {
            X::store(out + ptrdiff_t{row + i} * X::N, x[i]);
            if (Flip) X::store(flipped + ptrdiff_t{row + i} * X::N, x[i] ^ X::all(-128));
        }
        if (row + 16 >= rows) return;
        row = std::min(row + 16, rows - 16);
    }
}

// How the LLRs of a block are scaled, and how many of them were received.
struct Level {
    double mean;   // magnitude of those that are not zero
    int received;  // LLRs that are not zero
};

struct LevelSum {
    uint64_t sum = 0;
    int received = 0;
    Level level() const { return {received ? double(sum) / received : 0, received}; }
};

inline void add_level(LevelSum* to, const int16_t* llr, int n) {
    for (int begin = 0; begin < n; begin += 4096) {
        const int end = std::min(n, begin + 4096);
        uint32_t sum = 0;
        int16_t count = 0;
        int i = begin;
#if PICOCELL_ISA_LEVEL >= 1
        const __m256i one = _mm256_set1_epi16(1);
        __m256i sums{}, counts{};
        for (; i + 16 <= end; i += 16) {
            const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(llr + i));
            const __m256i a = _mm256_min_epu16(_mm256_abs_epi16(x), _mm256_set1_epi16(32767));
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(a, one));
            counts = _mm256_add_epi16(counts, _mm256_min_epu16(a, one));
        }
        if (i + 8 <= end) {
            const __m128i x = _mm_abs_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(llr + i)));
            const __m128i a = _mm_min_epu16(x, _mm_set1_epi16(32767));
            sums = _mm256_add_epi32(sums, _mm256_zextsi128_si256(_mm_madd_epi16(a, _mm_set1_epi16(1))));
            counts = _mm256_add_epi16(counts, _mm256_zextsi128_si256(_mm_min_epu16(a, _mm_set1_epi16(1))));
            i += 8;
        }
        counts = _mm256_madd_epi16(counts, one);
        uint32_t lane_sum[8], lane_count[8];
        std::memcpy(lane_sum, &sums, sizeof sums);
        std::memcpy(lane_count, &counts, sizeof counts);
        for (int lane = 0; lane < 8; ++lane) {
            sum += lane_sum[lane];
            count = static_cast<int16_t>(count + static_cast<int>(lane_count[lane]));
        }
#endif
        for (; i < end; ++i) {
            const int32_t x = llr[i];
            sum += static_cast<uint32_t>(std::min(x < 0 ? -x : x, 32767));
            count = static_cast<int16_t>(count + (x != 0));
        }
        to->sum += sum;
        to->received += count;
    }
}

inline Level level(const int16_t* llr, int n) {
    LevelSum sum;
    add_level(&sum, llr, n);
    return sum.level();
}

// Factor to the decoder's scale: x << left, then times factor / 32768.
struct Scale {
    int left;
    int16_t factor;
};

// The higher the rate, the less noise there is, and the more steps its mean LLR is: one is near a fifth of the deviation
// of noise. Towards rate 1 they are finer still, for there the weak bits of a symbol decide, and the strong ones are clipped.
inline Scale scale_of(const Level& l, int k) {
    const double rate = std::min(1.0, double(k) / std::max(1, l.received));
    int left;
    const double above = std::max(0.0, rate - 1.0 / 3), steps = 5.7 + above * (12.9 + 40 * above * above);
    const double share = std::frexp(steps / std::max(1.0, l.mean), &left);
    // Five bits: LLRs times a power of two are decoded alike.
    int factor = static_cast<int>(share * 32 + 0.5) << 10;
    if (factor == 32768) factor = 16384, ++left;
    return {std::max(0, left), static_cast<int16_t>(std::max(1, factor >> std::max(0, -left)))};
}

inline int8_t scaled(int16_t x, const Scale& s, int8_t limit) {
    const auto most = static_cast<int16_t>(32767 >> s.left);
    if (s.left) x = static_cast<int16_t>(std::min<int16_t>(std::max<int16_t>(x, -most), most) * (1 << s.left));
    x = static_cast<int16_t>((((int32_t{x} * s.factor) >> 14) + 1) >> 1);
    return static_cast<int8_t>(std::min<int16_t>(std::max<int16_t>(x, -limit), limit));
}

inline void scale_stream(const int16_t* in, int8_t* out, int n, const Scale& s, int8_t limit) {
    int i = 0;
#if PICOCELL_ISA_LEVEL >= 1
    const __m256i factor = _mm256_set1_epi16(s.factor), bound = _mm256_set1_epi8(limit);
    const auto most = static_cast<int16_t>(32767 >> s.left);
    const __m256i top = _mm256_set1_epi16(most), bottom = _mm256_set1_epi16(static_cast<int16_t>(-most));
    const auto wide = [&](const int16_t* p) {
        __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
        if (s.left) x = _mm256_slli_epi16(_mm256_max_epi16(_mm256_min_epi16(x, top), bottom), s.left);
        return _mm256_mulhrs_epi16(x, factor);
    };
    while (i + 32 <= n) {
        __m256i x = _mm256_permute4x64_epi64(_mm256_packs_epi16(wide(in + i), wide(in + i + 16)), 0xd8);
        x = _mm256_max_epi8(_mm256_min_epi8(x, bound), _mm256_sub_epi8(__m256i{}, bound));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), x);
        i += 32;
        if (i < n && i + 32 > n) i = n - 32;
    }
#endif
    for (; i < n; ++i) out[i] = scaled(in[i], s, limit);
}

constexpr int packed_stride = 64;  // bytes of a lane's bits: at most 384 rows

// Signs of all rows as bits of each lane, to `packed`; `open` tells which lanes have an undecided bit.
inline void lane_bits(const int8_t* from, int rows, int8_t* packed, int8_t* open) {
    using X = Lanes8;
    X::V undecided{};
    for (int first = 0; first < rows; first += 128) {
        X::V bits[16];
        for (int g = 0; g < 16; ++g) {
            const int n = std::min(8, rows - first - 8 * g);
            X::V acc{};
            for (int j = 0; j < n; ++j, from += X::N) {
                const X::V v = X::load(from);
                acc = acc + acc - X::negative(v);
                undecided |= (X::V)(v == 0);
            }
            for (int j = std::max(0, n); j < 8; ++j) acc += acc;
            bits[g] = acc;
        }
        transpose16(bits);
        for (int i = 0; i < 16; ++i)
            for (int part = 0; part < X::N / 16; ++part)
                X::store_part(packed + (16 * part + i) * packed_stride + first / 8, bits[i], part);
    }
    X::store(open, undecided);
}

// The bits of a block, W windows of `rows` bits, as bytes.
inline void block_bytes(const int8_t* packed, int windows, int rows, uint8_t* bytes) {
    uint64_t pending = 0;
    int held = 0;
    for (int w = 0; w < windows; ++w, packed += packed_stride) {
        if (rows % 8 == 0) {
            std::memcpy(bytes, packed, rows / 8);
            bytes += rows / 8;
            continue;
        }
        for (int row = 0; row < rows; row += 32) {
            const int bits = std::min(32, rows - row);
            uint32_t word;
            std::memcpy(&word, packed + row / 8, 4);
            pending = (pending << bits) | (__builtin_bswap32(word) >> (32 - bits));
            for (held += bits; held >= 8; ++bytes) *bytes = static_cast<uint8_t>(pending >> (held -= 8));
        }
    }
}

}  // namespace picocell::PICOCELL_NS
