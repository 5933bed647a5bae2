// Checksums of a transport block's bytes. Where there is no multiplication without carries, one checksum is a chain of
// table look-ups that mostly waits; several chains side by side keep the load ports busy.
#pragma once
#include "crc_body.hpp"

namespace picocell::PICOCELL_NS {

constexpr int crc_chains = 4;

#if PICOCELL_ISA_LEVEL >= 1

inline uint32_t crc_long(int kind, const uint8_t* data, size_t n) { return crc_bytes(kind, data, n); }

#else

inline uint32_t crc_word(const CrcTable& t, uint32_t crc, const uint8_t* data) {
    uint64_t word;
    std::memcpy(&word, data, 8);
    word = __builtin_bswap64(word) ^ (uint64_t{crc} << 32);
    return t.value[7][word >> 56] ^ t.value[6][(word >> 48) & 255] ^ t.value[5][(word >> 40) & 255] ^
           t.value[4][(word >> 32) & 255] ^ t.value[3][(word >> 24) & 255] ^ t.value[2][(word >> 16) & 255] ^
           t.value[1][(word >> 8) & 255] ^ t.value[0][word & 255];
}

// Registers (at the top of 32 bits) of messages of n bytes, n a multiple of 8, that start at data + i * stride.
inline void crc_side_by_side(const CrcTable& t, const uint8_t* data, size_t stride, size_t n, uint32_t* crc) {
    uint32_t a = crc[0], b = crc[1], c = crc[2], d = crc[3];
    for (const uint8_t* end = data + n; data < end; data += 8) {
        a = crc_word(t, a, data);
        b = crc_word(t, b, data + stride);
        c = crc_word(t, c, data + 2 * stride);
        d = crc_word(t, d, data + 3 * stride);
    }
    crc[0] = a, crc[1] = b, crc[2] = c, crc[3] = d;
}

// Product of two registers as polynomials modulo the generator; the top bit is the highest power.
inline uint32_t crc_times(const CrcTable& t, uint32_t a, uint32_t b) {
    const uint32_t generator = t.value[0][1];  // x^width, reduced
    uint32_t product = 0;
    for (int i = 0; i < t.width; ++i, b <<= 1) {
        product = (product << 1) ^ (generator & -(product >> 31));
        product ^= a & -(b >> 31);
    }
    return product;
}

// x^(8 n) modulo the generator.
inline uint32_t crc_power(const CrcTable& t, size_t n) {
    const uint32_t unit = uint32_t{1} << (32 - t.width);  // x^0
    uint32_t power = unit;
    for (int bit = 63 - __builtin_clzll(n | 1); bit >= 0; --bit) {
        power = crc_times(t, power, power);
        if (n >> bit & 1) power = (power << 8) ^ t.value[0][power >> 24];
    }
    return power;
}

// The checksum of n bytes, by four quarters whose registers are put together behind each other.
inline uint32_t crc_long(int kind, const uint8_t* data, size_t n) {
    const CrcTable& t = crc_tables[kind];
    const size_t part = n / crc_chains / 8 * 8, head = n - part * crc_chains;
    if (part < 128) return crc_bytes(kind, data, n);
    uint32_t crc[crc_chains] = {crc_bytes(kind, data, head) << (32 - t.width), 0, 0, 0};
    crc_side_by_side(t, data + head, part, part, crc);
    const uint32_t power = crc_power(t, part);
    uint32_t whole = crc[0];
    for (int i = 1; i < crc_chains; ++i) whole = crc_times(t, whole, power) ^ crc[i];
    return whole >> (32 - t.width);
}

#endif

}  // namespace picocell::PICOCELL_NS
