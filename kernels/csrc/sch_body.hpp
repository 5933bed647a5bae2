// Body of the shared channel kernel, compiled once per instruction set.
#pragma once
#include "sch.hpp"
#include "turbo_body.hpp"

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

inline void sch_encode(const SchShape* shape, const uint8_t* payload, uint8_t* out) {
    const Segmentation s = sch_segment(shape->tbs);
    uint8_t trailer[3];
    put_crc(trailer, crc_bytes(crc24a_kind, payload, shape->tbs / 8));
    alignas(64) uint8_t bytes[turbo_max_k / 8 + 8];
    alignas(64) uint8_t bits[turbo_max_k], d[3 * (turbo_max_k + 4)];
    int left = shape->tbs / 8, attached = 0;  // payload bytes not yet taken, CRC24A bytes taken
    for (int r = 0; r < s.c; ++r) {
        const SchBlock b = sch_block(s, *shape, r);
        const int skip = b.n_filler / 8, own = std::min(b.data, left);
        std::memset(bytes, 0, skip);
        std::memcpy(bytes + skip, payload, own);
        // CRC24A follows the payload, and may begin in the last block but one.
        std::memcpy(bytes + skip + own, trailer + attached, b.data - own);
        attached += b.data - own;
        payload += own;
        left -= own;
        if (s.crc) put_crc(bytes + skip + b.data, crc_bytes(crc24b_kind, bytes, skip + b.data));
        unpack_bits(bytes, b.k / 8, bits);
        turbo_encode_block(bits, b.k, d);
        const CircularFor circular(b.k, b.n_filler);
        turbo_match_block(d, *circular.table, b.n_cb, shape->rv, b.e, out);
        out += b.e;
    }
}

struct SchScratch {
    TurboScratch turbo;
    alignas(64) int16_t soft[3 * (turbo_max_k + 4) + 64];
    uint8_t bytes[sch_block_bytes];
    uint8_t whole[sch_max_tbs / 8 + 3];
};

inline void* sch_decoder_new() {
    void* p = std::aligned_alloc(64, (sizeof(SchScratch) + 63) / 64 * 64);
    if (p) std::memset(p, 0, sizeof(SchScratch));
    return p;
}

inline void sch_decoder_free(void* decoder) { std::free(decoder); }

inline SchOutcome sch_decode(void* decoder, const SchShape* shape, const int16_t* llr, const SchSoft* soft,
                             int max_iterations, uint8_t* payload) {
    auto* t = static_cast<SchScratch*>(decoder);
    const Segmentation s = sch_segment(shape->tbs);
    SchOutcome outcome{};
    uint8_t* whole = t->whole;
    for (int r = 0; r < s.c; ++r) {
        const SchBlock b = sch_block(s, *shape, r);
        uint8_t* bytes = soft ? soft->bytes + r * sch_block_bytes : t->bytes;
        bool ok = soft && soft->passed[r];
        if (!ok) {
            const CircularFor circular(b.k, b.n_filler);
            const Circular& c = *circular.table;
            int16_t* sum = soft ? soft->llr + r * soft->stride : t->soft;
            if (!soft) std::memset(sum, 0, (c.length + 1) * sizeof(int16_t));
            recover_block(llr, b.e, c, b.n_cb, shape->rv, sum);
            load_circular(&t->turbo, c, sum);
            const int crc = s.crc ? crc24b_kind : crc24a_kind;
            const TurboResult done =
                turbo_decode_block(&t->turbo, b.k, b.n_filler, level(sum, c.length), max_iterations, crc, bytes);
            ok = done.crc_ok;
            outcome.blocks_tried += 1;
            outcome.iterations += (done.half_iterations + 1) / 2;
            if (soft) soft->passed[r] = ok;
        }
        outcome.blocks_ok += ok;
        llr += b.e;
        std::memcpy(whole, bytes + b.n_filler / 8, b.data);
        whole += b.data;
    }
    outcome.crc_ok = outcome.blocks_ok == s.c && crc_bytes(crc24a_kind, t->whole, shape->tbs / 8 + 3) == 0;
    // A block passed that should not have: which one is unknown, so the next transmission decodes them all.
    if (soft && outcome.blocks_ok == s.c && !outcome.crc_ok) std::memset(soft->passed, 0, s.c);
    std::memcpy(payload, t->whole, shape->tbs / 8);
    return outcome;
}

inline const SchOps& sch_make_ops() {
    static const SchOps ops{turbo_set_tables, sch_segment,      sch_fits,  sch_encode,
                            sch_decoder_new,  sch_decoder_free, sch_decode};
    return ops;
}

}  // namespace picocell::PICOCELL_NS
