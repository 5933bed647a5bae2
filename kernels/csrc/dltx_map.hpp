// Packed bits to symbols. Eight symbols of Q bits are Q bytes; bits 0, 2, 4, ... of a symbol give its real part, bits
// 1, 3, 5, ... its imaginary part (TS 36.211 7.1).
#pragma once
#include "modem_map.hpp"

namespace picocell::PICOCELL_NS {

// Amplitudes of an axis by the bits from its first on, with those of the other axis between them, which do not matter.
// Of 256QAM's four bits the first, which is the sign, comes apart.
template <int Q>
struct DltxAxis {
    static constexpr int levels = Q == 1 ? 1 : Q / 2, looked_up = levels == 4 ? 3 : levels;
    alignas(64) float level[32];
    DltxAxis() {
        for (unsigned bits = 0; bits < 32; ++bits) {
            unsigned own = 0;
            for (int i = 0; i < looked_up; ++i) own |= (bits >> (2 * i) & 1u) << i;
            if (levels == 4) own <<= 1;
            level[bits] = axis_unit[levels] * axis_level(own, levels);
        }
    }
};

#if PICOCELL_ISA_LEVEL == 2

// Symbols 8 i to 8 i + 7 for i < n; up to eight bytes are read from i * Q on.
template <int Q>
void dltx_symbols(const uint8_t* bytes, size_t n, float* x) {
    static const DltxAxis<Q> axis;
    const __m512 low = _mm512_load_ps(axis.level), high = _mm512_load_ps(axis.level + 16);
    alignas(16) uint8_t shift[16];
    for (int i = 0; i < 16; ++i) shift[i] = static_cast<uint8_t>(i / 2 * Q + (Q == 1 ? 0 : i % 2));
    const __m128i shifts = _mm_load_si128(reinterpret_cast<const __m128i*>(shift));
    for (size_t i = 0; i < n; ++i, bytes += Q, x += 16) {
        long long word;
        std::memcpy(&word, bytes, 8);
        const __m128i shifted = _mm_maskz_multishift_epi64_epi8(0xffff, shifts, _mm_set1_epi64x(word));
        const __m512i bits = _mm512_maskz_cvtepu8_epi32(0xffff, shifted);
        __m512 level;
        if constexpr (Q == 8) {
            const __m512i rest = _mm512_maskz_srli_epi32(0xffff, bits, 2);
            const __m512i sign = _mm512_maskz_slli_epi32(0xffff, bits, 31);
            level = _mm512_permutex2var_ps(low, rest, high);
            level = _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(level), sign));
        } else {
            level = _mm512_permutex2var_ps(low, bits, high);
        }
        _mm512_storeu_ps(x, level);
    }
}

#else

template <int Q>
void dltx_symbols(const uint8_t* bytes, size_t n, float* x) {
    static const SymbolTable<Q, 1> table;
    for (size_t i = 0; i < n; ++i, bytes += Q) {
        uint64_t word;
        std::memcpy(&word, bytes, 8);
        for (int s = 0; s < 8; ++s, x += 2)
            std::memcpy(x, table.entry[word >> (Q * s) & ((1u << Q) - 1)], 2 * sizeof(float));
    }
}

#endif

inline void dltx_symbols(const uint8_t* bytes, int q_m, size_t n, float* x) {
    switch (q_m) {
        case 1: return dltx_symbols<1>(bytes, n, x);
        case 2: return dltx_symbols<2>(bytes, n, x);
        case 4: return dltx_symbols<4>(bytes, n, x);
        case 6: return dltx_symbols<6>(bytes, n, x);
        default: return dltx_symbols<8>(bytes, n, x);
    }
}

}  // namespace picocell::PICOCELL_NS
