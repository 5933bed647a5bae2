// Body of the turbo kernel, compiled once per instruction set.
#pragma once
#include "turbo.hpp"
#include "crc_body.hpp"
#include "turbo_lanes.hpp"
#include "turbo_tables.hpp"
#include "turbo_encode.hpp"
#include "turbo_siso.hpp"
#include "turbo_load.hpp"
#include "turbo_decode.hpp"
#include "turbo_packed.hpp"
#include "turbo_match.hpp"

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

inline void turbo_decode(void* decoder, const int16_t* d, int n, int k, int n_filler, int max_iterations, int crc,
                         uint8_t* bits, TurboResult* results) {
    auto* t = static_cast<TurboScratch*>(decoder);
    constexpr int most = sizeof t->bytes / sizeof t->bytes[0];
    TurboBlock blocks[most];
    for (int first = 0; first < n; first += most) {
        const int part = std::min(most, n - first);
        for (int i = 0; i < part; ++i)
            blocks[i] = block_of(d + ptrdiff_t{first + i} * 3 * (k + 4), k, n_filler, t->bytes[i]);
        turbo_decode_blocks(t, blocks, part, k, max_iterations, crc);
        for (int i = 0; i < part; ++i) {
            unpack_bits(t->bytes[i], k / 8, bits + ptrdiff_t{first + i} * k);
            results[first + i] = blocks[i].result;
        }
    }
}

inline const TurboOps& turbo_make_ops() {
    static const TurboOps ops{turbo_set_tables, turbo_encode_block, turbo_usable, turbo_match,
                              turbo_recover, encode_and_match, turbo_decoder_new, turbo_decoder_free, turbo_decode};
    return ops;
}

}  // namespace picocell::PICOCELL_NS
