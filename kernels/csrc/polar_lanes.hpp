// The sums of the decoding tree on registers of int8 LLRs, and what is folded out of a register.
#pragma once

namespace picocell::PICOCELL_NS {

typedef Lanes8::V PolarV;
typedef Lanes8::U PolarU;
typedef Lanes8::Wide PolarWide;
constexpr int polar_width = Lanes8::width;

inline PolarV polar_least(PolarV a, PolarV b) { return a < b ? a : b; }
inline PolarV polar_most(PolarV a, PolarV b) { return a > b ? a : b; }
inline PolarWide polar_least_wide(PolarWide a, PolarWide b) { return a < b ? a : b; }

// LLR of a sum of two bits: least magnitude, product of the signs.
inline PolarV polar_f(PolarV a, PolarV b) {
    return polar_most(polar_least(a, b), Lanes8::subs(PolarV{}, polar_most(a, b)));
}

// LLR of the second bit where the sum is known: bits are 0 or -1.
inline PolarV polar_g(PolarV a, PolarV b, PolarV bits) {
    return Lanes8::adds(b, Lanes8::subs(a ^ bits, bits));
}

// What it costs to decide each bit for 0.
inline PolarV polar_cost(PolarV a) { return polar_most(Lanes8::subs(PolarV{}, a), PolarV{}); }

struct PolarBelow {
    int8_t lane[2 * polar_width];
};

constexpr PolarBelow polar_below_table() {
    PolarBelow table{};
    for (int i = 0; i < polar_width; ++i) table.lane[i] = -1;
    return table;
}

alignas(64) static constexpr PolarBelow polar_below_lanes = polar_below_table();

// The register whose lanes below n are -1, the others 0.
inline PolarV polar_below(int n) { return Lanes8::load(polar_below_lanes.lane + polar_width - n); }

// Where the LLRs of a level stand, W bytes a bit: each level has whole registers.
template <int W>
constexpr int polar_level_at(int level) {
    int at = 0;
    for (int l = 0; l < level; ++l) at += std::max(64, W << l);
    return at;
}

// Top bits of all lanes, lane 0 lowest, in polar_width / 8 bytes.
inline void polar_top_bits(PolarV x, uint8_t* out) {
#if PICOCELL_ISA_LEVEL == 2
    const uint64_t bits = _mm512_movepi8_mask((__m512i)x);
    std::memcpy(out, &bits, 8);
#elif PICOCELL_ISA_LEVEL == 1
    const uint32_t bits = _mm256_movemask_epi8((__m256i)x);
    std::memcpy(out, &bits, 4);
#else
    uint64_t word[polar_width / 8];
    std::memcpy(word, &x, polar_width);
    for (int i = 0; i < polar_width / 8; ++i)
        out[i] = static_cast<uint8_t>(((word[i] >> 7 & 0x0101010101010101) * 0x0102040810204080) >> 56);
#endif
}

// A vector of N elements.
template <class T, int N>
struct PolarVector {
    typedef T Type __attribute__((vector_size(sizeof(T) * N)));
};

// Folds a register by op down to its lowest `Bytes`, halves upon each other.
template <int Bytes, class V, class Op>
inline auto polar_fold(V x, Op op) {
    if constexpr (sizeof(V) == Bytes) {
        return x;
    } else {
        typedef std::remove_reference_t<decltype(x[0])> T;
        typename PolarVector<T, sizeof(V) / sizeof(T) / 2>::Type low, high;
        std::memcpy(&low, &x, sizeof low);
        std::memcpy(&high, reinterpret_cast<const char*>(&x) + sizeof low, sizeof high);
        return polar_fold<Bytes>(decltype(low)(op(low, high)), op);
    }
}

}  // namespace picocell::PICOCELL_NS
