// Tables of SNOW 3G, worked out by the compiler from the polynomials that define them (TS 35.216 3.1, 3.3, 3.4, 5).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell::PICOCELL_NS {

// Multiplication by x in GF(2^8), `c` being the field polynomial without x^8 (3.1.1).
constexpr uint8_t mul_x(uint8_t v, uint8_t c) { return static_cast<uint8_t>((v << 1) ^ (v & 0x80 ? c : 0)); }

constexpr uint8_t mul_x_pow(uint8_t v, int i, uint8_t c) {
    for (; i > 0; --i) v = mul_x(v, c);
    return v;
}

constexpr uint8_t mul_field(uint8_t a, uint8_t b, uint8_t c) {
    uint8_t product = 0;
    for (int bit = 7; bit >= 0; --bit) product = mul_x(product, c) ^ (b >> bit & 1 ? a : 0);
    return product;
}

constexpr uint8_t power(uint8_t a, int n, uint8_t c) {
    uint8_t result = 1;
    for (; n > 0; n >>= 1, a = mul_field(a, a, c))
        if (n & 1) result = mul_field(result, a, c);
    return result;
}

constexpr uint8_t polynomial_r = 0x1b;      // x^8 + x^4 + x^3 + x + 1
constexpr uint8_t polynomial_q = 0x69;      // x^8 + x^6 + x^5 + x^3 + 1
constexpr uint8_t polynomial_alpha = 0xa9;  // x^8 + x^7 + x^5 + x^3 + 1

// Rijndael's S-box: inversion, then an affine map (5.1).
constexpr uint8_t s_r(uint8_t x) {
    const uint8_t y = power(x, 254, polynomial_r);
    uint8_t result = 0x63;
    for (int turn = 0; turn < 5; ++turn) result ^= static_cast<uint8_t>((y << turn) | (y >> (8 - turn)));
    return result;
}

// S-box of the Dickson polynomial g49 (5.2, Annex 1.3).
constexpr uint8_t s_q(uint8_t x) {
    uint8_t result = 0x25;
    for (int n : {1, 9, 13, 15, 33, 41, 45, 47, 49}) result ^= power(x, n, polynomial_q);
    return result;
}

constexpr uint32_t word_of(uint8_t b0, uint8_t b1, uint8_t b2, uint8_t b3) {
    return uint32_t{b0} << 24 | uint32_t{b1} << 16 | uint32_t{b2} << 8 | b3;
}

constexpr uint32_t rotate_right(uint32_t x, int n) { return n ? x >> n | x << (32 - n) : x; }

struct Snow3gTables {
    // S1 and S2 of a word are the XOR of one entry for each of its bytes, most significant first.
    uint32_t s1[4][256]{}, s2[4][256]{};
    uint32_t mul_alpha[256]{}, div_alpha[256]{};

    constexpr Snow3gTables() {
        for (int i = 0; i < 256; ++i) {
            const auto c = static_cast<uint8_t>(i);
            const uint8_t r = s_r(c), q = s_q(c), r2 = mul_x(r, polynomial_r), q2 = mul_x(q, polynomial_q);
            const uint32_t column_r = word_of(r2, r2 ^ r, r, r), column_q = word_of(q2, q2 ^ q, q, q);
            for (int byte = 0; byte < 4; ++byte) {
                s1[byte][i] = rotate_right(column_r, 8 * byte);
                s2[byte][i] = rotate_right(column_q, 8 * byte);
            }
            mul_alpha[i] = alpha_word(c, 23, 245, 48, 239);
            div_alpha[i] = alpha_word(c, 16, 39, 6, 64);
        }
    }

  private:
    static constexpr uint32_t alpha_word(uint8_t c, int i0, int i1, int i2, int i3) {
        return word_of(mul_x_pow(c, i0, polynomial_alpha), mul_x_pow(c, i1, polynomial_alpha),
                       mul_x_pow(c, i2, polynomial_alpha), mul_x_pow(c, i3, polynomial_alpha));
    }
};

constexpr Snow3gTables snow3g_tables{};

}  // namespace picocell::PICOCELL_NS
