// Bits of the polar code: the transform, encoding, rate matching, checksums.
#pragma once

namespace picocell::PICOCELL_NS {

typedef uint8_t PolarBytes __attribute__((vector_size(PICOCELL_VECTOR_BYTES), may_alias));
typedef uint8_t PolarAnyBytes __attribute__((vector_size(PICOCELL_VECTOR_BYTES), aligned(1), may_alias));
typedef uint64_t PolarWords __attribute__((vector_size(PICOCELL_VECTOR_BYTES), may_alias));

// Steps of the transform within a register: x[i] ^= x[i + step] where bit `step` of i is not set.
template <int Step>
inline PolarBytes polar_step(PolarBytes x) {
    if constexpr (Step < 8) {
        constexpr uint64_t low = Step == 1 ? 0x00ff00ff00ff00ff : Step == 2 ? 0x0000ffff0000ffff : 0x00000000ffffffff;
        const PolarWords w = (PolarWords)x;
        return (PolarBytes)(w ^ ((w >> (8 * Step)) & (PolarWords{} + low)));
    } else {
        PolarWords from, keep;
        const PolarWords w = (PolarWords)x;
        constexpr int step = Step / 8;
        for (int i = 0; i < int(sizeof w / 8); ++i) {
            from[i] = (i + step) % (sizeof w / 8);
            keep[i] = i & step ? 0 : ~0ull;
        }
        return (PolarBytes)(w ^ (__builtin_shuffle(w, from) & keep));
    }
}

// d = u G_N in place, elements of `first` bytes (1 or 2), each bit of a byte a code word of its own. Bytes: at least a
// register, or zeros behind the end of a shorter block.
inline void polar_transform(uint8_t* x, int bytes, int first) {
    constexpr int width = PICOCELL_VECTOR_BYTES;
    for (int i = 0; i < bytes; i += width) {
        PolarBytes v = *reinterpret_cast<PolarBytes*>(x + i);
        if (first == 1) v = polar_step<1>(v);
        v = polar_step<2>(v);
        v = polar_step<4>(v);
        v = polar_step<8>(v);
        if constexpr (width > 16) v = polar_step<16>(v);
        if constexpr (width > 32) v = polar_step<32>(v);
        *reinterpret_cast<PolarBytes*>(x + i) = v;
    }
    for (int step = width; step < bytes; step *= 2)
        for (int i = 0; i < bytes; i += 2 * step)
            for (int j = i; j < i + step; j += width)
                *reinterpret_cast<PolarBytes*>(x + j) ^= *reinterpret_cast<PolarBytes*>(x + j + step);
}

inline int polar_crc_length(int crc) { return crc < 0 ? 0 : crc == 0 ? 24 : crc == 1 ? 11 : 6; }

// Remainder of the first n bits of a block.
inline uint32_t polar_remainder(const PolarCode& code, int crc, const uint8_t* bits, int n) {
    uint32_t sum = 0;
    for (int i = 0; i < n; ++i) sum ^= code.remainder[crc][i] & -uint32_t(bits[i] & 1);
    return sum;
}

// Parity bits (5.3.1.2): each the sum of the bits before it at distances of a multiple of five.
inline void polar_parity_bits(const PolarCode& code, uint8_t* u) {
    uint8_t y[5] = {};
    for (int i = 0; i < code.k + code.n_pc; ++i) {
        const int at = code.order[i];
        if (code.bit[at] == polar_parity)
            u[at] = y[at % 5];
        else
            y[at % 5] ^= u[at];
    }
}

// Where in y the first bit that is sent stands.
inline int polar_first_sent(const PolarCode& code) {
    return code.match == polar_puncture ? code.n - code.e : 0;
}

// y = sub-blocks of d in their order (5.4.1.1), elements of one byte; `back` for the other way round.
template <bool Back>
inline void polar_sub_blocks(const PolarCode& code, const void* from, void* to) {
    const int size = code.n / 32;
    const auto* in = static_cast<const uint8_t*>(from);
    auto* out = static_cast<uint8_t*>(to);
    const auto move = [&](auto bytes) {
        for (int i = 0; i < 32; ++i) {
            const int a = i * bytes, b = code.sub_block[i] * bytes;
            std::memcpy(out + (Back ? b : a), in + (Back ? a : b), bytes);
        }
    };
    switch (size) {
        case 1: return move(std::integral_constant<int, 1>());
        case 2: return move(std::integral_constant<int, 2>());
        case 4: return move(std::integral_constant<int, 4>());
        case 8: return move(std::integral_constant<int, 8>());
        case 16: return move(std::integral_constant<int, 16>());
        default: return move(std::integral_constant<int, 32>());
    }
}

inline void polar_encode_block(const PolarCode& code, const uint8_t* bits, int crc, uint32_t mask, uint8_t* out) {
    alignas(64) uint8_t u[polar_max_n], y[polar_max_n];
    std::memset(u, 0, std::max(code.n, PICOCELL_VECTOR_BYTES));
    const int length = polar_crc_length(crc), payload = code.k - length;
    for (int i = 0; i < payload; ++i) u[code.place[i]] = bits[i] & 1;
    if (length) {
        const uint32_t check = polar_remainder(code, crc, bits, payload) ^ mask;
        for (int i = 0; i < length; ++i) u[code.place[payload + i]] = check >> (length - 1 - i) & 1;
    }
    if (code.n_pc) polar_parity_bits(code, u);
    polar_transform(u, code.n, 1);
    polar_sub_blocks<false>(code, u, y);
    const uint8_t* first = y + polar_first_sent(code);
    if (code.i_bil) {
        for (int i = 0; i < code.e; ++i) out[i] = first[code.sent[i] & (code.n - 1)];
        return;
    }
    for (int i = 0; i < code.e; i += code.n) std::memcpy(out + i, first, std::min(code.n, code.e - i));
}

inline void polar_encode(const PolarCode* code, const uint8_t* bits, int blocks, int crc, uint32_t mask, uint8_t* out) {
    const int payload = code->k - polar_crc_length(crc);
    for (int b = 0; b < blocks; ++b)
        polar_encode_block(*code, bits + size_t(b) * payload, crc, mask, out + size_t(b) * code->e);
}

}  // namespace picocell::PICOCELL_NS
