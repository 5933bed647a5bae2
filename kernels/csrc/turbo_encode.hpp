// Turbo encoder over packed words. The feedback 1/(1+D^2+D^3) is written (1+D^2+D^3+D^4)/(1+D^7), whose
// denominator is a running XOR with stride 7: four shifts a word of 64 bits.
#pragma once

namespace picocell::PICOCELL_NS {

// x delayed by n bits; the first bit of a word is its most significant.
inline uint64_t delayed(uint64_t word, uint64_t before, int n) { return (word >> n) | (before << (64 - n)); }

inline uint64_t load_word(const uint8_t* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    return __builtin_bswap64(word);
}

inline void store_word(uint8_t* bytes, uint64_t word) {
    word = __builtin_bswap64(word);
    std::memcpy(bytes, &word, 8);
}

// Parity of k bits, packed (zeros up to the next multiple of 8 bytes), and the six tail bits x, z, x, z, x, z.
inline void constituent(const uint8_t* bytes, int k, uint8_t* parity, uint8_t* tail) {
    constexpr uint64_t every7 = 0x0204081020408102u;  // copies of the lowest 7 bits from the top of a word down
    uint64_t input = 0, state = 0;                    // the words before
    uint64_t last = 0;
    const int words = (k + 63) / 64;
    for (int i = 0; i < words; ++i) {
        const uint64_t u = load_word(bytes + 8 * i);
        uint64_t v = u ^ delayed(u, input, 2) ^ delayed(u, input, 3) ^ delayed(u, input, 4);
        v ^= v >> 7;
        v ^= v >> 14;
        v ^= v >> 28;
        v ^= v >> 56;
        const uint64_t carry = state & 127;
        v ^= (carry * every7) ^ (carry >> 6);
        store_word(parity + 8 * i, v ^ delayed(v, state, 1) ^ delayed(v, state, 3));
        last = state;
        input = u;
        state = v;
    }
    const int used = k - 64 * (words - 1);  // bits of the last word
    const uint64_t end = used == 64 ? state : (state >> (64 - used)) | (last << used);
    unsigned s0 = end & 1, s1 = (end >> 1) & 1, s2 = (end >> 2) & 1;
    for (int i = 0; i < 3; ++i) {
        tail[2 * i] = static_cast<uint8_t>(s1 ^ s2);
        tail[2 * i + 1] = static_cast<uint8_t>(s0 ^ s2);
        s2 = s1;
        s1 = s0;
        s0 = 0;
    }
}

struct BitTable {
    uint64_t value[256];
};

constexpr BitTable spread_table() {
    BitTable table{};
    for (int byte = 0; byte < 256; ++byte)
        for (int bit = 0; bit < 8; ++bit) table.value[byte] |= uint64_t((byte >> (7 - bit)) & 1) << (8 * bit);
    return table;
}

alignas(64) static constexpr BitTable spread_bits = spread_table();

// n bytes to 8 n bits, one a byte.
inline void unpack_bits(const uint8_t* bytes, int n, uint8_t* bits) {
    int i = 0;
#if PICOCELL_ISA_LEVEL >= 1
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                            2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i select = _mm256_set1_epi64x(0x0102040810204080);
    for (; i + 4 <= n; i += 4) {
        int32_t four;
        std::memcpy(&four, bytes + i, 4);
        const __m256i x = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(four), spread), select);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(bits + 8 * i), _mm256_min_epu8(x, _mm256_set1_epi8(1)));
    }
#endif
    for (; i < n; ++i) std::memcpy(bits + 8 * i, &spread_bits.value[bytes[i]], 8);
}

inline void pack_bits(const uint8_t* bits, int n, uint8_t* bytes) {
    for (int i = 0; i < n; ++i) bytes[i] = pack8(bits + 8 * i);
}

// d: three streams of k + 4 bits, one a byte; stream 0 is the block itself (TS 36.212 5.1.3.2.1 and 5.1.3.2.2).
inline void turbo_encode_block(const uint8_t* bits, int k, uint8_t* d) {
    const uint16_t* order = interleaver(k)->order.data;
    alignas(64) uint8_t packed[turbo_max_k / 8 + 8], parity[turbo_max_k / 8 + 8], mixed[turbo_max_k];
    uint8_t tail[12];
    const int n = k / 8, stride = k + 4;
    std::memset(packed + n, 0, 8);
    pack_bits(bits, n, packed);
    constituent(packed, k, parity, tail);
    unpack_bits(packed, n, d);
    unpack_bits(parity, n, d + stride);
    for (int i = 0; i < k; ++i) mixed[i] = bits[order[i]];
    pack_bits(mixed, n, packed);
    constituent(packed, k, parity, tail + 6);
    unpack_bits(parity, n, d + 2 * stride);
    // Tail x, z of both encoders in the order sent: down the three streams, column by column.
    for (int i = 0; i < 12; ++i) d[i % 3 * stride + k + i / 3] = tail[i];
}

inline void turbo_match_block(const uint8_t* d, const Circular& t, int n_cb, int rv, size_t e, uint8_t* out) {
    const Ring part = ring(t, n_cb, rv);
    const uint16_t* source = t.source.data;
    size_t done = 0, place = part.start;
    const size_t period = std::min<size_t>(e, part.length);
    while (done < period) {
        const size_t n = std::min(period - done, part.length - place);
        for (size_t i = 0; i < n; ++i) out[done + i] = d[source[place + i]];
        done += n;
        place = 0;
    }
    while (done < e) {
        const size_t n = std::min(e - done, period);
        std::memcpy(out + done, out + done - period, n);
        done += n;
    }
}

}  // namespace picocell::PICOCELL_NS
