// Body of the ZUC kernel, compiled once per instruction set.
#include "zuc.hpp"

namespace picocell::PICOCELL_NS {

// S0 and S1 moved to the place of their byte in the word, and the constants d at bit 8 as key loading wants them.
struct ZucTables {
    uint32_t s[4][256];
    uint32_t d[16];
};

static ZucTables zuc_tables;

inline void zuc_set_tables(const uint8_t* s0, const uint8_t* s1, const uint32_t* d) {
    for (int i = 0; i < 256; ++i) {
        zuc_tables.s[0][i] = uint32_t{s0[i]} << 24;
        zuc_tables.s[1][i] = uint32_t{s1[i]} << 16;
        zuc_tables.s[2][i] = uint32_t{s0[i]} << 8;
        zuc_tables.s[3][i] = s1[i];
    }
    for (int i = 0; i < 16; ++i) zuc_tables.d[i] = d[i] << 8;
}

inline uint32_t load_word(const uint8_t* bytes) {
    uint32_t word;
    std::memcpy(&word, bytes, 4);
    return __builtin_bswap32(word);
}

inline void store_word(uint8_t* bytes, uint32_t word) {
    word = __builtin_bswap32(word);
    std::memcpy(bytes, &word, 4);
}

template <int N>
inline uint32_t rotate(uint32_t x) {
    return x << N | x >> (32 - N);
}

inline uint32_t linear1(uint32_t x) { return x ^ rotate<2>(x) ^ rotate<10>(x) ^ rotate<18>(x) ^ rotate<24>(x); }
inline uint32_t linear2(uint32_t x) { return x ^ rotate<8>(x) ^ rotate<14>(x) ^ rotate<22>(x) ^ rotate<30>(x); }

inline uint32_t substitute(uint32_t x) {
    const auto& s = zuc_tables.s;
    return s[0][x >> 24] | s[1][x >> 16 & 0xff] | s[2][x >> 8 & 0xff] | s[3][x & 0xff];
}

// Shift register and F. Cell i of the register is s[(start + i) % 16], so that a clock moves no words.
struct Zuc {
    uint32_t s[16];
    uint32_t r1 = 0, r2 = 0;

    template <int Start>
    uint32_t upper(int i) const {  // bits 30 to 15
        return s[(Start + i) % 16] >> 15;
    }

    template <int Start>
    uint32_t lower(int i) const {
        return s[(Start + i) % 16] & 0xffff;
    }

    // TS 35.222 3.3, 3.4: returns W.
    template <int Start>
    uint32_t clock_f() {
        const uint32_t x0 = upper<Start>(15) << 16 | lower<Start>(14);
        const uint32_t x1 = lower<Start>(11) << 16 | upper<Start>(9);
        const uint32_t x2 = lower<Start>(7) << 16 | upper<Start>(5);
        const uint32_t w = (x0 ^ r1) + r2;
        const uint32_t w1 = r1 + x1, w2 = r2 ^ x2;
        r1 = substitute(linear1(w1 << 16 | w2 >> 16));
        r2 = substitute(linear2(w2 << 16 | w1 >> 16));
        return w;
    }

    // 3.2: the sum has at most 54 bits, so two folds of 31 bits reduce it; it is never 0, hence neither is the result.
    template <int Start>
    void clock_lfsr(uint32_t u) {
        constexpr uint64_t p = 0x7fffffff;
        uint64_t v = (uint64_t{s[(Start + 15) % 16]} << 15) + (uint64_t{s[(Start + 13) % 16]} << 17) +
                     (uint64_t{s[(Start + 10) % 16]} << 21) + (uint64_t{s[(Start + 4) % 16]} << 20) +
                     uint64_t{s[Start % 16]} * 257 + u;
        v = (v & p) + (v >> 31);
        v = (v & p) + (v >> 31);
        s[Start % 16] = static_cast<uint32_t>(v);
    }

    template <int... I>
    void initialise(std::integer_sequence<int, I...>) {
        (clock_lfsr<I>(clock_f<I>() >> 1), ...);
    }

    template <int I>
    uint32_t clock() {
        const uint32_t x3 = lower<I>(2) << 16 | upper<I>(0);
        const uint32_t z = clock_f<I>() ^ x3;
        clock_lfsr<I>(0);
        return z;
    }

    template <int... I>
    void words(uint32_t* z, std::integer_sequence<int, I...>) {
        ((z[I] = clock<I>()), ...);
    }

    // Sixteen words of keystream; the register is back at start 0 after them.
    void block(uint32_t* z) {
        Zuc work = *this;  // a local copy lets the compiler keep R1 and R2 out of memory
        work.words(z, std::make_integer_sequence<int, 16>{});
        *this = work;
    }
};

// TS 35.222 3.5, 3.6.1 and the first, discarded clock of 3.6.2.
inline Zuc zuc_load(const uint8_t* key, const uint8_t* iv) {
    Zuc state;
    for (int i = 0; i < 16; ++i) state.s[i] = uint32_t{key[i]} << 23 | zuc_tables.d[i] | iv[i];
    for (int turn = 0; turn < 2; ++turn) state.initialise(std::make_integer_sequence<int, 16>{});
    state.clock_f<0>();
    state.clock_lfsr<0>(0);
    std::rotate(state.s, state.s + 1, state.s + 16);  // cell 0 is s[0] again
    return state;
}

inline void zuc_cipher(Zuc state, const uint8_t* data, size_t n, uint8_t* out) {
    uint32_t z[16];
    size_t at = 0;
    for (; at + 64 <= n; at += 64) {
        state.block(z);
        for (int i = 0; i < 16; ++i) store_word(out + at + 4 * i, load_word(data + at + 4 * i) ^ z[i]);
    }
    if (at == n) return;
    state.block(z);
    for (size_t i = 0; at + i < n; ++i)
        out[at + i] = data[at + i] ^ static_cast<uint8_t>(z[i / 4] >> (24 - 8 * (i % 4)));
}

inline void zuc_apply(const uint8_t* key, const uint8_t* iv, const uint8_t* data, size_t n, uint8_t* out) {
    zuc_cipher(zuc_load(key, iv), data, n, out);
}

// TS 35.221 3.3 to 3.5.
inline void zuc_eea3(const uint8_t* key, uint32_t count, uint32_t bearer, uint32_t direction, const uint8_t* data,
                     size_t n_bits, uint8_t* out) {
    uint8_t iv[16];
    for (int half = 0; half < 16; half += 8) {
        store_word(iv + half, count);
        store_word(iv + half + 4, bearer << 27 | direction << 26);
    }
    zuc_apply(key, iv, data, (n_bits + 7) / 8, out);
    if (n_bits % 8) out[n_bits / 8] &= static_cast<uint8_t>(0xff00 >> n_bits % 8);
}

// XOR of the 32-bit windows of the keystream that start at the places of ones in the message (TS 35.221 4.4).
struct ZucHash {
    uint32_t lanes[32] = {};  // lane b: windows that start at bit b of a word; only lane 0 in the baseline

    void add(uint32_t message, uint32_t z0, uint32_t z1) {
#if PICOCELL_ISA_LEVEL == 0
        // Without shifts by different counts in a vector: sums of four neighbouring windows by table.
        const uint64_t z = uint64_t{z0} << 32 | z1;
        uint64_t sums[16];
        sums[0] = 0;
        for (int place = 0; place < 4; ++place)
            for (int low = 0; low < 1 << place; ++low) sums[(1 << place) + low] = sums[low] ^ z << (3 - place);
        uint64_t total = 0;
        for (int b = 0; b < 32; b += 4) total ^= sums[message >> (28 - b) & 15] << b;
        lanes[0] ^= static_cast<uint32_t>(total >> 32);
#else
        const uint32_t z1_half = z1 >> 1;  // no shift by 32 where b is 0
        for (int b = 0; b < 32; ++b) {
            const auto chosen = static_cast<uint32_t>(static_cast<int32_t>(message << b) >> 31);
            lanes[b] ^= (z0 << b | z1_half >> (31 - b)) & chosen;
        }
#endif
    }

    uint32_t sum() const {
        uint32_t total = 0;
        for (uint32_t lane : lanes) total ^= lane;
        return total;
    }
};

// Word of the message that starts at bit 32 * i, zeros after n_bits.
inline uint32_t message_word(const uint8_t* data, size_t i, size_t n_bits) {
    if (32 * i + 32 <= n_bits) return load_word(data + 4 * i);
    uint32_t word = 0;
    for (size_t byte = 4 * i; byte < (n_bits + 7) / 8; ++byte)
        word |= uint32_t{data[byte]} << (24 - 8 * (byte - 4 * i));
    return n_bits % 32 ? word & ~(~uint32_t{0} >> n_bits % 32) : word;
}

// TS 35.221 4.3, 4.4.
inline uint32_t zuc_eia3(const uint8_t* key, uint32_t count, uint32_t bearer, uint32_t direction, const uint8_t* data,
                         size_t n_bits) {
    uint8_t iv[16];
    store_word(iv, count);
    store_word(iv + 4, bearer << 27);
    store_word(iv + 8, count ^ direction << 31);
    store_word(iv + 12, bearer << 27 ^ direction << 15);
    Zuc state = zuc_load(key, iv);
    ZucHash hash;
    uint32_t z[17];  // the last word of one block is the first of the next
    state.block(z);
    const size_t n_words = (n_bits + 31) / 32;
    size_t word = 0;
    for (; n_bits - 32 * word >= 512; word += 16) {
        uint32_t next[16];
        state.block(next);
        z[16] = next[0];
        for (int i = 0; i < 16; ++i) hash.add(load_word(data + 4 * (word + i)), z[i], z[i + 1]);
        std::memcpy(z, next, sizeof next);
    }
    uint32_t rest[32];  // keystream from word `word`: at most 16 message words and two more are needed
    std::memcpy(rest, z, 16 * sizeof *rest);
    state.block(rest + 16);
    const size_t left = n_words - word;
    for (size_t i = 0; i < left; ++i) hash.add(message_word(data, word + i, n_bits), rest[i], rest[i + 1]);
    const size_t end = n_bits - 32 * word;  // z_LENGTH starts here in `rest`
    const int shift = static_cast<int>(end % 32);
    const uint32_t after = rest[end / 32] << shift | (rest[end / 32 + 1] >> 1) >> (31 - shift);
    return hash.sum() ^ after ^ rest[left + 1];
}

}  // namespace picocell::PICOCELL_NS
