// Body of the convolutional code kernel, compiled once per instruction set.
#include "conv_soft.hpp"
#include "conv_viterbi.hpp"

namespace picocell::PICOCELL_NS {

// The streams of some bits one after the other; what is written ends up to a register behind the last.
inline void conv_streams(const uint8_t* bits, int k, uint8_t* d) {
    // c[6 + i] = bit i, with the last six in front: the tail-biting start.
    uint8_t c[conv_max_k + 6 + 64];
    std::memcpy(c, bits + k - 6, 6);
    std::memcpy(c + 6, bits, size_t(k));
    std::memset(c + 6 + k, 0, 64);
    for (int s = 0; s < 3; ++s)
        for (int i = 0; i < k; i += conv_bytes) {
            const auto bit = [&](int delay) {
                ConvBytes x;
                std::memcpy(&x, c + i + 6 - delay, sizeof x);
                return x;
            };
            const ConvBytes middle = s == 0   ? bit(2) ^ bit(3) ^ bit(5)
                                     : s == 1 ? bit(1) ^ bit(2) ^ bit(3)
                                              : bit(1) ^ bit(2) ^ bit(4);
            const ConvBytes coded = (bit(0) ^ middle ^ bit(6)) & 1;
            std::memcpy(d + s * k + i, &coded, sizeof coded);
        }
}

void conv_encode(const uint8_t* bits, int k, uint8_t* d) {
    uint8_t coded[conv_soft_room];
    conv_streams(bits, k, coded);
    std::memcpy(d, coded, 3 * size_t(k));
}

// The circular buffer, which without dummies is simply 3k bits long; both ends have a register's room.
inline void conv_circle(const ConvOrder& order, const uint8_t* d, uint8_t* out) {
    const int k = order.k;
    for (int s = 0; s < 3; ++s, d += k, out += k) {
#if PICOCELL_ISA_LEVEL == 2
        if (k <= ConvOrder::small) {
            const __m512i index = _mm512_load_si512(order.bit8), source = _mm512_loadu_si512(d);
            _mm512_storeu_si512(out, _mm512_maskz_permutexvar_epi8(~__mmask64{0}, index, source));
            continue;
        }
#endif
        for (int p = 0; p < k; ++p) out[p] = d[order.bit[p]];
    }
}

void conv_rate_match(const uint8_t* d, int k, size_t e, uint8_t* out) {
    const size_t period = 3 * size_t(k);
    uint8_t coded[conv_soft_room], circle[conv_soft_room];
    std::memcpy(coded, d, period);
    conv_circle(conv_orders().of(k), coded, circle);
    for (size_t p = 0; p < e; p += period) std::memcpy(out + p, circle, std::min(period, e - p));
}

// What is sent for some bits, once around; room as above.
inline void conv_sent(const ConvOrder& order, const uint8_t* bits, uint8_t* out) {
    uint8_t coded[conv_soft_room];
    conv_streams(bits, order.k, coded);
    conv_circle(order, coded, out);
}

void conv_rate_recover(const int16_t* llr, size_t e, int k, int16_t* d) {
    alignas(64) int32_t sums[conv_soft_room];
    alignas(64) int16_t places[conv_soft_room];
    const ConvOrder& order = conv_orders().of(k);
    conv_fold(llr, int(e), k, sums);
    conv_saturate(sums, 3 * k, places);
    for (int s = 0; s < 3; ++s)
        for (int p = 0; p < k; ++p) d[s * k + order.bit[p]] = places[s * k + p];
}

void conv_decode(const int16_t* llr, size_t n, int k, uint8_t* bits) {
    ConvScratch& scratch = conv_scratch();
    alignas(64) int16_t word[conv_words][conv_soft_room];
    alignas(64) int8_t scaled[conv_words][conv_soft_room];
    for (auto& row : word) std::memset(row + 3 * k, 0, conv_lanes * sizeof *row);
    for (int words; n; n -= words) {
        words = int(std::min<size_t>(n, conv_words));
        // Word after word in each step: what one wrote is then in the cache when the next step reads it.
        for (int w = 0; w < words; ++w, llr += 3 * k) std::memcpy(word[w], llr, 3 * k * sizeof **word);
        for (int w = 0; w < words; ++w) conv_quantise(word[w], 3 * k, scaled[w]);
        for (int w = 0; w < words; ++w)
            for (int s = 0; s < 3; ++s) conv_copy(scratch.soft[w][s], scaled[w] + s * k, k);
        conv_viterbi(scratch, words, k);
        for (int w = 0; w < words; ++w, bits += k) std::memcpy(bits, scratch.bits[w] + conv_lead(k), k);
    }
}

// x^n modulo D^16 + D^12 + D^5 + 1 for n = 0.., so that a CRC is a sum without a chain of dependent steps.
struct ConvCrc {
    uint16_t power[conv_max_k]{};  // the last bit's first
    constexpr ConvCrc() {
        uint16_t x = 1;
        for (int i = conv_max_k - 1; i >= 0; --i) {
            power[i] = x;
            x = uint16_t(x << 1 ^ (x & 0x8000 ? 0x1021 : 0));
        }
    }
    // The sixteen parity bits added to the remainder: 0, or the mask that they were scrambled with (5.3.3.2).
    uint16_t remainder(const uint8_t* bits, int k) const {
        const uint16_t* of = power + conv_max_k - k;
        uint16_t sum = 0;
        for (int i = 0; i < k; ++i) sum = uint16_t(sum ^ (of[i] & uint16_t(-int(bits[i]))));
        return sum;
    }
};
static constexpr ConvCrc conv_crc{};

// Share of the soft bits' magnitude that agrees with the code word: (1 + correlation / magnitude) / 2.
inline float conv_quality(const int32_t* sums, const uint8_t* bits, const ConvOrder& order, int64_t magnitude) {
    const int n = 3 * order.k;
    uint8_t sent[conv_soft_room];
    conv_sent(order, bits, sent);
    int64_t correlation = 0;
    for (int i = 0; i < n; ++i) correlation += sent[i] ? -sums[i] : sums[i];
    return magnitude ? 0.5f + 0.5f * float(correlation) / float(magnitude) : 0.0f;
}

void conv_halves(const int16_t* llr, size_t n, const uint8_t* bits, int k, int64_t* halves) {
    const size_t period = 3 * static_cast<size_t>(k);
    uint8_t sent[conv_soft_room];
    conv_sent(conv_orders().of(k), bits, sent);
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

// Candidates of one size, up to eight of them, whose numbers are in `which`; bits of each in turn, in rows of k_max.
struct ConvSearch {
    const int16_t* llr;
    const int32_t *starts, *lengths;
    ConvScratch& scratch;
    int32_t (*sums)[conv_soft_room];

    void decode(const int32_t* which, int n, const ConvOrder& order) {
        const int k = order.k;
        alignas(64) int16_t places[conv_words][conv_soft_room];
        alignas(64) int8_t scaled[conv_words][conv_soft_room];
        for (int w = 0; w < n; ++w) conv_fold(llr + starts[which[w]], lengths[which[w]], k, sums[w]);
        for (int w = 0; w < n; ++w) conv_saturate(sums[w], 3 * k, places[w]);
        for (int w = 0; w < n; ++w) conv_quantise(places[w], 3 * k, scaled[w]);
        for (int w = 0; w < n; ++w)
            for (int s = 0; s < 3; ++s) conv_to_bits(order, scaled[w] + s * k, scratch.soft[w][s]);
        conv_viterbi(scratch, n, k);
    }

    float quality(int32_t c, int w, const ConvOrder& order) const {
        const int64_t magnitude = conv_magnitude(llr + starts[c], lengths[c]);
        return conv_quality(sums[w], scratch.bits[w] + conv_lead(order.k), order, magnitude);
    }
};

size_t conv_search(const int16_t* llr, const int32_t* starts, const int32_t* lengths, const int32_t* ks, size_t n,
                   int k_max, const int32_t* wanted, int32_t* found, uint8_t* bits, uint16_t* crc, float* quality) {
    static thread_local std::unique_ptr<int32_t[][conv_soft_room]> sums;
    if (!sums) sums.reset(new int32_t[conv_words][conv_soft_room]);
    ConvSearch search{llr, starts, lengths, conv_scratch(), sums.get()};
    ConvOrders& orders = conv_orders();
    size_t hits = 0;
    // Candidates of one size are decoded together: those of the first size not yet done, then of the next.
    uint64_t done[conv_max_batch / 64] = {};
    for (size_t next = 0; next < n; ++next) {
        if (done[next / 64] >> (next % 64) & 1) continue;
        const ConvOrder& order = orders.of(ks[next]);
        const int k = order.k;
        size_t at = next;
        while (at < n) {
            int32_t which[conv_words];
            int words = 0;
            for (; at < n && words < conv_words; ++at)
                if (ks[at] == k) {
                    which[words++] = int32_t(at);
                    done[at / 64] |= uint64_t{1} << (at % 64);
                }
            if (!words) break;
            search.decode(which, words, order);
            for (int w = 0; w < words; ++w) {
                const uint8_t* word = search.scratch.bits[w] + conv_lead(k);
                const uint16_t remainder = conv_crc.remainder(word, k);
                if (wanted && remainder != wanted[0] && remainder != wanted[1]) continue;
                const size_t row = wanted ? hits++ : which[w];
                if (wanted) found[row] = which[w];
                std::memcpy(bits + row * k_max, word, k);
                std::memset(bits + row * k_max + k, 0, k_max - k);
                crc[row] = remainder;
                quality[row] = search.quality(which[w], w, order);
            }
        }
    }
    return hits;
}

}  // namespace picocell::PICOCELL_NS
