// A PUSCH from coded bits to the grid: channel interleaver, scrambling, mapper, transform precoding, reference signal.
#pragma once
#include "dft_body.hpp"
#include "modem_body.hpp"
#include "ulsch.hpp"

namespace picocell::PICOCELL_NS {

constexpr uint8_t ulsch_placeholder_x = 2, ulsch_placeholder_y = 3;

inline uint8_t ulsch_scrambling_bit(const uint64_t* words, size_t i) { return words[i / 64] >> (i % 64) & 1; }

// Bits that the scrambling of all bits turns into what TS 36.211 5.3.1 asks for in place of placeholders.
inline void ulsch_resolve(uint8_t* bits, size_t n, const uint64_t* scrambling) {
    constexpr uint64_t not_bits = 0xfefefefefefefefe;
    for (size_t i = 0; i < n; ++i) {
        uint64_t eight = not_bits;  // nearly all of them hold no placeholder
        if (i + sizeof eight <= n) std::memcpy(&eight, bits + i, sizeof eight);
        if (!(eight & not_bits)) {
            i += sizeof eight - 1;
            continue;
        }
        if (bits[i] < 2) continue;
        const uint8_t c = ulsch_scrambling_bit(scrambling, i);
        if (bits[i] == ulsch_placeholder_x || !i) {
            bits[i] = 1 ^ c;
        } else {
            bits[i] = bits[i - 1] ^ ulsch_scrambling_bit(scrambling, i - 1) ^ c;
        }
    }
}

bool ulsch_send(const UlschSend& send, const uint8_t* coded, size_t n_coded, const int32_t* source,
                const uint64_t* scrambling, const float* r, float* grid) {
    static thread_local std::vector<uint8_t> bits;
    static thread_local std::vector<float> symbols;
    const size_t m = send.dft->n, n = send.n_data * m;
    if (bits.size() < n * send.q_m) bits.resize(n * send.q_m);
    if (symbols.size() < 2 * n) symbols.resize(2 * n);
    if (!ulsch_gather(coded, n_coded, source, n, send.q_m, bits.data())) return false;
    if (send.placeholders) ulsch_resolve(bits.data(), n * send.q_m, scrambling);
    float* x = symbols.data();
    modem_modulate(bits.data(), n, send.q_m, scrambling, x);
    dft_transform(send.dft, x, x, send.n_data, false);
    for (int i = 0; i < send.n_data; ++i, x += 2 * m) {
        const int l = send.symbols[i], slot = 2 * l >= send.n_symb;
        float* __restrict to = grid + 2 * (size_t(l) * send.n_sc + send.first[slot]);
        for (size_t k = 0; k < 2 * m; ++k) to[k] = x[k] * send.amplitude;
    }
    for (int slot = 0; slot < 2; ++slot, r += 2 * m) {
        float* __restrict to = grid + 2 * (size_t(send.pilot[slot]) * send.n_sc + send.first[slot]);
        for (size_t k = 0; k < 2 * m; ++k) to[k] = r[k] * send.amplitude;
    }
    return true;
}

}  // namespace picocell::PICOCELL_NS
