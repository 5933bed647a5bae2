// Turbo decoding of one code block: scaling of its LLRs, iterations, checksum after each constituent decoding.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int edge = 64;  // room before and behind rows, for loads shifted by a window

struct TurboScratch {
    alignas(64) int16_t raw[3 * turbo_max_k];  // stream, row, lane
    alignas(64) int16_t channel[2][turbo_max_k + 2 * edge];
    alignas(64) int16_t parity[2][turbo_max_k + 2 * edge];
    alignas(64) int16_t apriori[2][turbo_max_k + 2 * edge];
    alignas(64) int16_t total[turbo_max_k];
    alignas(64) int16_t alpha[8 * turbo_max_k];
    Border border[2];
    int16_t tail[12];
};

// How much the LLRs of a block are shifted, and how many of them were received.
struct Level {
    int shift;     // to the right; negative: to the left
    int received;  // LLRs that are not zero
};

// Brings the mean magnitude of what was received to 32..63: max-log decoding does not care for scale, the clips do.
inline Level level(const int16_t* llr, int n) {
    uint64_t sum = 0;
    int received = 0;
    for (int begin = 0; begin < n; begin += 4096) {
        const int end = std::min(n, begin + 4096);
        uint32_t part = 0, count = 0;
        for (int i = begin; i < end; ++i) {
            const int32_t x = llr[i];
            part += static_cast<uint32_t>(x < 0 ? -x : x);
            count += x != 0;
        }
        sum += part;
        received += static_cast<int>(count);
    }
    if (!received) return {0, 0};
    const auto mean = static_cast<uint32_t>(sum / received);
    return {26 - __builtin_clz(mean | 1), received};
}

inline int16_t scaled(int16_t x, int shift) {
    if (shift > 0) x = static_cast<int16_t>((x >> shift) + ((x >> (shift - 1)) & 1));
    x = std::min<int16_t>(std::max<int16_t>(x, -clip_channel), clip_channel);
    if (shift < 0) x = static_cast<int16_t>(x * (1 << -shift));
    return std::min<int16_t>(std::max<int16_t>(x, -clip_channel), clip_channel);
}

inline void scale_row(const int16_t* in, int16_t* out, int n, int shift) {
    if (shift > 0)
        for (int i = 0; i < n; ++i) out[i] = scaled(in[i], shift);
    else
        for (int i = 0; i < n; ++i) out[i] = scaled(in[i], shift);
}

// Backward metrics of the eight states behind the last bit: each has one way through the three tail steps.
inline void tail_metrics(const int16_t* tail, int16_t* end) {
    for (int state = 0; state < 8; ++state) {
        int s0 = state >> 2, s1 = (state >> 1) & 1, s2 = state & 1, metric = 0;
        for (int i = 0; i < 3; ++i) {
            if (!(s1 ^ s2)) metric += tail[2 * i];
            if (!(s0 ^ s2)) metric += tail[2 * i + 1];
            s2 = s1, s1 = s0, s0 = 0;
        }
        end[state] = static_cast<int16_t>(metric);
    }
    for (int state = 7; state >= 0; --state) end[state] = static_cast<int16_t>(end[state] - end[0]);
}

// Steps run before a window: the more is punctured, the longer the code remembers. At rate 0.9 and windows of 32 rows
// 64 steps lose 0.05 dB.
inline int training_length(int k, int lanes, int received) {
    const int rows = k / lanes;
    const int steps = 10 * received < 13 * k ? 96 : 10 * received < 16 * k ? 64 : 10 * received < 20 * k ? 48 : 32;
    return std::min(steps, (lanes - 1) * rows);
}

template <int W>
bool pack_decisions(const int16_t* total, int rows, uint8_t* bytes) {
    using X = Lanes<W>;
    alignas(64) int16_t group[turbo_max_k / 8 + 8 * W];
    const int groups = (rows + 7) / 8;
    typename X::V undecided{};
    for (int g = 0; g < groups; ++g) {
        typename X::V acc{};
        for (int j = 0; j < 8; ++j) {
            acc += acc;
            if (8 * g + j >= rows) continue;
            const typename X::V llr = X::load(total + (8 * g + j) * W);
            acc -= llr < 0;
            undecided |= llr == 0;
        }
        X::store(group + g * W, acc);
    }
    int16_t any = 0;
    for (int w = 0; w < W; ++w) any |= undecided[w];
    if (rows % 8 == 0) {
        for (int w = 0; w < W; ++w)
            for (int g = 0; g < groups; ++g) bytes[w * groups + g] = static_cast<uint8_t>(group[g * W + w]);
        return !any;
    }
    uint32_t pending = 0;
    int held = 0, n = 0;
    for (int w = 0; w < W; ++w)
        for (int g = 0; g < groups; ++g) {
            const int bits = std::min(8, rows - 8 * g);
            pending = (pending << bits) | (static_cast<uint32_t>(group[g * W + w]) >> (8 - bits));
            held += bits;
            if (held >= 8) {
                held -= 8;
                bytes[n++] = static_cast<uint8_t>(pending >> held);
            }
        }
    return !any;
}

// Fills the working arrays from t->raw and t->tail.
template <int W>
void prepare(TurboScratch* t, const Interleaver& q, int n_filler, int shift) {
    using X = Lanes<W>;
    const int k = q.k, rows = q.rows;
    scale_row(t->raw, t->channel[0] + edge, k, shift);
    scale_row(t->raw + k, t->parity[0] + edge, k, shift);
    scale_row(t->raw + 2 * k, t->parity[1] + edge, k, shift);
    for (int i = 0; i < n_filler; ++i) {
        const int at = edge + i % rows * W + i / rows;
        t->channel[0][at] = t->parity[0][at] = clip_channel;
    }
    std::memcpy(t->apriori[0] + edge, t->channel[0] + edge, k * sizeof(int16_t));
    for (int r = 0; r < rows; ++r)
        X::store_permuted(t->channel[1] + edge + q.row_out[r] * W, X::load(t->channel[0] + edge + r * W),
                          q.lane_out.data + r * W);
    int16_t tail[12];  // x, z, x, z, x, z of each code, as sent: down the three streams, column by column
    for (int i = 0; i < 12; ++i) tail[i] = scaled(t->tail[i % 3 * 4 + i / 3], shift);
    for (int code = 0; code < 2; ++code) {
        std::memset(&t->border[code], 0, sizeof(Border));
        tail_metrics(tail + 6 * code, t->border[code].end);
    }
}

template <int W>
TurboResult iterate(TurboScratch* t, const Interleaver& q, int n_filler, const Level& l, int max_iterations, int crc,
                    uint8_t* bytes) {
    prepare<W>(t, q, n_filler, l.shift);
    Siso<W> code[2];
    for (int i = 0; i < 2; ++i)
        code[i] = {t->apriori[i] + edge, t->parity[i] + edge, t->channel[i] + edge, t->apriori[1 - i] + edge, t->total,
                   i ? q.row_back.data : q.row_out.data, i ? q.lane_back.data : q.lane_out.data, i == 1,
                   &t->border[i], t->alpha, q.rows, training_length(q.k, W, l.received)};
    for (int half = 1;; ++half) {
        code[(half - 1) & 1].run();
        const bool last = half == 2 * max_iterations;
        if (crc < 0 && !last) continue;
        const bool decided = pack_decisions<W>(t->total, q.rows, bytes);
        const bool ok = decided && crc >= 0 && crc_bytes(crc, bytes, q.k / 8) == 0;
        if (ok || last) return {half, ok};
    }
}

// Decodes what stands in t->raw and t->tail. Zeros satisfy every checksum, so a block of which nothing was received, or
// less than it has bits of payload, fails without a trial.
inline TurboResult turbo_decode_block(TurboScratch* t, int k, int n_filler, const Level& l, int max_iterations, int crc,
                                      uint8_t* bytes) {
    if (!l.received || (crc >= 0 && l.received < k - n_filler - 24)) {
        std::memset(bytes, 0, k / 8);
        return {0, false};
    }
    const Interleaver& q = *interleaver(k);
    if constexpr (max_lanes >= 32)
        if (q.lanes == 32) return iterate<32>(t, q, n_filler, l, max_iterations, crc, bytes);
    if constexpr (max_lanes >= 16)
        if (q.lanes == 16) return iterate<16>(t, q, n_filler, l, max_iterations, crc, bytes);
    return iterate<8>(t, q, n_filler, l, max_iterations, crc, bytes);
}

// Loads three streams of k + 4 LLRs.
inline void load_streams(TurboScratch* t, const int16_t* d, int k) {
    const int lanes = turbo_lanes(k), rows = k / lanes;
    for (int stream = 0; stream < 3; ++stream) {
        const int16_t* from = d + stream * (k + 4);
        int16_t* to = t->raw + stream * k;
        for (int w = 0; w < lanes; ++w)
            for (int r = 0; r < rows; ++r) to[r * lanes + w] = from[w * rows + r];
        std::memcpy(t->tail + 4 * stream, from + k, 4 * sizeof(int16_t));
    }
}

// Loads a circular buffer of t.length LLRs, followed by one zero.
inline void load_circular(TurboScratch* t, const Circular& c, const int16_t* soft) {
    const uint16_t* gather = c.gather.data;
    for (int i = 0; i < 3 * c.k; ++i) t->raw[i] = soft[gather[i]];
    for (int i = 0; i < 12; ++i) t->tail[i] = soft[c.tail[i]];
}

inline int16_t saturated(int32_t x) { return static_cast<int16_t>(std::min(std::max(x, -32767), 32767)); }

inline void add_saturating(int16_t* sum, const int16_t* x, size_t n) {
    for (size_t i = 0; i < n; ++i) sum[i] = saturated(int32_t{sum[i]} + x[i]);
}

// Adds e LLRs to the circular buffer.
inline void recover_block(const int16_t* llr, size_t e, const Circular& c, int n_cb, int rv, int16_t* soft) {
    const Ring part = ring(c, n_cb, rv);
    size_t place = part.start;
    while (e) {
        const size_t n = std::min(e, part.length - place);
        add_saturating(soft + place, llr, n);
        llr += n;
        e -= n;
        place = 0;
    }
}

}  // namespace picocell::PICOCELL_NS
