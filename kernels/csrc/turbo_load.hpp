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

// What a block's scale and training follow from.
struct Level {
    double mean;    // magnitude of the LLRs that are not zero
    int received;   // LLRs that are not zero
    double spread;  // their root mean square over their mean
};

// Sums over up to 2^16 LLRs. All are counted; of long streams one in four is looked at closer, 32 at a time: that is a
// row of the sub-block interleaver, of which each column was sent at another time.
class LevelSum {
public:
    __attribute__((always_inline)) void add(const int16_t* llr, int n) {
        const int group = 32, all = n < 256 ? 0 : 96;
        int i = 0, skipped = all;
        for (; i + group <= n; i += group) {
            const bool closer = skipped == all;
            skipped = closer ? 0 : skipped + group;
            for (int j = 0; j < group; j += lanes) closer ? look(load(llr + i + j)) : pass(load(llr + i + j));
        }
        for (; i + 8 <= n; i += 8) pass_or_look(load_some(llr + i, 8), all);
        if (i < n) pass_or_look(load_some(llr + i, n - i), all);
    }

    Level level() const {
        const Totals t = totals();
        if (!t.seen) return {0, t.passed, 1};
        return {double(t.sum) / t.seen, t.seen + t.passed, std::sqrt(double(t.squares) * t.seen) / t.sum};
    }

private:
    static constexpr int lanes = PICOCELL_VECTOR_BYTES / 2;
    typedef int16_t V __attribute__((vector_size(2 * lanes)));
    typedef int32_t Sum __attribute__((vector_size(2 * lanes)));
    typedef float Squares __attribute__((vector_size(2 * lanes)));
    struct Totals {
        int seen, passed, sum;
        float squares;
    };
    void pass(V x) { passed += not_zero(x); }
    void pass_or_look(V x, int all) { all ? pass(x) : look(x); }

    V seen{}, passed{};  // how many are not zero, of those looked at and the others
    Sum sum{};
    Squares squares{};

    static V load(const int16_t* p) {
        V x;
        std::memcpy(&x, p, sizeof x);
        return x;
    }
    // At most 8, the rest zeros. Not by way of memory: a load wider than the store before it waits.
    static V load_some(const int16_t* p, int n) {
#if PICOCELL_ISA_LEVEL == 2
        return (V)_mm512_maskz_loadu_epi16((1u << n) - 1, p);
#else
        int16_t few[8] = {};
        if (n < 8) p = static_cast<int16_t*>(std::memcpy(few, p, n * sizeof(int16_t)));
#if PICOCELL_ISA_LEVEL == 1
        return (V)_mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#else
        return load(p);
#endif
#endif
    }
#if PICOCELL_ISA_LEVEL == 2
    static V not_zero(V x) { return (V)_mm512_min_epu16((__m512i)x, _mm512_set1_epi16(1)); }
    void look(V x) {
        const __m512i a = _mm512_min_epu16(_mm512_abs_epi16((__m512i)x), _mm512_set1_epi16(32767));
        seen += not_zero(x);
        sum += (Sum)_mm512_madd_epi16(a, _mm512_set1_epi16(1));
        squares += __builtin_convertvector((Sum)_mm512_madd_epi16(a, a), Squares);
    }
    static __m256i half(V x) { return half((Sum)_mm512_madd_epi16((__m512i)x, _mm512_set1_epi16(1))); }
    static __m256i half(Sum x) {
        return (__m256i)(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
    }
    static __m256 half(Squares x) {
        return (__m256)(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                        __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
    }
#elif PICOCELL_ISA_LEVEL == 1
    static V not_zero(V x) { return (V)_mm256_min_epu16((__m256i)x, _mm256_set1_epi16(1)); }
    void look(V x) {
        const __m256i a = _mm256_min_epu16(_mm256_abs_epi16((__m256i)x), _mm256_set1_epi16(32767));
        seen += not_zero(x);
        sum += (Sum)_mm256_madd_epi16(a, _mm256_set1_epi16(1));
        squares += __builtin_convertvector((Sum)_mm256_madd_epi16(a, a), Squares);
    }
    static __m256i half(V x) { return _mm256_madd_epi16((__m256i)x, _mm256_set1_epi16(1)); }
    static __m256i half(Sum x) { return (__m256i)x; }
    static __m256 half(Squares x) { return (__m256)x; }
#else
    static V not_zero(V x) { return -(V)(x != 0); }
    void look(V x) {
        seen += not_zero(x);
        for (int i = 0; i < lanes; ++i) {
            const int32_t a = std::min(std::abs(int32_t{x[i]}), 32767);
            sum[i / 2] += a;
            squares[i / 2] += float(a) * float(a);
        }
    }
#endif
#if PICOCELL_ISA_LEVEL >= 1
    Totals totals() const {
        const __m256i counts = _mm256_hadd_epi32(half(seen), half(passed)), sums = half(sum);
        const __m256i all = _mm256_hadd_epi32(counts, _mm256_hadd_epi32(sums, sums));
        const __m128i both = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
        const __m256 two = _mm256_hadd_ps(half(squares), half(squares)), one = _mm256_hadd_ps(two, two);
        return {_mm_cvtsi128_si32(both), _mm_extract_epi32(both, 1), _mm_extract_epi32(both, 2),
                _mm_cvtss_f32(_mm256_castps256_ps128(one)) + _mm_cvtss_f32(_mm256_extractf128_ps(one, 1))};
    }
#else
    Totals totals() const {
        Totals t{};
        for (int i = 0; i < lanes; ++i) t.seen += seen[i], t.passed += passed[i];
        for (int i = 0; i < lanes / 2; ++i) t.sum += sum[i], t.squares += squares[i];
        return t;
    }
#endif
};

inline Level level(const int16_t* llr, int n) {
    LevelSum sum;
    sum.add(llr, n);
    return sum.level();
}

// Factor to the decoder's scale: x << left, then times factor / 32768.
struct Scale {
    int left;
    int16_t factor;
};

// The higher the rate, the less noise there is, and the more steps its mean LLR is: one is near a fifth of the deviation
// of noise. Where LLRs spread more than those of one amplitude in white noise do (the bits of a symbol of many points,
// fading), the weak ones decide and the strong ones may be clipped: steps are finer, the more so the higher the rate.
inline Scale scale_of(const Level& l, int k) {
    const double rate = std::min(1.0, double(k) / std::max(1, l.received)), above = std::max(0.0, rate - 1.0 / 3);
    const double wider = std::min(std::max(1.0, l.spread / (1.22 - 0.21 * above)), 2.0);
    const double steps = (5.7 + above * (12.9 + 40 * above * above)) * wider * (1 + 2 * above * (wider - 1));
    int left;
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
#if PICOCELL_ISA_LEVEL == 2
    if (n >= 64) {
        const __m512i factor = _mm512_set1_epi16(s.factor), bound = _mm512_set1_epi8(limit);
        const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
        const auto most = static_cast<int16_t>(32767 >> s.left);
        const __m512i top = _mm512_set1_epi16(most), bottom = _mm512_set1_epi16(static_cast<int16_t>(-most));
        const auto wide = [&](const int16_t* p) {
            __m512i x = _mm512_loadu_si512(p);
            if (s.left) x = _mm512_slli_epi16(_mm512_max_epi16(_mm512_min_epi16(x, top), bottom), s.left);
            return _mm512_mulhrs_epi16(x, factor);
        };
        for (;;) {
            __m512i x = _mm512_maskz_permutexvar_epi64(-1, order, _mm512_packs_epi16(wide(in + i), wide(in + i + 32)));
            x = _mm512_max_epi8(_mm512_min_epi8(x, bound), _mm512_sub_epi8(__m512i{}, bound));
            _mm512_storeu_si512(out + i, x);
            if (i + 64 == n) return;
            i = std::min(i + 64, n - 64);
        }
    }
#endif
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

// The bits of a block, W windows of `rows` bits, as bytes. What is written beyond them, up to 64 bytes, means nothing.
inline void block_bytes(const int8_t* packed, int windows, int rows, uint8_t* bytes) {
    if (rows % 8 == 0) {
        for (int w = 0; w < windows; ++w, packed += packed_stride, bytes += rows / 8)
            for (int i = 0; i < rows / 8; i += 16) std::memcpy(bytes + i, packed + i, 16);
        return;
    }
    uint64_t pending = 0;  // bits not yet written, from the top
    int held = 0;
    for (int w = 0; w < windows; ++w, packed += packed_stride)
        for (int row = 0; row < rows; row += 56) {
            uint64_t word;
            std::memcpy(&word, packed + row / 8, 8);
            pending |= __builtin_bswap64(word) >> 8 << 8 >> held;
            held += std::min(56, rows - row);
            pending = held < 64 ? pending & ~(~uint64_t{0} >> held) : pending;
            const uint64_t out = __builtin_bswap64(pending);
            std::memcpy(bytes, &out, 8);
            bytes += held / 8;
            pending <<= held / 8 * 8;
            held %= 8;
        }
}

}  // namespace picocell::PICOCELL_NS
