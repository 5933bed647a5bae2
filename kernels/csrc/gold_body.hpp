// Body of the Gold sequence kernel, compiled once per instruction set.
#include "gold.hpp"

namespace picocell::PICOCELL_NS {

constexpr int gold_skip = 1600;  // N_C
constexpr int gold_step = 28;    // bits that 31 bits of state give at once, for both registers
constexpr uint32_t gold_mask = 0x7fffffffu;

// State = bits n..n+30, bit n in the least significant place; advances by 28.
inline uint32_t step_x1(uint32_t s) {
    const uint32_t next = (s ^ (s >> 3)) & ((1u << gold_step) - 1);
    return (s >> gold_step) | (next << 3);
}

inline uint32_t step_x2(uint32_t s) {
    const uint32_t next = (s ^ (s >> 1) ^ (s >> 2) ^ (s >> 3)) & ((1u << gold_step) - 1);
    return (s >> gold_step) | (next << 3);
}

// 1600 = 57 * 28 + 4: the last four bits one at a time.
template <uint32_t (*Step)(uint32_t), int Taps>
uint32_t gold_skipped(uint32_t s) {
    for (int i = 0; i < gold_skip / gold_step; ++i) s = Step(s);
    for (int i = 0; i < gold_skip % gold_step; ++i) {
        uint32_t bit = s ^ (s >> 3);
        if (Taps == 4) bit ^= (s >> 1) ^ (s >> 2);
        s = (s >> 1) | ((bit & 1u) << 30);
    }
    return s;
}

void gold_packed(uint32_t c_init, size_t n, uint64_t* words) {
    static const uint32_t x1_start = gold_skipped<step_x1, 2>(1u);
    uint32_t x1 = x1_start;
    uint32_t x2 = gold_skipped<step_x2, 4>(c_init & gold_mask);
    uint64_t word = 0;
    int filled = 0;
    const size_t n_words = (n + 63) / 64;
    for (size_t w = 0; w < n_words;) {
        const uint64_t chunk = (x1 ^ x2) & ((1u << gold_step) - 1);
        word |= chunk << filled;
        filled += gold_step;
        if (filled >= 64) {
            words[w++] = word;
            filled -= 64;
            word = filled ? chunk >> (gold_step - filled) : 0;
        }
        x1 = step_x1(x1);
        x2 = step_x2(x2);
    }
    if (n % 64) words[n_words - 1] &= (uint64_t{1} << (n % 64)) - 1;
}

void gold_bits(uint32_t c_init, size_t n, uint8_t* out) {
    uint64_t words[64];
    uint64_t table[256];
    for (unsigned v = 0; v < 256; ++v) {
        uint64_t spread = 0;
        for (int b = 0; b < 8; ++b) spread |= uint64_t{(v >> b) & 1u} << (8 * b);
        table[v] = spread;
    }
    std::unique_ptr<uint64_t[]> large;
    uint64_t* packed = words;
    if (n > 64 * 64) {
        large.reset(new uint64_t[(n + 63) / 64]);
        packed = large.get();
    }
    gold_packed(c_init, n, packed);
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(packed);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) std::memcpy(out + i, &table[bytes[i / 8]], 8);
    for (; i < n; ++i) out[i] = (packed[i >> 6] >> (i & 63)) & 1u;
}

}  // namespace picocell::PICOCELL_NS
