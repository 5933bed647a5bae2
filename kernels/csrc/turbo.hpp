// LTE turbo code: encoder, decoder, rate matching of one code block. TS 36.212 5.1.3.2 and 5.1.4.1.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

struct TurboResult {
    int32_t half_iterations;  // constituent decodings done
    int32_t crc_ok;           // a checksum was asked for and holds
};

struct TurboOps {
    // 188 rows (K, f1, f2) and the 32 columns of the sub-block interleaver; called once, before all else.
    void (*set_tables)(const int32_t* qpp, const int32_t* columns);
    // k bits, one a byte, to 3 streams of k + 4.
    void (*encode)(const uint8_t* bits, int k, uint8_t* d);
    // Coded bits that the circular buffer holds before N_cb ends it; 0 if there is none.
    int (*usable)(int k, int n_filler, int n_cb);
    // 3 streams of k + 4 to e transmitted bits.
    void (*match)(const uint8_t* d, int k, int n_filler, int n_cb, int rv, size_t e, uint8_t* out);
    // Adds e LLRs to the 3 streams of k + 4, saturating.
    void (*recover)(const int16_t* llr, size_t e, int k, int n_filler, int n_cb, int rv, int16_t* d);
    // `encode` and `match` in one.
    void (*encode_match)(const uint8_t* bits, int k, int n_filler, int n_cb, int rv, size_t e, uint8_t* out);
    void* (*decoder_new)();
    void (*decoder_free)(void* decoder);
    // d: n blocks of 3 streams of k + 4 LLRs. bits: n blocks of k. crc: a CrcKind or -1.
    void (*decode)(void* decoder, const int16_t* d, int n, int k, int n_filler, int max_iterations, int crc,
                   uint8_t* bits, TurboResult* results);
};

const TurboOps& turbo_ops_base();
const TurboOps& turbo_ops_avx2();
const TurboOps& turbo_ops_avx512();

inline const TurboOps& turbo_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return turbo_ops_avx512();
    if (isa == 1) return turbo_ops_avx2();
#endif
    (void)isa;
    return turbo_ops_base();
}

}  // namespace picocell
