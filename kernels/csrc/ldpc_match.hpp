// Rate matching of a code block: bit selection and interleaving (TS 38.212 5.4.2), and the way back. Bit j of all
// symbols is one run of the selection, so a chunk of symbols is q_m short runs, which are then interleaved.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int ldpc_chunk = 512;  // symbols

// The selection: places of the circular buffer without filler, from k0 on and around.
struct LdpcSelection {
    size_t begin, gap, usable, first;  // filler: gap places from `begin` on; first: k0 among the usable places

    explicit LdpcSelection(const LdpcRing& ring) {
        const int end = std::min(ring.filler_end, ring.n_cb);
        begin = std::min(ring.filler_begin, ring.n_cb);
        gap = std::max(0, end - static_cast<int>(begin));
        usable = ring.n_cb - gap;
        first = size_t(ring.k0) < begin ? ring.k0 : std::max(size_t(ring.k0), begin + gap) - gap;
    }

    // Runs of the buffer that make up bits [at, at + count) of the selection: call(place, bits before, bits).
    template <class Call>
    void runs(size_t at, size_t count, Call call) const {
        size_t rank = (first + at) % usable;
        for (size_t done = 0; done < count;) {
            const size_t end = rank < begin ? begin : usable;
            const size_t n = std::min(count - done, end - rank);
            call(rank < begin ? rank : rank + gap, done, n);
            done += n;
            rank = rank + n == usable ? 0 : rank + n;
        }
    }
};

template <int Order>
void ldpc_match_order(const LdpcRing& ring, const uint8_t* coded, size_t e, uint8_t* __restrict out) {
    const LdpcSelection selection(ring);
    const size_t symbols = e / Order;
    alignas(64) uint8_t bits[Order][ldpc_chunk];
    for (size_t begin = 0; begin < symbols; begin += ldpc_chunk) {
        const size_t n = std::min<size_t>(ldpc_chunk, symbols - begin);
        for (int j = 0; j < Order; ++j)
            selection.runs(j * symbols + begin, n, [&](size_t place, size_t done, size_t count) {
                std::memcpy(bits[j] + done, coded + place, count);
            });
        uint8_t* __restrict to = out + begin * Order;
        for (size_t i = 0; i < n; ++i)
            for (int j = 0; j < Order; ++j) to[i * Order + j] = bits[j][i];
    }
}

template <int Order>
void ldpc_recover_order(const LdpcRing& ring, const int16_t* llr, size_t e, int16_t* __restrict soft) {
    const LdpcSelection selection(ring);
    const size_t symbols = e / Order;
    alignas(64) int16_t part[Order][ldpc_chunk];
    for (size_t begin = 0; begin < symbols; begin += ldpc_chunk) {
        const size_t n = std::min<size_t>(ldpc_chunk, symbols - begin);
        const int16_t* from = llr + begin * Order;
        for (size_t i = 0; i < n; ++i)
            for (int j = 0; j < Order; ++j) part[j][i] = from[i * Order + j];
        for (int j = 0; j < Order; ++j)
            selection.runs(j * symbols + begin, n, [&](size_t place, size_t done, size_t count) {
                int16_t* __restrict sum = soft + place;
                for (size_t i = 0; i < count; ++i) {
                    const int32_t x = int32_t{sum[i]} + part[j][done + i];
                    sum[i] = static_cast<int16_t>(std::min(std::max(x, -32767), 32767));
                }
            });
    }
}

inline void ldpc_match(const LdpcRing* ring, const uint8_t* coded, int q_m, size_t e, uint8_t* out) {
    switch (q_m) {
        case 1: return ldpc_match_order<1>(*ring, coded, e, out);
        case 2: return ldpc_match_order<2>(*ring, coded, e, out);
        case 4: return ldpc_match_order<4>(*ring, coded, e, out);
        case 6: return ldpc_match_order<6>(*ring, coded, e, out);
        case 8: return ldpc_match_order<8>(*ring, coded, e, out);
        default: return ldpc_match_order<10>(*ring, coded, e, out);
    }
}

inline void ldpc_recover(const LdpcRing* ring, const int16_t* llr, int q_m, size_t e, int16_t* soft) {
    switch (q_m) {
        case 1: return ldpc_recover_order<1>(*ring, llr, e, soft);
        case 2: return ldpc_recover_order<2>(*ring, llr, e, soft);
        case 4: return ldpc_recover_order<4>(*ring, llr, e, soft);
        case 6: return ldpc_recover_order<6>(*ring, llr, e, soft);
        case 8: return ldpc_recover_order<8>(*ring, llr, e, soft);
        default: return ldpc_recover_order<10>(*ring, llr, e, soft);
    }
}

}  // namespace picocell::PICOCELL_NS
