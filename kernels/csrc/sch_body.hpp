// Body of the shared channel kernel, compiled once per instruction set.
#pragma once
#include "sch.hpp"
#include "turbo_body.hpp"

#include "sch_crc.hpp"
#include "sch_encode.hpp"

namespace picocell::PICOCELL_NS {

// TS 36.212 5.1.2.
inline Segmentation sch_segment(int tbs) {
    const int b = tbs + 24;
    Segmentation s{};
    s.c = 1;
    if (b > turbo_max_k) {
        s.crc = 24;
        s.c = (b + turbo_max_k - 24 - 1) / (turbo_max_k - 24);
    }
    const int total = b + s.c * s.crc;
    int i = 0;
    while (s.c * turbo_static.qpp[i][0] < total) ++i;
    s.k_plus = turbo_static.qpp[i][0];
    if (s.c > 1) {
        s.k_minus = turbo_static.qpp[i - 1][0];
        s.c_minus = (s.c * s.k_plus - total) / (s.k_plus - s.k_minus);
    }
    s.f = s.c * s.k_plus - s.c_minus * (s.k_plus - s.k_minus) - total;
    return s;
}

// One code block's part in the transport block: sizes in bits, places in order.
struct SchBlock {
    int k, n_filler, n_cb;
    int data;       // bytes of the transport block (with CRC24A) in it
    size_t e;       // bits sent
};

inline SchBlock sch_block(const Segmentation& s, const SchShape& shape, int r) {
    SchBlock b{};
    b.k = r < s.c_minus ? s.k_minus : s.k_plus;
    b.n_filler = r == 0 ? s.f : 0;
    b.data = (b.k - b.n_filler - s.crc) / 8;
    // At most the size of the whole buffer (0 stands for that), at least one place.
    b.n_cb = shape.n_ir ? std::max(1, shape.n_ir / s.c) : 0;
    const int64_t symbols = shape.g / shape.unit;  // G'
    b.e = static_cast<size_t>(shape.unit * (symbols / s.c + (r >= s.c - symbols % s.c)));
    return b;
}

inline bool sch_fits(int tbs, int n_ir) {
    const Segmentation s = sch_segment(tbs);
    const SchShape shape{tbs, 1, 0, n_ir, 0};
    for (int r = 0; r < s.c; ++r) {
        const SchBlock b = sch_block(s, shape, r);
        if (n_ir && n_ir / s.c == 0) return false;
        if (!turbo_usable(b.k, b.n_filler, b.n_cb)) return false;
    }
    return true;
}

inline void put_crc(uint8_t* to, uint32_t crc) {
    to[0] = static_cast<uint8_t>(crc >> 16);
    to[1] = static_cast<uint8_t>(crc >> 8);
    to[2] = static_cast<uint8_t>(crc);
}

// Bytes of a code block of the transport block, and its checksum.
struct SchSource {
    const uint8_t* payload;
    int left;      // bytes not yet taken
    int attached;  // bytes of CRC24A taken
    uint8_t trailer[3];

    void take(const SchBlock& b, uint8_t* to) {
        const int skip = b.n_filler / 8, own = std::min(b.data, left);
        std::memset(to, 0, skip);
        std::memcpy(to + skip, payload, own);
        // CRC24A follows the payload, and may begin in the last block but one.
        std::memcpy(to + skip + own, trailer + attached, b.data - own);
        attached += b.data - own;
        payload += own;
        left -= own;
    }
};

constexpr int sch_row = sch_block_bytes + 64;  // bytes of a code block, and room to read on

// Checksums behind n blocks of the same length.
inline void sch_checksums(uint8_t* bytes, int n, size_t length) {
#if PICOCELL_ISA_LEVEL >= 1
    for (int r = 0; r < n; ++r) {
        uint8_t* block = bytes + r * sch_row;
        put_crc(block + length, crc_bytes(crc24b_kind, block, length));
    }
#else
    const CrcTable& t = crc_tables[crc24b_kind];
    const size_t head = length % 8;
    for (int r = 0; r < n; r += crc_chains) {
        uint32_t crc[crc_chains];
        uint8_t* group = bytes + r * sch_row;
        for (int i = 0; i < crc_chains; ++i) crc[i] = crc_bytes(crc24b_kind, group + i * sch_row, head) << 8;
        crc_side_by_side(t, group + head, sch_row, length - head, crc);
        for (int i = 0; i < std::min(n - r, crc_chains); ++i) put_crc(group + i * sch_row + length, crc[i] >> 8);
    }
#endif
}

// Encodes blocks r to r + n - 1, alike in size and filler, to `out` from bit `at` on; returns where they end.
template <class T>
size_t sch_encode_group(const Segmentation& s, const SchShape& shape, SchSource& source, int r, int n, uint64_t* out,
                        size_t at) {
    using S = Slices<T>;
    alignas(64) uint8_t bytes[(S::blocks + crc_chains) * sch_row];
    S slices;
    size_t e[S::blocks], first[S::blocks];
    const SchBlock like = sch_block(s, shape, r);
    for (int i = 0; i < n; ++i) {
        const SchBlock b = sch_block(s, shape, r + i);
        source.take(b, bytes + i * sch_row);
        e[i] = b.e;
        first[i] = at;
        at += b.e;
    }
    if (s.crc) sch_checksums(bytes, n, like.k / 8 - 3);
    slice_bytes<T>(bytes, sch_row, n, like.k, slices.input + slice_pad);
    slice_turbo(slices, like.k);
    const CircularFor circular(like.k, like.n_filler);
    slice_match(slices, *circular.table, ring(*circular.table, like.n_cb, shape.rv), n, e, first, out);
    return at;
}

inline void sch_encode(const SchShape* shape, const uint8_t* payload, uint64_t* out) {
    const Segmentation s = sch_segment(shape->tbs);
    SchSource source{payload, shape->tbs / 8, 0, {}};
    put_crc(source.trailer, crc_long(crc24a_kind, payload, shape->tbs / 8));
    std::memset(out, 0, (shape->g + 63) / 64 * 8);
    size_t at = 0;
    for (int r = 0; r < s.c;) {
        // Blocks of one size go together, apart from one with filler bits.
        const int like = r == 0 && s.f ? 1 : (r < s.c_minus ? s.c_minus : s.c) - r;
        const int n = std::min(like, Slices<uint16_t>::blocks);
        if (n > Slices<uint8_t>::blocks)
            at = sch_encode_group<uint16_t>(s, *shape, source, r, n, out, at);
        else
            at = sch_encode_group<uint8_t>(s, *shape, source, r, n, out, at);
        r += n;
    }
}

template <size_t... I>
constexpr Slices<uint8_t>::V sch_places(std::index_sequence<I...>) {
    return Slices<uint8_t>::V{static_cast<uint8_t>(1u << (I % 8))...};
}

// n bits, the first lowest, to bytes of 0 and 1.
inline void sch_unpack(const uint64_t* words, size_t n, uint8_t* bits) {
    using S = Slices<uint8_t>;
    using Index = std::make_index_sequence<S::lanes>;
    typedef uint64_t Words __attribute__((vector_size(PICOCELL_VECTOR_BYTES)));
    const S::V places = sch_places(Index{});
    size_t i = 0;
    for (; i + S::lanes <= n; i += S::lanes) {
        const S::V some = reinterpret_cast<S::V>(Words{} + (words[i / 64] >> (i % 64)));
        S::store(bits + i, reinterpret_cast<S::V>((slice_spread<uint8_t>(some, Index{}) & places) != 0) & 1);
    }
    for (; i < n; ++i) bits[i] = words[i / 64] >> (i % 64) & 1;
}

}  // namespace picocell::PICOCELL_NS

#include "sch_decode.hpp"

namespace picocell::PICOCELL_NS {

inline const SchOps& sch_make_ops() {
    static const SchOps ops{turbo_set_tables, sch_segment,      sch_fits,  sch_encode,
                            sch_unpack, sch_decoder_new,  sch_decoder_free, sch_decode};
    return ops;
}

}  // namespace picocell::PICOCELL_NS
