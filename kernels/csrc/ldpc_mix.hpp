// Rows of B code blocks into lanes, row of the lifting x B + block, and back: log2 B steps, each of which zips pairs of
// rows (or unzips them). Short rows go byte by byte elsewhere.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int ldpc_mixed_bytes = 1152;

// z rounded up to whole registers.
inline int ldpc_whole(int z) { return (z + Lanes8::width - 1) / Lanes8::width * Lanes8::width; }

inline bool ldpc_mixes(int z, int batch) {
    return 2 * z >= Lanes8::width && ldpc_whole(z) * batch <= ldpc_mixed_bytes;
}

struct LdpcShuffles {
    Lanes8::V zip_low, zip_high, even, odd;
};

inline LdpcShuffles ldpc_shuffles() {
    constexpr int w = Lanes8::width;
    LdpcShuffles s{};
    for (int i = 0; i < w; ++i) {
        s.zip_low[i] = static_cast<int8_t>(i / 2 + i % 2 * w);
        s.zip_high[i] = static_cast<int8_t>(i / 2 + i % 2 * w + w / 2);
        s.even[i] = static_cast<int8_t>(2 * i);
        s.odd[i] = static_cast<int8_t>(2 * i + 1);
    }
    return s;
}

// rows: B rows of z lanes, ldpc_whole(z) apart; they are written over. out: z B lanes, up to a register more.
inline void ldpc_mix(int8_t* rows, int z, int batch, int8_t* out) {
    using X = Lanes8;
    const LdpcShuffles s = ldpc_shuffles();
    alignas(64) int8_t other[ldpc_mixed_bytes];
    int8_t *from = rows, *to = other;
    int stride = ldpc_whole(z), length = z;
    for (int half = batch / 2; half; half /= 2) {
        if (half == 1) to = out;
        for (int b = 0; b < half; ++b)
            for (int p = 0; p < length; p += X::width) {
                const X::V first = X::load(from + b * stride + p), second = X::load(from + (b + half) * stride + p);
                int8_t* at = to + b * 2 * stride + 2 * p;
                X::store(at, __builtin_shuffle(first, second, s.zip_low));
                if (p + X::width / 2 < length) X::store(at + X::width, __builtin_shuffle(first, second, s.zip_high));
            }
        std::swap(from, to);
        stride *= 2;
        length *= 2;
    }
}

// in: z B lanes. rows: B rows of z bytes, ldpc_whole(z) apart.
inline void ldpc_unmix(const int8_t* in, int z, int batch, int8_t* rows) {
    using X = Lanes8;
    const LdpcShuffles s = ldpc_shuffles();
    alignas(64) int8_t pair[2][ldpc_mixed_bytes];
    const int8_t* from = in;
    int stride = ldpc_whole(z) * batch, length = z * batch, side = 0;
    for (int half = 1; half < batch; half *= 2) {
        int8_t* to = 2 * half == batch ? rows : pair[side];
        stride /= 2;
        length /= 2;
        for (int b = 0; b < half; ++b)
            for (int p = 0; p < length; p += X::width) {
                const int8_t* at = from + b * 2 * stride + 2 * p;
                const X::V first = X::load(at), second = p + X::width / 2 < length ? X::load(at + X::width) : first;
                X::store(to + b * stride + p, __builtin_shuffle(first, second, s.even));
                X::store(to + (b + half) * stride + p, __builtin_shuffle(first, second, s.odd));
            }
        from = to;
        side ^= 1;
    }
}

}  // namespace picocell::PICOCELL_NS
