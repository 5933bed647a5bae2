// Body of the convolutional code kernel, compiled once per instruction set.
#include "conv_viterbi.hpp"

namespace picocell::PICOCELL_NS {

// Table 5.1.4-2: the bit-reversed column with its lowest bit inverted.
constexpr int conv_column(int j) {
    return ((j & 1) << 4 | (j & 2) << 2 | (j & 4) | (j & 8) >> 2 | (j & 16) >> 4) ^ 1;
}

// order[p]: which bit of a stream the sub-block interleaver puts in place p, dummies left out (5.1.4.2.1).
inline void conv_order(int k, uint16_t* order) {
    const int rows = (k + 31) / 32;
    const int dummies = 32 * rows - k;
    for (int j = 0; j < 32; ++j)
        for (int i = conv_column(j) - dummies; i < k; i += 32)
            if (i >= 0) *order++ = uint16_t(i);
}

void conv_encode(const uint8_t* bits, int k, uint8_t* d) {
    // c[6 + i] = bit i, with the last six in front: the tail-biting start.
    uint8_t c[conv_max_k + 6];
    std::memcpy(c, bits + k - 6, 6);
    std::memcpy(c + 6, bits, size_t(k));
    for (int i = 0; i < k; ++i) d[i] = (c[i + 6] ^ c[i + 4] ^ c[i + 3] ^ c[i + 1] ^ c[i]) & 1;
    for (int i = 0; i < k; ++i) d[k + i] = (c[i + 6] ^ c[i + 5] ^ c[i + 4] ^ c[i + 3] ^ c[i]) & 1;
    for (int i = 0; i < k; ++i) d[2 * k + i] = (c[i + 6] ^ c[i + 5] ^ c[i + 4] ^ c[i + 2] ^ c[i]) & 1;
}

void conv_rate_match(const uint8_t* d, int k, size_t e, uint8_t* out) {
    uint16_t order[conv_max_k];
    conv_order(k, order);
    // Without dummies the circular buffer is simply 3k bits long.
    const size_t period = 3 * size_t(k);
    const size_t once = std::min(e, period);
    for (size_t p = 0; p < once; ++p) out[p] = d[p / k * k + order[p % k]];
    for (size_t p = period; p < e; p += period) std::memcpy(out + p, out, std::min(period, e - p));
}

// Sums of repeats in the order of transmission, soft (3k) in the order of the streams.
inline void conv_fold(const int16_t* llr, size_t e, int k, const uint16_t* order, int32_t* sums, int32_t* soft) {
    const size_t period = 3 * size_t(k);
    std::fill(sums, sums + period, 0);
    for (size_t p = 0; p < e; p += period) {
        const size_t n = std::min(period, e - p);
        for (size_t i = 0; i < n; ++i) sums[i] += llr[p + i];
    }
    for (int s = 0; s < 3; ++s)
        for (int i = 0; i < k; ++i) soft[s * k + order[i]] = sums[s * k + i];
}

void conv_rate_recover(const int16_t* llr, size_t e, int k, int16_t* d) {
    uint16_t order[conv_max_k];
    int32_t sums[3 * conv_max_k], soft[3 * conv_max_k];
    conv_order(k, order);
    conv_fold(llr, e, k, order, sums, soft);
    for (int i = 0; i < 3 * k; ++i) d[i] = int16_t(std::min(std::max(soft[i], -32767), 32767));
}

void conv_decode(const int16_t* llr, size_t n, int k, uint8_t* bits) {
    constexpr int N = conv_interleave;
    ConvScratch<N> scratch(k);
    std::vector<int32_t> soft(3 * k);
    std::vector<uint8_t> spare(k);
    for (size_t first = 0; first < n; first += N) {
        int ks[N];
        uint8_t* out[N];
        for (int i = 0; i < N; ++i) {
            const size_t word = std::min(first + i, n - 1);
            ks[i] = k;
            out[i] = first + i < n ? bits + word * k : spare.data();
            std::copy(llr + word * 3 * k, llr + (word + 1) * 3 * k, soft.begin());
            conv_branches(soft.data(), k, scratch.scaled.data(), scratch.branch[i].data());
        }
        conv_viterbi<N>(scratch, ks, out);
    }
}

// x^n modulo D^16 + D^12 + D^5 + 1 for n = 0.., so that a CRC is a sum without a chain of dependent steps.
struct ConvCrc {
    uint16_t power[conv_max_k];
    ConvCrc() {
        uint16_t x = 1;
        for (uint16_t& p : power) {
            p = x;
            x = uint16_t(x << 1 ^ (x & 0x8000 ? 0x1021 : 0));
        }
    }
    // The sixteen parity bits added to the remainder: 0, or the mask that they were scrambled with (5.3.3.2).
    uint16_t remainder(const uint8_t* bits, int k) const {
        uint16_t sum = 0;
        for (int i = 0; i < k; ++i) sum ^= power[k - 1 - i] & uint16_t(-int(bits[i]));
        return sum;
    }
};

// Interleavers of the sizes met in one call.
struct ConvOrders {
    std::vector<uint16_t> table;
    std::vector<int32_t> row;
    int k_max;
    int used = 0;

    explicit ConvOrders(int k_max) : row(k_max + 1, -1), k_max(k_max) { table.reserve(16 * k_max); }
    const uint16_t* of(int k) {
        if (row[k] < 0) {
            row[k] = used++;
            table.resize(size_t(used) * k_max);
            conv_order(k, table.data() + size_t(row[k]) * k_max);
        }
        return table.data() + size_t(row[k]) * k_max;
    }
};

inline int64_t conv_magnitude(const int16_t* llr, size_t n) {
    int64_t total = 0;
    for (size_t i = 0; i < n; ++i) total += std::abs(int32_t(llr[i]));
    return total;
}

// Share of the soft bits' magnitude that agrees with the code word: (1 + correlation / magnitude) / 2.
inline float conv_quality(const int32_t* soft, const uint8_t* bits, int k, int64_t magnitude) {
    uint8_t d[3 * conv_max_k];
    conv_encode(bits, k, d);
    int64_t correlation = 0;
    for (int i = 0; i < 3 * k; ++i) correlation += d[i] ? -soft[i] : soft[i];
    return magnitude ? 0.5f + 0.5f * float(correlation) / float(magnitude) : 0.0f;
}

void conv_halves(const int16_t* llr, size_t n, const uint8_t* bits, int k, int64_t* halves) {
    const size_t period = 3 * static_cast<size_t>(k), once = std::min(n, period);
    uint8_t d[3 * conv_max_k], sent[3 * conv_max_k];
    conv_encode(bits, k, d);
    conv_rate_match(d, k, once, sent);
    halves[0] = halves[1] = 0;
    for (size_t first = 0; first < n; first += period) {
        const size_t end = std::min(period, n - first), middle = std::min(std::max(n / 2, first) - first, end);
        for (int half = 0; half < 2; ++half) {
            int64_t sum = 0;
            for (size_t i = half ? middle : 0; i < (half ? end : middle); ++i)
                sum += sent[i] ? -int32_t(llr[first + i]) : int32_t(llr[first + i]);
            halves[half] += sum;
        }
    }
}

void conv_search(const int16_t* llr, const int32_t* starts, const int32_t* lengths, const int32_t* ks, size_t n,
                 int k_max, uint8_t* bits, uint16_t* crc, float* quality) {
    constexpr int N = conv_interleave;
    static const ConvCrc crc16;
    ConvScratch<N> scratch(k_max);
    ConvOrders orders(k_max);
    std::vector<int32_t> sums(3 * k_max), soft[N];
    for (auto& s : soft) s.resize(3 * k_max);
    std::vector<uint8_t> spare(k_max);
    std::memset(bits, 0, n * k_max);
    for (size_t first = 0; first < n; first += N) {
        int size[N];
        uint8_t* out[N];
        for (int i = 0; i < N; ++i) {
            const size_t c = std::min(first + i, n - 1);  // an odd last one is decoded twice
            size[i] = ks[c];
            out[i] = first + i < n ? bits + c * k_max : spare.data();
            conv_fold(llr + starts[c], lengths[c], size[i], orders.of(size[i]), sums.data(), soft[i].data());
            conv_branches(soft[i].data(), size[i], scratch.scaled.data(), scratch.branch[i].data());
        }
        conv_viterbi<N>(scratch, size, out);
        for (size_t c = first; c < std::min(first + N, n); ++c) {
            const int64_t magnitude = conv_magnitude(llr + starts[c], lengths[c]);
            crc[c] = crc16.remainder(out[c - first], size[c - first]);
            quality[c] = conv_quality(soft[c - first].data(), out[c - first], size[c - first], magnitude);
        }
    }
}

}  // namespace picocell::PICOCELL_NS
