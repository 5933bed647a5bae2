// Body of the turbo kernel, compiled once per instruction set.
#pragma once
#include "turbo.hpp"
#include "crc_body.hpp"
#include "turbo_tables.hpp"
#include "turbo_encode.hpp"
#include "turbo_siso.hpp"
#include "turbo_decode.hpp"

namespace picocell::PICOCELL_NS {

inline int turbo_usable(int k, int n_filler, int n_cb) {
    const CircularFor circular(k, n_filler);
    return ring(*circular.table, n_cb, 0).length;
}

inline void turbo_match(const uint8_t* d, int k, int n_filler, int n_cb, int rv, size_t e, uint8_t* out) {
    const CircularFor circular(k, n_filler);
    turbo_match_block(d, *circular.table, n_cb, rv, e, out);
}

inline void turbo_recover(const int16_t* llr, size_t e, int k, int n_filler, int n_cb, int rv, int16_t* d) {
    const CircularFor circular(k, n_filler);
    const Circular& c = *circular.table;
    const Array<int16_t> soft(c.length);
    for (int i = 0; i < c.length; ++i) soft.data[i] = d[c.source[i]];
    recover_block(llr, e, c, n_cb, rv, soft.data);
    for (int i = 0; i < c.length; ++i) d[c.source[i]] = soft[i];
}

inline void* turbo_decoder_new() {
    void* p = std::aligned_alloc(64, (sizeof(TurboScratch) + 63) / 64 * 64);
    if (p) std::memset(p, 0, sizeof(TurboScratch));
    return p;
}

inline void turbo_decoder_free(void* decoder) { std::free(decoder); }

inline TurboResult turbo_decode(void* decoder, const int16_t* d, int k, int n_filler, int max_iterations, int crc,
                                uint8_t* bytes) {
    auto* t = static_cast<TurboScratch*>(decoder);
    load_streams(t, d, k);
    const int lanes = turbo_lanes(k), rows = k / lanes;
    for (int i = 0; i < n_filler; ++i) {
        const int at = i % rows * lanes + i / rows;
        t->raw[at] = t->raw[k + at] = 0;
    }
    return turbo_decode_block(t, k, n_filler, level(t->raw, 3 * k), max_iterations, crc, bytes);
}

inline const TurboOps& turbo_make_ops() {
    static const TurboOps ops{turbo_set_tables, turbo_encode_block, turbo_usable, turbo_match,
                              turbo_recover, turbo_decoder_new, turbo_decoder_free, turbo_decode};
    return ops;
}

}  // namespace picocell::PICOCELL_NS
