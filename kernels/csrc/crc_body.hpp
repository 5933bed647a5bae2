// Cyclic redundancy checks of TS 36.212 5.1.1 over bytes with the first bit on top: eight bytes a step by table, or 64 a
// step by multiplication without carries.
// The tables are constants; the functions are compiled for the instruction set of whoever includes this.
#pragma once

namespace picocell::PICOCELL_NS {

// The register is kept at the top of 32 bits, so that one code serves every width.
struct CrcTable {
    uint32_t value[8][256];
    int width;
};

constexpr CrcTable crc_table(uint32_t poly, int width) {
    CrcTable table{};
    const uint32_t top = poly << (32 - width);
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte << 24;
        for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc >> 31) ? top : 0u);
        table.value[0][byte] = crc;
    }
    for (int zeros = 1; zeros < 8; ++zeros)
        for (uint32_t byte = 0; byte < 256; ++byte) {
            const uint32_t crc = table.value[zeros - 1][byte];
            table.value[zeros][byte] = (crc << 8) ^ table.value[0][crc >> 24];
        }
    table.width = width;
    return table;
}

enum CrcKind : int { crc24a_kind = 0, crc24b_kind = 1, crc16_kind = 2, crc8_kind = 3, crc_none = -1 };

alignas(64) static constexpr CrcTable crc_tables[4] = {
    crc_table(0x864cfbu, 24),  // D24+D23+D18+D17+D14+D11+D10+D7+D6+D5+D4+D3+D+1
    crc_table(0x800063u, 24),  // D24+D23+D6+D5+D+1
    crc_table(0x1021u, 16),    // D16+D12+D5+1
    crc_table(0x9bu, 8),       // D8+D7+D4+D3+D+1
};

// The register after n bytes, eight a step.
inline uint32_t crc_register(const CrcTable& t, const uint8_t* data, size_t n) {
    uint32_t crc = 0;
    for (; n >= 8; n -= 8, data += 8) {
        uint64_t word;
        std::memcpy(&word, data, 8);
        word = __builtin_bswap64(word) ^ (uint64_t{crc} << 32);
        crc = t.value[7][word >> 56] ^ t.value[6][(word >> 48) & 255] ^ t.value[5][(word >> 40) & 255] ^
              t.value[4][(word >> 32) & 255] ^ t.value[3][(word >> 24) & 255] ^ t.value[2][(word >> 16) & 255] ^
              t.value[1][(word >> 8) & 255] ^ t.value[0][word & 255];
    }
    for (; n; --n, ++data) crc = (crc << 8) ^ t.value[0][(crc >> 24) ^ *data];
    return crc;
}

#if PICOCELL_ISA_LEVEL >= 1

// x^n modulo the generator, as a register.
constexpr uint64_t crc_power_of_x(const CrcTable& t, int n) {
    uint32_t power = 1;
    for (; n; --n) power = (power << 1) ^ (power >> 31 ? t.value[0][1] : 0u);
    return power;
}

// What the halves of 16 bytes that stand 64, or 16, bytes further left are multiplied by.
struct CrcFold {
    uint64_t far[2], near[2];
};

constexpr CrcFold crc_fold(const CrcTable& t) {
    return {{crc_power_of_x(t, 512), crc_power_of_x(t, 576)}, {crc_power_of_x(t, 128), crc_power_of_x(t, 192)}};
}

alignas(64) static constexpr CrcFold crc_folds[4] = {crc_fold(crc_tables[0]), crc_fold(crc_tables[1]),
                                                     crc_fold(crc_tables[2]), crc_fold(crc_tables[3])};

// The same of 64 bytes and more: multiplications without carries fold them to 16 bytes of the same remainder.
__attribute__((target("pclmul"))) inline uint32_t crc_folded(int kind, const uint8_t* data, size_t n) {
    const __m128i turn = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m128i far = _mm_loadu_si128(reinterpret_cast<const __m128i*>(crc_folds[kind].far));
    const __m128i near = _mm_loadu_si128(reinterpret_cast<const __m128i*>(crc_folds[kind].near));
    alignas(16) uint8_t first[64] = {};  // zeros in front change nothing
    const size_t head = (n - 1) % 64 + 1;
    std::memcpy(first + 64 - head, data, head);
    __m128i x[4];
    for (int i = 0; i < 4; ++i)
        x[i] = _mm_shuffle_epi8(_mm_load_si128(reinterpret_cast<const __m128i*>(first + 16 * i)), turn);
    for (const uint8_t *p = data + head, *end = data + n; p < end; p += 64)
        for (int i = 0; i < 4; ++i) {
            const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
            const __m128i low = _mm_clmulepi64_si128(x[i], far, 0x00), high = _mm_clmulepi64_si128(x[i], far, 0x11);
            x[i] = _mm_xor_si128(_mm_xor_si128(low, high), _mm_shuffle_epi8(next, turn));
        }
    for (int i = 1; i < 4; ++i) {
        const __m128i low = _mm_clmulepi64_si128(x[0], near, 0x00), high = _mm_clmulepi64_si128(x[0], near, 0x11);
        x[0] = _mm_xor_si128(_mm_xor_si128(low, high), x[i]);
    }
    alignas(16) uint8_t last[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(last), _mm_shuffle_epi8(x[0], turn));
    return crc_register(crc_tables[kind], last, sizeof last);
}

#endif

inline uint32_t crc_bytes(int kind, const uint8_t* data, size_t n) {
    const CrcTable& t = crc_tables[kind];
#if PICOCELL_ISA_LEVEL >= 1
    if (n >= 64) return crc_folded(kind, data, n) >> (32 - t.width);
#endif
    return crc_register(t, data, n) >> (32 - t.width);
}

// Eight bits, one a byte, into one byte, the first on top.
inline uint8_t pack8(const uint8_t* bits) {
    uint64_t word;
    std::memcpy(&word, bits, 8);
    return static_cast<uint8_t>(((word & 0x0101010101010101u) * 0x8040201008040201u) >> 56);
}

// Leading zeros do not change a checksum that starts at zero: the odd bits stand first, behind zeros.
inline uint32_t crc_bits(int kind, const uint8_t* bits, size_t n) {
    const CrcTable& t = crc_tables[kind];
    uint32_t crc = 0;
    const size_t odd = n % 8;
    if (odd) {
        uint8_t first[8] = {};
        std::memcpy(first + 8 - odd, bits, odd);
        crc = t.value[0][pack8(first)];
    }
    uint8_t bytes[512];
    for (size_t i = odd; i < n;) {
        const size_t chunk = std::min<size_t>((n - i) / 8, sizeof bytes);
        for (size_t j = 0; j < chunk; ++j) bytes[j] = pack8(bits + i + 8 * j);
        for (size_t j = 0; j < chunk; ++j) crc = (crc << 8) ^ t.value[0][(crc >> 24) ^ bytes[j]];
        i += 8 * chunk;
    }
    return crc >> (32 - t.width);
}

}  // namespace picocell::PICOCELL_NS
