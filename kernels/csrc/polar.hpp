// NR polar code: encoder with rate matching, successive cancellation and list decoders. TS 38.212 5.3.1 and 5.4.1.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int polar_max_n = 1024, polar_max_e = 8192, polar_max_list = 16, polar_crcs = 3;

enum PolarBit : uint8_t { polar_frozen = 0, polar_info = 1, polar_parity = 2 };

enum PolarMatch : int { polar_repeat = 0, polar_puncture = 1, polar_shorten = 2 };

// A code with its interleavers and rate matching; names as in the clauses.
struct PolarCode {
    int k, n, log_n, e, n_pc;
    int match;                        // a PolarMatch
    bool i_bil;
    uint8_t bit[polar_max_n];         // what u_i is: a PolarBit
    uint16_t place[polar_max_n];      // u index of bit i of the block, behind the interleaver
    uint16_t order[polar_max_n];      // u indices of bits of the block and parity bits, ascending
    uint16_t sub_block[32];           // P(i)
    uint16_t sent[polar_max_e];       // index k of e_k for each bit f_i that is sent, where i_bil
    uint32_t remainder[polar_crcs][polar_max_n];  // of D^(k - 1 - i): what bit i adds to a checksum
};

enum PolarLlr : int { polar_int8 = 0, polar_int16 = 1, polar_float32 = 2 };

// LLRs of several blocks of e, and how to decode them.
struct PolarInput {
    const void* llr;
    int kind;       // a PolarLlr
    int blocks;
    int list;       // paths kept, 1..polar_max_list
    int crc;        // which checksum ends the block: 0 CRC24C, 1 CRC11, 2 CRC6, -1 none
    uint32_t mask;  // what was added to it
};

struct PolarOps {
    // Bits one a byte: blocks of k, or of k less the checksum that `crc` names, to blocks of e.
    void (*encode)(const PolarCode* code, const uint8_t* bits, int blocks, int crc, uint32_t mask, uint8_t* out);
    void* (*decoder_new)(const PolarCode* code);
    void (*decoder_free)(void* decoder);
    // bits: k a block, one a byte; ok: one a block.
    void (*decode)(void* decoder, const PolarInput* input, uint8_t* bits, uint8_t* ok);
};

const PolarOps& polar_ops_base();
const PolarOps& polar_ops_avx2();
const PolarOps& polar_ops_avx512();

inline const PolarOps& polar_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return polar_ops_avx512();
    if (isa == 1) return polar_ops_avx2();
#endif
    (void)isa;
    return polar_ops_base();
}

}  // namespace picocell
