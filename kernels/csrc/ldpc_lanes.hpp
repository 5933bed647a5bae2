// A register of int8 lanes: saturating sums, magnitudes, and the choices of the check node.
#pragma once

namespace picocell::PICOCELL_NS {

struct Lanes8 {
    static constexpr int width = PICOCELL_VECTOR_BYTES;
    typedef int8_t V __attribute__((vector_size(width), may_alias));
    typedef int8_t Any __attribute__((vector_size(width), aligned(1), may_alias));
    typedef uint8_t U __attribute__((vector_size(width), may_alias));
    typedef uint16_t Wide __attribute__((vector_size(width), may_alias));

    static V load(const int8_t* p) { return *reinterpret_cast<const Any*>(p); }
    static V load_aligned(const int8_t* p) { return *reinterpret_cast<const V*>(p); }
    static void store(int8_t* p, V x) { *reinterpret_cast<Any*>(p) = x; }
    static void store_aligned(int8_t* p, V x) { *reinterpret_cast<V*>(p) = x; }

    // The first n lanes of a register.
#if PICOCELL_ISA_LEVEL == 2
    static V load_part(const void* p, int n) { return (V)_mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, n), p); }
    static void store_part(void* p, V x, int n) { _mm512_mask_storeu_epi8(p, _bzhi_u64(~0ull, n), (__m512i)x); }
#else
    static V load_part(const void* p, int n) {
        V x{};
        std::memcpy(&x, p, n);
        return x;
    }
    static void store_part(void* p, V x, int n) { std::memcpy(p, &x, n); }
#endif

    static V fill(int x) { return V{} + static_cast<int8_t>(x); }
    static U min(U a, U b) { return a < b ? a : b; }
    static U max(U a, U b) { return a > b ? a : b; }

#if PICOCELL_ISA_LEVEL == 2
    static V adds(V a, V b) { return (V)_mm512_adds_epi8((__m512i)a, (__m512i)b); }
    static V subs(V a, V b) { return (V)_mm512_subs_epi8((__m512i)a, (__m512i)b); }
    static U abs(V a) { return (U)_mm512_abs_epi8((__m512i)a); }
    static bool any(V a) { return _mm512_test_epi8_mask((__m512i)a, (__m512i)a) != 0; }
    // x where the sign of s is positive, else -x.
    static V signed_as(U x, V s) {
        return (V)_mm512_mask_sub_epi8((__m512i)x, _mm512_movepi8_mask((__m512i)s), __m512i{}, (__m512i)x);
    }
#elif PICOCELL_ISA_LEVEL == 1
    static V adds(V a, V b) { return (V)_mm256_adds_epi8((__m256i)a, (__m256i)b); }
    static V subs(V a, V b) { return (V)_mm256_subs_epi8((__m256i)a, (__m256i)b); }
    static U abs(V a) { return (U)_mm256_abs_epi8((__m256i)a); }
    static bool any(V a) { return !_mm256_testz_si256((__m256i)a, (__m256i)a); }
    static V signed_as(U x, V s) { return (V)_mm256_sign_epi8((__m256i)x, (__m256i)(s | fill(1))); }
#else
#if defined(__x86_64__)
    static V adds(V a, V b) { return (V)_mm_adds_epi8((__m128i)a, (__m128i)b); }
    static V subs(V a, V b) { return (V)_mm_subs_epi8((__m128i)a, (__m128i)b); }
#else
    // Overflow where both operands differ in sign from the wrapped result (for a - b: a and ~b).
    static V limit(V a, V b, V sum) {
        const V over = ((a ^ sum) & (b ^ sum)) < 0;
        const V most = (a < 0) ^ fill(127);
        return (over & most) | (~over & sum);
    }
    static V adds(V a, V b) { return limit(a, b, (V)((U)a + (U)b)); }
    static V subs(V a, V b) { return limit(a, ~b, (V)((U)a - (U)b)); }
#endif
    static U abs(V a) { return (U)(a < 0 ? (V)-(U)a : a); }
    static bool any(V a) {
        uint64_t word[width / 8], all = 0;
        std::memcpy(word, &a, width);
        for (uint64_t w : word) all |= w;
        return all != 0;
    }
    static V signed_as(U x, V s) {
        const V m = s < 0;
        return ((V)x ^ m) - m;
    }
#endif
};

}  // namespace picocell::PICOCELL_NS
