// Turbo decoding of code blocks of one size: as many side by side as fill the lanes.
#pragma once

namespace picocell::PICOCELL_NS {

struct TurboScratch {
    static constexpr int room = turbo_width * turbo_max_rows;
    alignas(64) int8_t natural[3][room + 64];
    alignas(64) int8_t channel[2][room + 2 * turbo_edge];
    alignas(64) int8_t parity[2][room + 2 * turbo_edge];
    alignas(64) int8_t apriori[2][room + 2 * turbo_edge];
    alignas(64) int8_t total[room];
    alignas(64) int8_t metrics[7 * turbo_width * turbo_part];
    alignas(64) int8_t packed[packed_stride * turbo_width];
    Border border[2];
    alignas(64) int8_t ends[2][8][turbo_width];  // metrics behind the last bit, of each block
    uint8_t whole[turbo_max_k / 8 + 64];
    alignas(64) int16_t raw[3 * turbo_max_k];  // one block as it comes out of a circular buffer
    int16_t tail[12];
    uint8_t bytes[64][turbo_max_k / 8];        // decoded blocks of a call
};

// A code block to decode. TS 36.212 5.1.3.2.
struct TurboBlock {
    const int16_t* d[3];  // K LLRs of each stream, positive for 0; 0: not received
    int16_t tail[12];     // x, z, x, z, x, z of each code
    int n_filler;         // bits at the start that are known to be 0
    uint8_t* bytes;       // K / 8 decoded bytes
    Level level;
    TurboResult result;
};

typedef int16_t States __attribute__((vector_size(16)));

// Metrics of the states behind the last bit: each has one way through the three tail steps. They are kept no further
// apart than metrics within a block can be, which plain sums rely on.
inline void tail_metrics(const int8_t* tail, int8_t* metrics) {
    static constexpr States zero[6] = {
        // states, 0 to 7, whose step has a 0 there: x and z of three steps
        {1, 0, 0, 1, 1, 0, 0, 1}, {1, 0, 1, 0, 0, 1, 0, 1}, {1, 1, 0, 0, 0, 0, 1, 1},
        {1, 1, 0, 0, 1, 1, 0, 0}, {1, 1, 1, 1, 0, 0, 0, 0}, {1, 1, 1, 1, 0, 0, 0, 0},
    };
    static constexpr States reach[8] = {
        // backward_reach[i ^ j] for j = 0 to 7
        {0, 38, 63, 51, 76, 64, 51, 51}, {38, 0, 51, 63, 64, 76, 51, 51}, {63, 51, 0, 38, 51, 51, 76, 64},
        {51, 63, 38, 0, 51, 51, 64, 76}, {76, 64, 51, 51, 0, 38, 63, 51}, {64, 76, 51, 51, 38, 0, 51, 63},
        {51, 51, 76, 64, 63, 51, 0, 38}, {51, 51, 64, 76, 51, 63, 38, 0},
    };
    States m{};
    for (int i = 0; i < 6; ++i) m += zero[i] * tail[i];
    States kept = m;
    for (int j = 0; j < 8; ++j) {
        const States other = m[j] - reach[j];
        kept = other > kept ? other : kept;
    }
    for (int i = 0; i < 8; ++i) metrics[i] = static_cast<int8_t>(kept[i] - kept[0]);
}

// Of all but the tail and the filler.
inline Level block_level(const TurboBlock& x, int k) {
    LevelSum sum;
    for (int i = 0; i < 3; ++i) {
        const int skip = i < 2 ? x.n_filler : 0;
        sum.add(x.d[i] + skip, k - skip);
    }
    return sum.level();
}

// Steps run before a window: the more is punctured, the longer the code remembers.
inline int training_length(int k, int received) {
    return 10 * received < 13 * k   ? 64
           : 10 * received < 16 * k ? 48
           : 10 * received < 20 * k ? 32
           : 10 * received < 25 * k ? 16
                                    : 8;
}

// Where windows are short there are many, and more of them depend on what the last iteration left at their borders.
inline int training_of(int training, int rows) {
    if (rows < 48 && training >= 32) return training * 3 / 2;
    return std::max(training, rows < 80 ? 16 : rows < 120 ? 12 : 8);
}

// One block's LLRs to the decoder's scale.
inline void load_block(TurboScratch* t, const TurboBlock& x, int k, int place) {
    const Scale s = scale_of(x.level, k);
    for (int i = 0; i < 3; ++i)
        scale_stream(x.d[i], t->natural[i] + place * k, k, s, i ? clip_parity : clip_apriori);
    std::memset(t->natural[0] + place * k, clip_apriori, x.n_filler);
    std::memset(t->natural[1] + place * k, clip_parity, x.n_filler);
    int8_t tail[12];
    for (int i = 0; i < 12; ++i) tail[i] = scaled(x.tail[i], s, clip_parity);
    for (int code = 0; code < 2; ++code) {
        int8_t metrics[8];
        tail_metrics(tail + 6 * code, metrics);
        for (int i = 1; i < 8; ++i) t->ends[code][i][place] = metrics[i];
    }
}

// From t->natural to rows of lanes; lanes without a block repeat the last one.
inline void load_rows(TurboScratch* t, const Windows& q, int n) {
    using X = Lanes8;
    alignas(64) int8_t block[X::N];
    int32_t place[X::N];
    for (int b = 0, lane = 0; lane < X::N; b += b < n - 1)
        for (int w = 0; w < q.windows; ++w, ++lane) {
            block[lane] = static_cast<int8_t>(b);
            place[lane] = b * q.k + w * q.rows;
        }
    int8_t *const mine = t->channel[0] + turbo_edge, *const others = t->channel[1] + turbo_edge;
    to_lanes<true>(t->natural[0], place, q.rows, t->apriori[0] + turbo_edge, mine);
    to_lanes<false>(t->natural[1], place, q.rows, t->parity[0] + turbo_edge, nullptr);
    to_lanes<false>(t->natural[2], place, q.rows, t->parity[1] + turbo_edge, nullptr);
    for (int r = 0; r < q.rows; ++r) {
        const X::V v = X::load(mine + r * X::N);
        const int8_t* from = q.lane_out.data + r * q.wide;
        X::store(others + q.row_out[r] * X::N, q.windows > 16 ? X::turned(v, from) : X::turned_within(v, from));
    }
    for (int code = 0; code < 2; ++code) {
        Border& border = t->border[code];
        for (int i = 0; i < 7; ++i) X::store(border.end + i * X::N, X::turned(X::load(t->ends[code][i + 1]), block));
        std::memset(border.forward, 0, sizeof border.forward);
        std::memset(border.backward, 0, (q.rows + turbo_part - 1) / turbo_part * sizeof border.backward[0]);
    }
}

inline Siso siso_of(TurboScratch* t, const Windows& q, int code, int training) {
    const int parts = (q.rows + turbo_part - 1) / turbo_part;
    Siso s{};
    s.apriori = t->apriori[code] + turbo_edge;
    s.parity = t->parity[code] + turbo_edge;
    s.channel = t->channel[code] + turbo_edge;
    s.apriori_out = t->apriori[1 - code] + turbo_edge;
    s.total_out = t->total;
    s.row_out = code ? q.row_back.data : q.row_out.data;
    s.lane_out = code ? q.lane_back.data : q.lane_out.data;
    s.lane_mask = q.mask.data;
    s.border = &t->border[code];
    s.metrics = t->metrics;
    s.rows = q.rows;
    s.windows = q.windows;
    s.part = (q.rows + parts - 1) / parts;
    s.training = training;
    return s;
}

inline Damping damping(int half, int max_iterations) {
    return half <= 2 ? Damping::early : half > 2 * max_iterations - 4 ? Damping::late : Damping::usual;
}

// Decodes up to N / W blocks, whose LLRs are in t->natural.
inline void decode_group(TurboScratch* t, const Windows& q, TurboBlock* const* blocks, int n, int training,
                         int max_iterations, int crc) {
    load_rows(t, q, n);
    const int steps = training_of(training, q.rows);
    const Siso code[2] = {siso_of(t, q, 0, steps), siso_of(t, q, 1, steps)};
    bool done[turbo_width] = {};
    for (int half = 1, left = n; left; ++half) {
        const bool last = half == 2 * max_iterations, look = last || crc >= 0, second = half % 2 == 0;
        const Wanted wanted = last ? Wanted::total : look ? Wanted::both : Wanted::extrinsic;
        code[second].run(damping(half, max_iterations), wanted, second);
        if (!look) continue;
        alignas(64) int8_t open[turbo_width];
        lane_bits(t->total, q.rows, t->packed, open);
        for (int b = 0; b < n; ++b) {
            if (done[b]) continue;
            TurboBlock& x = *blocks[b];
            const int first = b * q.windows;
            block_bytes(t->packed + first * packed_stride, q.windows, q.rows, t->whole);
            std::memcpy(x.bytes, t->whole, q.k / 8);
            int8_t undecided = 0;
            for (int w = 0; w < q.windows; ++w) undecided |= open[first + w];
            const bool ok = crc >= 0 && !undecided && crc_bytes(crc, x.bytes, q.k / 8) == 0;
            if (!ok && !last) continue;
            x.result = {half, ok};
            done[b] = true;
            --left;
        }
    }
}

// Windows a block is cut into when n blocks wait: fewest steps in all. 53 and 16 are cycles of a row and of a row of
// training.
inline int choose_windows(int k, int n, int training) {
    int best = 1;
    int64_t least = INT64_MAX;
    for (int windows = turbo_width; windows; windows /= 2) {
        const int rows = k / windows, side = turbo_width / windows;
        if (k % windows || rows < 16 || rows > turbo_max_rows) continue;
        const int parts = (rows + turbo_part - 1) / turbo_part;
        const int64_t cost = int64_t{(n + side - 1) / side} * (53 * rows + 16 * training_of(training, rows) * (parts - 1 + 2 * (windows > 1)));
        if (cost < least) least = cost, best = windows;
    }
    return best;
}

// Zeros satisfy every checksum, so a block of which nothing was received, or less than it has bits of payload, fails
// without a trial.
inline bool hopeless(const TurboBlock& x, int k, int crc) {
    return !x.level.received || (crc >= 0 && x.level.received < k - x.n_filler - 24);
}

// Decodes n blocks of K bits; each stops when its checksum holds (crc: a CrcKind, or -1 for all iterations).
inline void turbo_decode_blocks(TurboScratch* t, TurboBlock* blocks, int n, int k, int max_iterations, int crc) {
    for (int next = 0; next < n;) {
        TurboBlock* group[turbo_width];
        int filled = 0, training = 0, windows = 0;
        for (; next < n && (!filled || filled < turbo_width / windows); ++next) {
            TurboBlock& x = blocks[next];
            if (hopeless(x, k, crc)) {
                std::memset(x.bytes, 0, k / 8);
                x.result = {0, 0};
                continue;
            }
            training = std::max(training, training_length(k, x.level.received));
            if (!filled) windows = choose_windows(k, n - next, training);
            load_block(t, x, k, filled);
            group[filled++] = &x;
        }
        if (filled) decode_group(t, *windows_of(k, windows), group, filled, training, max_iterations, crc);
    }
}

// Three streams of k + 4 LLRs as a block.
inline TurboBlock block_of(const int16_t* d, int k, int n_filler, uint8_t* bytes) {
    TurboBlock x{{d, d + k + 4, d + 2 * (k + 4)}, {}, n_filler, bytes, {}, {}};
    x.level = block_level(x, k);
    for (int i = 0; i < 12; ++i) x.tail[i] = d[i % 3 * (k + 4) + k + i / 3];  // as sent: column by column
    return x;
}

// Loads a circular buffer of t.length LLRs, followed by one zero.
inline void load_circular(TurboScratch* t, const Circular& c, const int16_t* soft) {
    const uint16_t* gather = c.gather.data;
    for (int i = 0; i < 3 * c.k; ++i) t->raw[i] = soft[gather[i]];
    for (int i = 0; i < 12; ++i) t->tail[i] = soft[c.tail[i % 3 * 4 + i / 3]];
}

// Decodes what load_circular left; `level` is that of the circular buffer.
inline TurboResult turbo_decode_block(TurboScratch* t, int k, int n_filler, const Level& level, int max_iterations, int crc,
                                      uint8_t* bytes) {
    TurboBlock x{{t->raw, t->raw + k, t->raw + 2 * k}, {}, n_filler, bytes, level, {}};
    std::memcpy(x.tail, t->tail, sizeof x.tail);
    turbo_decode_blocks(t, &x, 1, k, max_iterations, crc);
    return x.result;
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
