// Body of the SNOW 3G kernel.
#include "snow3g.hpp"
#include "snow3g_tables.hpp"

namespace picocell::PICOCELL_NS {

inline uint32_t load_word(const uint8_t* bytes) {
    uint32_t word;
    std::memcpy(&word, bytes, 4);
    return __builtin_bswap32(word);
}

inline void store_word(uint8_t* bytes, uint32_t word) {
    word = __builtin_bswap32(word);
    std::memcpy(bytes, &word, 4);
}

inline uint32_t substitute(const uint32_t (&table)[4][256], uint32_t w) {
    return table[0][w >> 24] ^ table[1][w >> 16 & 0xff] ^ table[2][w >> 8 & 0xff] ^ table[3][w & 0xff];
}

// Shift register and FSM. Cell i of the register is s[(start + i) % 16], so that a clock moves no words.
struct Snow3g {
    uint32_t s[16];
    uint32_t r1 = 0, r2 = 0, r3 = 0;

    // TS 35.216 3.4.6: returns F.
    template <int Start>
    uint32_t clock_fsm() {
        const uint32_t f = (s[(Start + 15) % 16] + r1) ^ r2;
        const uint32_t r = r2 + (r3 ^ s[(Start + 5) % 16]);
        r3 = substitute(snow3g_tables.s2, r2);
        r2 = substitute(snow3g_tables.s1, r1);
        r1 = r;
        return f;
    }

    // 3.4.4, 3.4.5: cell 0 leaves and its place holds the new cell 15; `input` is F while initialising, else 0.
    template <int Start>
    void clock_lfsr(uint32_t input) {
        const uint32_t s0 = s[Start % 16], s11 = s[(Start + 11) % 16];
        s[Start % 16] = (s0 << 8) ^ snow3g_tables.mul_alpha[s0 >> 24] ^ s[(Start + 2) % 16] ^ (s11 >> 8) ^
                        snow3g_tables.div_alpha[s11 & 0xff] ^ input;
    }

    template <int... I>
    void initialise(std::integer_sequence<int, I...>) {
        (clock_lfsr<I>(clock_fsm<I>()), ...);
    }

    template <int I>
    uint32_t clock() {
        const uint32_t z = clock_fsm<I>() ^ s[I % 16];
        clock_lfsr<I>(0);
        return z;
    }

    template <int... I>
    void words(uint32_t* z, std::integer_sequence<int, I...>) {
        ((z[I] = clock<I>()), ...);
    }

    // Sixteen words of keystream; the register is back at start 0 after them.
    void block(uint32_t* z) {
        Snow3g work = *this;  // a local copy lets the compiler keep FSM registers out of memory
        work.words(z, std::make_integer_sequence<int, 16>{});
        *this = work;
    }
};

// TS 35.216 4.1 and the first, discarded clock of 4.2.
inline Snow3g snow3g_load(const uint8_t* key, const uint8_t* iv) {
    Snow3g state;
    uint32_t k[4], v[4];
    for (int i = 0; i < 4; ++i) {
        k[3 - i] = load_word(key + 4 * i);
        v[3 - i] = load_word(iv + 4 * i);
    }
    for (int i = 0; i < 4; ++i) {
        state.s[i] = state.s[8 + i] = ~k[i];
        state.s[4 + i] = state.s[12 + i] = k[i];
    }
    state.s[15] ^= v[0];
    state.s[12] ^= v[1];
    state.s[10] ^= v[2];
    state.s[9] ^= v[3];
    for (int turn = 0; turn < 2; ++turn) state.initialise(std::make_integer_sequence<int, 16>{});
    state.clock_fsm<0>();
    state.clock_lfsr<0>(0);
    // Turn the register so that cell 0 is s[0] again.
    std::rotate(state.s, state.s + 1, state.s + 16);
    return state;
}

inline void snow3g_apply(Snow3g state, const uint8_t* data, size_t n, uint8_t* out) {
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

// TS 35.215 3.4 to 3.6.
inline void snow3g_f8(const uint8_t* key, uint32_t count, uint32_t bearer, uint32_t direction, const uint8_t* data,
                      size_t n_bits, uint8_t* out) {
    uint8_t iv[16];
    for (int half = 0; half < 16; half += 8) {
        store_word(iv + half, count);
        store_word(iv + half + 4, bearer << 27 | direction << 26);
    }
    snow3g_apply(snow3g_load(key, iv), data, (n_bits + 7) / 8, out);
    if (n_bits % 8) out[n_bits / 8] &= static_cast<uint8_t>(0xff00 >> n_bits % 8);
}

// Multiplication by x in GF(2^64) of x^64 + x^4 + x^3 + x + 1 (TS 35.215 4.3).
inline uint64_t mul_x64(uint64_t v) { return (v << 1) ^ (v >> 63 ? 0x1b : 0); }

// Products of one factor with every nibble at every place of a 64-bit word.
struct Multiplier64 {
    uint64_t table[16][16];

    explicit Multiplier64(uint64_t factor) {
        for (auto& row : table) {
            row[0] = 0;
            for (int bit = 1; bit < 16; bit <<= 1, factor = mul_x64(factor))
                for (int low = 0; low < bit; ++low) row[bit + low] = row[low] ^ factor;
        }
    }

    uint64_t operator()(uint64_t v) const {
        uint64_t product = 0;
        for (int place = 0; place < 16; ++place) product ^= table[place][v >> (4 * place) & 15];
        return product;
    }
};

inline uint64_t multiply64(uint64_t a, uint64_t b) {
    uint64_t product = 0;
    for (int bit = 63; bit >= 0; --bit) product = mul_x64(product) ^ (a & -(b >> bit & 1));
    return product;
}

// The last, short block: `n_bits` from `data`, then zeros.
inline uint64_t tail64(const uint8_t* data, size_t n_bits) {
    uint64_t word = 0;
    for (size_t i = 0; i < (n_bits + 7) / 8; ++i) word |= uint64_t{data[i]} << (56 - 8 * i);
    return word & ~(~uint64_t{0} >> n_bits);
}

// TS 35.215 4.4, 4.5.
inline uint32_t snow3g_f9(const uint8_t* key, uint32_t count, uint32_t fresh, uint32_t direction, const uint8_t* data,
                          size_t n_bits) {
    uint8_t iv[16];
    store_word(iv, count);
    store_word(iv + 4, fresh);
    store_word(iv + 8, count ^ direction << 31);
    store_word(iv + 12, fresh ^ direction << 15);
    uint32_t z[16];
    snow3g_load(key, iv).block(z);
    const Multiplier64 by_p(uint64_t{z[0]} << 32 | z[1]);
    const uint64_t q = uint64_t{z[2]} << 32 | z[3];
    uint64_t eval = 0;
    const size_t whole = n_bits / 64;
    for (size_t i = 0; i < whole; ++i)
        eval = by_p(eval ^ (uint64_t{load_word(data + 8 * i)} << 32 | load_word(data + 8 * i + 4)));
    if (n_bits % 64) eval = by_p(eval ^ tail64(data + 8 * whole, n_bits % 64));
    return static_cast<uint32_t>(multiply64(eval ^ n_bits, q) >> 32) ^ z[4];
}

}  // namespace picocell::PICOCELL_NS
