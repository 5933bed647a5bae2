// A whole transport block of a shared channel: TS 36.212 5.1.1, 5.1.2, 5.1.3.2, 5.1.4.1, 5.1.5 in one call.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

// Code blocks of a transport block (TS 36.212 5.1.2), named as there.
struct Segmentation {
    int c, k_plus, k_minus, c_minus, f;
    int crc;  // L: bits of CRC24B on each block, 24 or 0
};

struct SchShape {
    int tbs;    // payload bits, a multiple of 8
    int unit;   // N_L * Q_m
    int64_t g;  // coded bits, a multiple of unit
    int n_ir;   // soft buffer of the transport block; 0: no limit
    int rv;
};

// What is kept between the transmissions of a transport block.
struct SchSoft {
    int16_t* llr;     // [c][stride] circular buffers; sch_front more before the first and behind the last can be read
    size_t stride;    // at least 3 * (k_plus + 4) + 1 + sch_front
    uint8_t* passed;  // [c] 1: the checksum of the code block held; sch_passed_at_once: before llr had anything of it
    uint8_t* bytes;   // [c][768] their bits
    uint8_t* fresh;   // whether nothing was received yet, and llr holds nothing
};

struct SchOutcome {
    bool crc_ok;
    int blocks_ok;
    int blocks_tried;
    int iterations;  // of all blocks tried
};

struct SchOps {
    void (*set_tables)(const int32_t* qpp, const int32_t* columns);
    Segmentation (*segment)(int tbs);
    // Whether every code block has a coded bit within its share of n_ir.
    bool (*fits)(int tbs, int n_ir);
    // To words of 64 bits, the first bit lowest; zeros behind the last.
    void (*encode)(const SchShape* shape, const uint8_t* payload, uint64_t* out);
    // n such bits to bytes of 0 and 1.
    void (*unpack)(const uint64_t* words, size_t n, uint8_t* bits);
    // Scratch of as many threads; more than one are kept waiting. Null where there is no memory for them.
    void* (*decoder_new)(int threads);
    void (*decoder_free)(void* decoder);
    // soft may be null.
    SchOutcome (*decode)(void* decoder, const SchShape* shape, const int16_t* llr, const SchSoft* soft,
                         int max_iterations, uint8_t* payload);
};

constexpr int sch_block_bytes = 768;
constexpr int sch_front = 64;  // LLRs
constexpr uint8_t sch_passed_at_once = 2;
constexpr int sch_max_tbs = 400000;

const SchOps& sch_ops_base();
const SchOps& sch_ops_avx2();
const SchOps& sch_ops_avx512();

inline const SchOps& sch_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return sch_ops_avx512();
    if (isa == 1) return sch_ops_avx2();
#endif
    (void)isa;
    return sch_ops_base();
}

}  // namespace picocell
