// A register of N int8 lanes: the few operations of the turbo decoder that vector extensions do not spell.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int turbo_width = PICOCELL_VECTOR_BYTES;  // int8 lanes of the widest register

struct Lanes8 {
    static constexpr int N = turbo_width;
    typedef uint8_t V __attribute__((vector_size(N), may_alias));  // sums are modulo 256
    typedef int8_t S __attribute__((vector_size(N), may_alias));
    typedef uint8_t Any __attribute__((vector_size(N), aligned(1), may_alias));

    static V load(const int8_t* p) { return *reinterpret_cast<const V*>(p); }
    static V load_any(const int8_t* p) { return *reinterpret_cast<const Any*>(p); }
    static void store(int8_t* p, V x) { *reinterpret_cast<V*>(p) = x; }
    static void store_any(int8_t* p, V x) { *reinterpret_cast<Any*>(p) = x; }
    static V all(int x) { return V{} + static_cast<uint8_t>(x); }
    static V max(V a, V b) { return (V)((S)a > (S)b ? (S)a : (S)b); }
    static V min(V a, V b) { return (V)((S)a < (S)b ? (S)a : (S)b); }
    static V negative(V a) { return (V)((S)a < 0); }

#if PICOCELL_ISA_LEVEL == 2
    static V adds(V a, V b) { return (V)_mm512_adds_epi8((__m512i)a, (__m512i)b); }
    static V avg(V a, V b) { return (V)_mm512_avg_epu8((__m512i)a, (__m512i)b); }
#elif PICOCELL_ISA_LEVEL == 1
    static V adds(V a, V b) { return (V)_mm256_adds_epi8((__m256i)a, (__m256i)b); }
    static V avg(V a, V b) { return (V)_mm256_avg_epu8((__m256i)a, (__m256i)b); }
#elif defined(__x86_64__)
    static V adds(V a, V b) { return (V)_mm_adds_epi8((__m128i)a, (__m128i)b); }
    static V avg(V a, V b) { return (V)_mm_avg_epu8((__m128i)a, (__m128i)b); }
#else
    static V adds(V a, V b) {
        const V sum = a + b, over = negative((a ^ sum) & (b ^ sum));
        return (over & (negative(a) ^ all(127))) | (~over & sum);
    }
    // (a + b + 1) / 2 of unsigned numbers.
    static V avg(V a, V b) { return (a | b) - ((a ^ b) >> 1); }
#endif

    // Bytes of both operands by turns, from the lower (upper) half of each 16.
    static V zip_low(V a, V b) {
#if PICOCELL_ISA_LEVEL == 2
        return (V)_mm512_unpacklo_epi8((__m512i)a, (__m512i)b);
#elif PICOCELL_ISA_LEVEL == 1
        return (V)_mm256_unpacklo_epi8((__m256i)a, (__m256i)b);
#else
        return __builtin_shuffle(a, b, V{0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23});
#endif
    }
    static V zip_high(V a, V b) {
#if PICOCELL_ISA_LEVEL == 2
        return (V)_mm512_unpackhi_epi8((__m512i)a, (__m512i)b);
#elif PICOCELL_ISA_LEVEL == 1
        return (V)_mm256_unpackhi_epi8((__m256i)a, (__m256i)b);
#else
        return __builtin_shuffle(a, b, V{8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31});
#endif
    }

    // 16 bytes from each of N / 16 places, `step` entries of the table apart.
    static V gather(const int8_t* from, const int32_t* place, int step) {
#if PICOCELL_ISA_LEVEL == 2
        const auto part = [&](int i) { return _mm_loadu_si128((const __m128i*)(from + place[i * step])); };
        const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(part(0)), part(1), 1);
        const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(part(2)), part(3), 1);
        return (V)_mm512_maskz_inserti64x4(-1, _mm512_castsi256_si512(low), high, 1);
#elif PICOCELL_ISA_LEVEL == 1
        const auto part = [&](int i) { return _mm_loadu_si128((const __m128i*)(from + place[i * step])); };
        return (V)_mm256_inserti128_si256(_mm256_castsi128_si256(part(0)), part(1), 1);
#else
        (void)step;
        return load_any(from + place[0]);
#endif
    }

    // The 16 bytes that are number `part` of a register.
    static void store_part(int8_t* to, V v, int part) {
        typedef int8_t Q __attribute__((vector_size(16), aligned(1), may_alias));
        std::memcpy(to, reinterpret_cast<const Q*>(&v) + part, 16);
    }

    // out[i] = v[16 (i / 16) + from[i % 16]]: one table of 16 for blocks of up to 16 windows.
    static V turned_within(V v, const int8_t* from) {
#if PICOCELL_ISA_LEVEL == 2
        const __m128i index = _mm_load_si128(reinterpret_cast<const __m128i*>(from));
        return (V)_mm512_shuffle_epi8((__m512i)v, _mm512_maskz_broadcast_i32x4(-1, index));
#elif PICOCELL_ISA_LEVEL == 1
        const __m128i index = _mm_load_si128(reinterpret_cast<const __m128i*>(from));
        return (V)_mm256_shuffle_epi8((__m256i)v, _mm256_broadcastsi128_si256(index));
#else
        return __builtin_shuffle(v, load(from));
#endif
    }

    // out[i] = v[from[i]]
    static V turned(V v, const int8_t* from) {
#if PICOCELL_ISA_LEVEL == 2
        return (V)_mm512_maskz_permutexvar_epi8(-1, (__m512i)load(from), (__m512i)v);
#elif PICOCELL_ISA_LEVEL == 1
        // An index with its top bit set gives 0: the half of the register that it does not mean.
        const __m256i index = (__m256i)load(from), low = _mm256_permute2x128_si256((__m256i)v, (__m256i)v, 0x00);
        const __m256i high = _mm256_permute2x128_si256((__m256i)v, (__m256i)v, 0x11);
        const __m256i of_low = _mm256_shuffle_epi8(low, _mm256_add_epi8(index, _mm256_set1_epi8(112)));
        const __m256i of_high = _mm256_shuffle_epi8(high, _mm256_sub_epi8(index, _mm256_set1_epi8(16)));
        return (V)_mm256_or_si256(of_low, of_high);
#else
        return __builtin_shuffle(v, load(from));
#endif
    }
};

}  // namespace picocell::PICOCELL_NS
